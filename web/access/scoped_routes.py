"""The routes as far as somebody sees the hosts of their members. Pure, but for waiting.

Texts that name a container of another host are made anew: they would tell that there is one. A
static route is on no host, so who sees only some does not see it.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from msgspec.structs import replace

from labels.drift.comparing import Drift, ProxyKind
from labels.facts import Place
from labels.model import (
    Cause,
    Change,
    Conflict,
    Issue,
    Member,
    Route,
    RoutedContainer,
    Table,
)
from labels.parsing.keys import Rules
from labels.render.document import Memo
from web.access.scope import Sight
from web.problems import Problem
from web.revp.selecting import RouteFilter, cut
from web.routing import ChangeSubscription, Routing

MOST_HELD = 10_000  # changes asked of memory; it holds fewer
MOST_TABLES = 64  # of so many sets of hosts
ELSEWHERE = "a container elsewhere"
_NAMES = re.compile(r"([A-Za-z0-9._-]+)/[A-Za-z0-9._-]+")

Sees = Callable[[str], bool]


class Tables:
    """The table of routes as seen by each set of hosts, the same value until something changes.

    Those used least are let go.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[frozenset[str], _Kept] = OrderedDict()

    def of(self, table: Table, hosts: frozenset[str], known: Sees) -> Table:
        """The table for who sees these of the hosts that are `known`."""
        kept = self._kept.setdefault(hosts, _Kept())
        self._kept.move_to_end(hosts)
        if len(self._kept) > MOST_TABLES:
            self._kept.popitem(last=False)
        return kept.of(table, hosts, known)


class _Kept:
    def __init__(self) -> None:
        self._memo: Memo[Route | None] = Memo()
        self._made: tuple[Table, Table] | None = None

    def of(self, table: Table, hosts: frozenset[str], known: Sees) -> Table:
        if self._made is None or self._made[0] is not table:
            self._made = table, scoped_table(table, hosts, known, self._memo)
        return self._made[1]


def scoped_table(
    table: Table, hosts: frozenset[str], known: Sees, memo: Memo[Route | None]
) -> Table:
    """What of a table is on these hosts."""
    words = _Words(hosts.__contains__, known)
    missing = tuple(name for name in table.missing if name in hosts)
    conflicts = (_scoped_conflict(conflict, hosts) for conflict in table.conflicts)
    return replace(
        cut(table, RouteFilter(hosts=hosts), memo),
        complete=table.complete or (bool(table.missing) and not missing),
        missing=missing,
        conflicts=tuple(conflict for conflict in conflicts if conflict is not None),
        waiting=tuple(waiting for waiting in table.waiting if waiting.member.host in hosts),
        issues=tuple(words.of_issue(issue) for issue in table.issues if issue.host in hosts),
    )


def _scoped_conflict(conflict: Conflict, hosts: frozenset[str]) -> Conflict | None:
    """Who lost learns that, and not against whom."""
    losers = tuple(loser for loser in conflict.losers if loser.member.host in hosts)
    if not losers:
        return None
    winner = conflict.winner if conflict.winner.host in hosts else _masked(conflict.winner)
    return replace(conflict, winner=winner, losers=losers)


def _masked(member: Member) -> Member:
    return Member(id="", name=ELSEWHERE, origin=member.origin, standing=member.standing)


def scoped_change(change: Change, sees: Sees, known: Sees) -> Change | None:
    """What of a change concerns hosts that are seen; None if nothing does."""
    before, after = (
        tuple(member for member in members if sees(host_of(member)))
        for members in (change.before, change.after)
    )
    words = _Words(sees, known)
    cause = change.cause
    if not (before or after or sees(cause.host)):
        return None
    if cause.host and not sees(cause.host):
        if before == after:
            return None
        cause = Cause(event=cause.event)
    summary = change.summary
    if words.name_others(summary) or (before, after) != (change.before, change.after):
        summary = _summary(before, after)
    return replace(change, before=before, after=after, summary=summary, cause=cause)


def _summary(before: Sequence[str], after: Sequence[str]) -> str:
    left = [f"{_name(member)} left the pool" for member in before if member not in after]
    came = [f"{_name(member)} joined the pool" for member in after if member not in before]
    return "; ".join([*left, *came]) or "its pool stays as it is"


