"""How each domain fares, over all its paths."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from labels.model import Route, RouteStatus, Value


class DomainHealth(Value, frozen=True, kw_only=True):
    """One domain.

    Attributes:
        status: `up` if all its routes are, `down` if all are, else `degraded`.
        serving: How many members get requests; `wanted`: how many are meant to.
        held: Some of its routes are held against mass removal.
    """

    domain: str
    status: RouteStatus
    serving: int
    wanted: int
    paths: tuple[str, ...]
    held: bool = False

    @property
    def text(self) -> str:
        """`up`, `degraded 1/2`, `down`."""
        if self.status != "degraded":
            return self.status
        return f"degraded {self.serving}/{self.wanted}"


def by_domain(routes: Iterable[Route]) -> tuple[DomainHealth, ...]:
    """The domains of routes that are sorted as a table has them."""
    grouped = groupby(routes, key=lambda route: route.domain)
    return tuple(_health(domain, list(each)) for domain, each in grouped)


def _health(domain: str, routes: list[Route]) -> DomainHealth:
    statuses = {route.status for route in routes}
    members = [member for route in routes for member in route.members]
    return DomainHealth(
        domain=domain,
        status=statuses.pop() if len(statuses) == 1 else "degraded",
        serving=sum(member.serving for member in members),
        wanted=sum(member.standing != "off" for member in members),
        paths=tuple(route.path for route in routes),
        held=any(route.held_until is not None for route in routes),
    )
