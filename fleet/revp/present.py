"""The routes in short, for `/api/fleet` and the verdict."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from fleet.revp.keeper import RouteKeeper
from labels.model import Route, RouteStatus, Table
from web.documents import RouteCountsDocument

MOST_NAMED = 5


class RouteCounts:
    """Counts the routes of a keeper, anew only when they changed."""

    def __init__(self, keeper: RouteKeeper) -> None:
        self._keeper = keeper
        self._counted: tuple[Table, RouteCountsDocument] | None = None

    def document(self) -> RouteCountsDocument:
        """How they are now."""
        table = self._keeper.table()
        if self._counted is None or self._counted[0] is not table:
            self._counted = table, counts_of(table)
        return replace(self._counted[1], error=self._keeper.trouble)


def counts_of(table: Table) -> RouteCountsDocument:
    """Count a table's routes."""
    by_status: dict[RouteStatus, list[Route]] = {"up": [], "degraded": [], "down": []}
    for route in table.routes:
        by_status[route.status].append(route)
    severities = [issue.severity for issue in table.issues]
    held = [route.held_until for route in table.routes if route.held_until is not None]
    return RouteCountsDocument(
        total=len(table.routes),
        up=len(by_status["up"]),
        degraded=len(by_status["degraded"]),
        down=len(by_status["down"]),
        held=len(held),
        degraded_domains=_named(by_status["degraded"]),
        down_domains=_named(by_status["down"]),
        held_until=max(held, default=None),
        errors=severities.count("error"),
        warnings=severities.count("warning"),
        conflicts=len(table.conflicts),
        revision=table.revision,
        complete=table.complete,
        missing=table.missing,
    )


def _named(routes: Iterable[Route]) -> tuple[str, ...]:
    domains = dict.fromkeys(route.domain for route in routes)
    return tuple(domains)[:MOST_NAMED]
