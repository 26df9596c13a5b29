"""Which part of the table of routes is wanted. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

import idna
import msgspec

from labels.model import Conflict, Issue, Member, Route, RoutedContainer, Table, Waiting
from labels.render.document import Memo


class RouteFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted: on one of the hosts (None: any, also of none), under one of the domains.

    Domains are names, or patterns with `*` and `?`; none means any.
    """

    hosts: frozenset[str] | None = None
    domains: tuple[str, ...] = ()

    def domain(self, domain: str) -> bool:
        """Whether a domain is wanted."""
        return not self.domains or any(fnmatchcase(domain, wanted) for wanted in self.domains)

    def host(self, host: str) -> bool:
        """Whether what is on this host is wanted; a static route is on none."""
        return self.hosts is None or host in self.hosts

    def any_host(self, members: Sequence[Member]) -> bool:
        """Whether one of the members is on a host that is wanted."""
        return self.hosts is None or any(member.host in self.hosts for member in members)


def canonical_domain(text: str) -> str:
    """A domain, or a pattern of some, as the table writes it: lower case, IDNA where it must be."""
    name = text.strip().lower().removesuffix(".")
    if name.isascii():
        return name
    try:
        return ".".join(_ascii(part) for part in name.split("."))
    except idna.IDNAError:
        return name  # then there is no such domain


def _ascii(part: str) -> str:
    return part if part.isascii() else idna.encode(part, uts46=True).decode()


def route_test(wanted: RouteFilter) -> Callable[[Route], bool]:
    """Routes with a member that is wanted."""
    return lambda route: wanted.domain(route.domain) and wanted.any_host(route.members)


def waiting_test(wanted: RouteFilter) -> Callable[[Waiting], bool]:
    """What waits and is wanted."""
    return lambda waiting: wanted.domain(waiting.domain) and wanted.host(waiting.member.host)


def conflict_test(wanted: RouteFilter) -> Callable[[Conflict], bool]:
    """Conflicts with a winner or loser that is wanted."""
    return lambda conflict: (
        wanted.domain(conflict.domain)
        and wanted.any_host([conflict.winner, *(loser.member for loser in conflict.losers)])
    )


def issue_test(wanted: RouteFilter) -> Callable[[Issue], bool]:
    """Issues that are wanted; those of no domain, or of no host, only where any is."""
    return lambda issue: wanted.domain(issue.domain) and wanted.host(issue.host)


def container_test(wanted: RouteFilter) -> Callable[[RoutedContainer], bool]:
    """Containers that ask for a domain that is wanted."""

    def test(container: RoutedContainer) -> bool:
        if not wanted.host(container.host):
            return False
        return not wanted.domains or any(
            wanted.domain(routed.wish.domain) for routed in container.wishes
        )

    return test


def cut(table: Table, wanted: RouteFilter, memo: Memo[Route | None]) -> Table:
    """The table as a proxy is to see it: only routes and members that are wanted.

    A route that did not change stays the same value from one cut to the next, by the memo.
    """
    if wanted == RouteFilter():
        return table
    routes = (route for route in table.routes if wanted.domain(route.domain))
    parts = memo.parts(routes, lambda route: _cut_route(route, wanted))
    return msgspec.structs.replace(table, routes=tuple(part for part in parts if part is not None))


def _cut_route(route: Route, wanted: RouteFilter) -> Route | None:
    members = tuple(member for member in route.members if wanted.host(member.host))
    if not members:
        return None
    if len(members) == len(route.members):
        return route
    return msgspec.structs.replace(route, members=members)
