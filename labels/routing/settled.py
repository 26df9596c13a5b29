"""What the table of routes shows: everything in order, and whether any of it changed."""

from __future__ import annotations

from itertools import chain

from labels.model import Conflict, Issue, Key, Route, Table, Waiting
from labels.routing import conflicts
from labels.routing.backends import Source
from labels.routing.ordered import Ordered
from labels.routing.pools import EMPTY, Pool


class Settled:
    """The settled state. `changed`: it differs from the last table that was made of it."""

    def __init__(self) -> None:
        self.changed = False
        self._routes: Ordered[Key, Route] = Ordered()
        self._conflicts: Ordered[Key, Conflict] = Ordered()
        self._waiting: Ordered[Key, tuple[Waiting, ...]] = Ordered()
        self._issues: Ordered[Source, tuple[Issue, ...]] = Ordered()
        self._pools: dict[Key, Pool] = {}

    def __len__(self) -> int:
        """How many routes there are."""
        return len(self._routes)

    def route(self, key: Key) -> Route | None:
        """What is served at a key."""
        return self._routes.get(key)

    def pool(self, key: Key) -> Pool:
        """What was last settled about a key."""
        return self._pools.get(key, EMPTY)

    def show(self, key: Key, pool: Pool, route: Route | None) -> bool:
        """Show what was settled about a key. Whether its route is another."""
        self._contest(key, pool.conflict)
        self.changed |= self._waiting.put(key, pool.waiting or None)
        if pool.fates:
            self._pools[key] = pool
        else:
            self._pools.pop(key, None)
        other = self._routes.put(key, route)
        self.changed |= other
        return other

    def tell(self, source: Source, issues: tuple[Issue, ...]) -> None:
        """Set what is wrong with one thing."""
        self.changed |= self._issues.put(source, issues or None)

    def table(
        self,
        revision: int,
        *,
        complete: bool,
        missing: tuple[str, ...],
        held: tuple[Issue, ...],
    ) -> Table:
        """All of it as one value. `held`: what is to be told of held routes, before the rest."""
        return Table(
            revision=revision,
            complete=complete,
            missing=missing,
            routes=self._routes.values,
            conflicts=self._conflicts.values,
            waiting=tuple(chain.from_iterable(self._waiting.values)),
            issues=tuple(chain(held, *self._issues.values)),
        )

    def _contest(self, key: Key, conflict: Conflict | None) -> None:
        before = self._conflicts.get(key)
        if not self._conflicts.put(key, conflict):
            return
        self.changed = True
        told = _issues(key, before) if before else {}
        now = _issues(key, conflict) if conflict else {}
        for source in told.keys() | now.keys():
            self.tell(source, now.get(source, ()))


def _issues(key: Key, conflict: Conflict) -> dict[Source, tuple[Issue, ...]]:
    """The issues of a conflict, each beside others of its container."""
    return {
        (loser.member.host, conflicts.label_of(loser.member), loser.member.id, *key): (
            conflicts.issue(conflict, loser),
        )
        for loser in conflict.losers
    }