def host_of(member: str) -> str:
    """The host of `HOST/NAME ADDRESS:PORT`; empty for a static route's backend."""
    host, slash, _ = _name(member).partition("/")
    return host if slash else ""


def _name(member: str) -> str:
    return member.partition(" ")[0]


class _Words:
    """Texts for people that may name containers as `HOST/NAME`."""

    def __init__(self, sees: Sees, known: Sees) -> None:
        self._sees = sees
        self._known = known

    def name_others(self, text: str) -> bool:
        return self._without(text) != text

    def of_issue(self, issue: Issue) -> Issue:
        message, action = self._without(issue.message), self._without(issue.action)
        if (message, action) == (issue.message, issue.action):
            return issue
        return replace(issue, message=message, action=action)

    def of_container(self, container: RoutedContainer) -> RoutedContainer:
        wishes = tuple(
            replace(routed, reason=self._without(routed.reason)) for routed in container.wishes
        )
        return replace(container, wishes=wishes) if wishes != container.wishes else container

    def _without(self, text: str) -> str:
        return _NAMES.sub(self._instead, text) if "/" in text else text

    def _instead(self, found: re.Match[str]) -> str:
        is_other = self._known(found[1]) and not self._sees(found[1])
        return ELSEWHERE if is_other else found[0]


class ScopedRouting:
    """Implements `web.routing.Routing` over another one.

    Args:
        routing: All there is.
        sight: Who looks.
        tables: Where what they see is kept.
    """

    def __init__(self, routing: Routing, sight: Sight, tables: Tables) -> None:
        self._routing = routing
        self._sight = sight
        self._tables = tables

    def version(self) -> Hashable:
        """That of all there is: it changes at least as often."""
        return self._routing.version()

    def table(self) -> Table:
        """The routes that are seen; the same value until something changes."""
        sight = self._sight
        return self._tables.of(self._routing.table(), sight.hosts(), sight.is_configured)

    def containers(self) -> Sequence[RoutedContainer]:
        """Those of hosts that are seen."""
        seen = self._sight.hosts()
        words = _Words(seen.__contains__, self._sight.is_configured)
        return [words.of_container(one) for one in self._routing.containers() if one.host in seen]

    def rules(self) -> Rules:
        """As for all."""
        return self._routing.rules()

    def host_labels(self) -> Mapping[str, Mapping[str, str]]:
        """Of the hosts that are seen."""
        seen = self._sight.hosts()
        return {name: own for name, own in self._routing.host_labels().items() if name in seen}

    def place(self, host: str) -> Place | None:
        """Where proxies reach a host that is seen."""
        return self._routing.place(host) if self._sight.sees(host) else None

    async def changed(self, revision: int) -> None:
        """Wait until the whole table has another revision."""
        await self._routing.changed(revision)

    def recent_changes(self, limit: int) -> Sequence[Change]:
        """The last ones that concern what is seen."""
        held = self._routing.recent_changes(MOST_HELD)
        scoped = (self.scoped(change) for change in held)
        return [change for change in scoped if change is not None][-limit:]

    def scoped(self, change: Change) -> Change | None:
        """What is seen of a change."""
        return scoped_change(change, self._sight.sees, self._sight.is_configured)

    def follow(self, after: int | None = None) -> AbstractAsyncContextManager[ChangeSubscription]:
        """Follow those that concern what is seen."""
        return self._follow(after)

    @asynccontextmanager
    async def _follow(self, after: int | None) -> AsyncIterator[ChangeSubscription]:
        async with self._routing.follow(after) as subscription:
            yield _ScopedChanges(subscription, self.scoped)

    async def drift(self, kind: ProxyKind, url: str) -> Drift:
        """A proxy serves routes of all hosts.

        Raises:
            Problem: Who sees only some may not ask (403).
        """
        raise Problem(
            "role-required",
            f"What {kind} at {url} serves is told to who sees all hosts; this token does not.",
        )


class _ScopedChanges:
    """Implements `web.routing.ChangeSubscription`."""

    def __init__(
        self, subscription: ChangeSubscription, scoped: Callable[[Change], Change | None]
    ) -> None:
        self._subscription = subscription
        self._scoped = scoped

    @property
    def dropped(self) -> int:
        return self._subscription.dropped

    async def next(self) -> Change:
        while True:
            change = self._scoped(await self._subscription.next())
            if change is not None:
                return change
