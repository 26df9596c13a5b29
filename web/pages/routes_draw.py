"""Draws the live regions of the page of routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from labels.model import Change, Conflict, Issue, Route, Table, Waiting
from labels.routing.words import listed
from web.documents import Page
from web.pages.fleet_rows import today
from web.pages.regions import Region
from web.pages.routes_asked import TABS, Asked, Tab, changes_of
from web.pages.routes_past import PastChanges
from web.pages.routes_words import (
    STATUS_TONES,
    WORDS,
    change_tone,
    container_of,
    outside,
    settings_words,
    standing_tone,
)
from web.pages.shell import Viewer, render
from web.pages.wording import element_id
from web.rest.listings import CONFLICTS, ISSUES, WAITING
from web.rest.order import Listing
from web.rest.pages import Cut, cut_page
from web.revp.changes import change_key
from web.revp.selecting import RouteFilter, conflict_test, issue_test, route_test, waiting_test
from web.sources import Sources

T = TypeVar("T")

ROWS = 200
MOST_MEMBERS = 8  # of a row; the page of the domain has all of them
NO_TABLE = Table()
_GRAVITY = ("down", "degraded", "up")
_SEVERITIES = ("error", "warning", "info")
BY_STATUS: Listing[Route] = Listing(
    {"status": lambda route: _GRAVITY.index(route.status)},
    ties=lambda route: (route.domain, route.path),
)
BY_SEVERITY: Listing[Issue] = Listing(
    {"severity": lambda issue: _SEVERITIES.index(issue.severity)}, ties=ISSUES.ties
)
BY_TIME: Listing[Change] = Listing(
    {"time": lambda change: change.time.timestamp()},
    ties=lambda change: (change.revision, change.domain, change.path),
)
_ORDERS: Mapping[Tab, tuple[Listing[Any], str | None]] = {
    "routes": (BY_STATUS, "status"),
    "issues": (BY_SEVERITY, "severity"),
    "conflicts": (CONFLICTS, None),
    "waiting": (WAITING, None),
    "changes": (BY_TIME, "-time"),
}


class RoutesDrawing:
    """Draws one of the lists, again and again for a stream.

    Args:
        source: What who looks may see.
        viewer: Who looks.
        asked: What they asked for.
    """

    def __init__(self, source: Sources, viewer: Viewer, asked: Asked) -> None:
        self._source = source
        self._viewer = viewer
        self._asked = asked
        self._past = PastChanges(source)

    async def refresh(self) -> None:
        """Read what is stored, where it is shown."""
        if self._asked.tab == "changes":
            await self._past.refresh()

    def draw(self) -> Sequence[Region]:
        """The tabs with their counts, and the list."""
        routing, asked = self._source.routing, self._asked
        table = NO_TABLE if routing is None else routing.table()
        wanted = asked.wanted({} if routing is None else routing.host_labels())
        found = self._found(table, wanted)
        counts = {tab: len(items) for tab, items in found.items()}
        tabs = render(
            "routes/tabs.html",
            self._viewer,
            asked=asked,
            tabs=TABS,
            counts=counts,
            by_status={
                word: sum(route.status == word for route in found["routes"]) for word in _GRAVITY
            },
            graver=any(issue.severity != "info" for issue in found["issues"]),
            table=table,
            kept=routing is not None,
            listed=listed,
            **WORDS,
        )
        regions = [Region(id="route-tabs", html=tabs)]
        if asked.tab != "preview":
            regions.append(self._list(asked.tab, found[asked.tab], table))
        return regions

    def _found(self, table: Table, wanted: RouteFilter) -> Mapping[Tab, Sequence[Any]]:
        """All that match, by list; of changes only where they are looked at."""
        statuses = self._asked.statuses
        of_routes = route_test(wanted)
        tests: tuple[tuple[Tab, Sequence[Any], Callable[[Any], bool]], ...] = (
            (
                "routes",
                table.routes,
                lambda route: of_routes(route) and (not statuses or route.status in statuses),
            ),
            ("issues", table.issues, issue_test(wanted)),
            ("conflicts", table.conflicts, conflict_test(wanted)),
            ("waiting", table.waiting, waiting_test(wanted)),
        )
        found: dict[Tab, Sequence[Any]] = {
            tab: [one for one in items if test(one)] for tab, items, test in tests
        }
        if self._asked.tab == "changes":
            found["changes"] = changes_of(self._past.newest(), wanted)
        return found

    def _list(self, tab: Tab, found: Sequence[Any], table: Table) -> Region:
        items, page = self._cut(tab, found)
        draw: Mapping[Tab, Callable[[Any], tuple[str, str]]] = {
            "routes": self._route,
            "issues": self._issue,
            "conflicts": self._conflict,
            "waiting": self._waiting,
            "changes": self._change,
        }
        frame = render(
            f"routes/{tab}.html",
            self._viewer,
            asked=self._asked,
            page=page,
            shown=len(items),
            total=len(table.routes),
            note=self._past.note if tab == "changes" else "",
            kept=self._source.routing is not None,
        )
        return Region(id="route-list", html=frame, rows=dict(map(draw[tab], items)))

    def _cut(self, tab: Tab, found: Sequence[T]) -> tuple[Sequence[T], Page]:
        listing, sort = _ORDERS[tab]
        return cut_page(found, listing.order(sort), Cut(ROWS, cursor=self._asked.cursor or None))

    def _row(
        self, kind: str, names: Sequence[str], told: object, **context: Any
    ) -> tuple[str, str]:
        """A row by its id, drawn anew only if it tells something else than before."""
        ident = element_id(kind, *names)
        html = self._source.drawn.row(
            (kind, *names, str(self._viewer.zone)),
            (told, today(self._viewer)),
            lambda: render(
                f"routes/{kind}_row.html", self._viewer, ident=ident, one=told, **WORDS, **context
            ),
        )
        return ident, html

    def _route(self, route: Route) -> tuple[str, str]:
        return self._row(
            "route",
            (route.domain, route.path),
            route,
            members=sorted(route.members, key=lambda member: member.serving)[:MOST_MEMBERS],
            more=len(route.members) - MOST_MEMBERS,
            settings=settings_words(route.settings, len(route.members)),
            outside=outside(route),
            container_of=container_of,
            standing_tone=standing_tone,
            tone=STATUS_TONES[route.status],
        )

    def _issue(self, issue: Issue) -> tuple[str, str]:
        names = (
            issue.host, issue.container, issue.key, issue.code, issue.domain, issue.message
        )  # fmt: skip
        return self._row("issue", names, issue)

    def _conflict(self, conflict: Conflict) -> tuple[str, str]:
        return self._row(
            "conflict",
            (conflict.domain, conflict.path),
            conflict,
            container_of=container_of,
            listed=listed,
        )

    def _waiting(self, waiting: Waiting) -> tuple[str, str]:
        names = (waiting.domain, waiting.path, waiting.member.id)
        return self._row("waiting", names, waiting, container_of=container_of)

    def _change(self, change: Change) -> tuple[str, str]:
        time, revision, domain, path = change_key(change)
        return self._row(
            "change", (time.isoformat(), str(revision), domain, path), change, tone=change_tone
        )
