"""The table of routes: from what is told of hosts and containers to who serves which domain.

Synchronous and without I/O; time is an argument. What is told only marks what it touches; `settle`
works that out and shows it, so what comes in one go is one change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from labels.facts import Facts, Place, StaticRoute
from labels.model import Cause, Change, Key, Route, RoutedContainer, RoutedWish, Table
from labels.parsing.keys import Rules
from labels.routing import changes, remembering, statics
from labels.routing.backends import Backend, member_id
from labels.routing.holding import Holding, held
from labels.routing.policy import TablePolicy
from labels.routing.pools import EMPTY, Pool, dated, pool
from labels.routing.reconciler import Reconciler, about
from labels.routing.settled import Settled
from labels.routing.snapshot import Snapshot, Stood
from labels.routing.steps import Steps, finish


class RouteTable:
    """Who serves which domain, and why.

    Whatever is told is accepted, in any order; nothing raises. Containers without RevP labels may
    be told of, too.

    Args:
        rules: How labels are read.
        policy: How long to wait for what ended, and how much may go at once.
        revision: Of the last table that anybody saw; the next one has a higher one.
    """

    def __init__(
        self, rules: Rules | None = None, policy: TablePolicy | None = None, revision: int = 0
    ) -> None:
        self._reconciler = Reconciler(rules or Rules(), policy or TablePolicy())
        self._statics: dict[Key, dict[str, StaticRoute]] = {}
        self._remembered: dict[str, set[str]] = {}  # by host: of a snapshot, and not seen since
        self._stood: Mapping[tuple[Key, str], Stood] = {}  # while a snapshot is taken in
        self._holding = Holding(self._reconciler.policy)
        self._settled = Settled()
        self._told: datetime | None = None
        self._revision = revision
        self._complete = False
        self._missing: tuple[str, ...] = ()
        self._table: Table | None = Table(revision=revision)

    # Telling

    def put(self, facts: Facts, cause: Cause, now: datetime) -> None:
        """A container is new, or changed, or as it was. Labels are read only if they changed."""
        self._told = now
        self._remembered.get(facts.host, set()).discard(member_id(facts.host, facts.id))
        self._reconciler.put(facts, cause, now)

    def remove(self, host: str, container_id: str, cause: Cause, now: datetime) -> None:
        """A container is gone from its Engine. If it ran not long ago it is awaited back."""
        self._told = now
        if backend := self._reconciler.backends.get(member_id(host, container_id)):
            self._reconciler.remove(backend, cause, now)

    def place(self, place: Place, cause: Cause, now: datetime) -> None:
        """A host is new, or changed, or out of reach, or back."""
        self._told = now
        if self._reconciler.places.put(place, now):
            for backend in self._reconciler.backends.of_host(place.name).values():
                backend.locate(place)
                self._reconciler.stir(backend, cause)

    def listed(self, host: str, now: datetime, unread: Iterable[str] = ()) -> None:
        """All containers of a host have been put: those only remembered are gone.

        `unread` are the ids of those that are there, but how is not known: they stay as they were.
        """
        self._told = now
        known_before = self._reconciler.places.listed(host, now)
        if not known_before and host not in self._remembered:
            return
        absent = self._remembered.pop(host, set()) - {member_id(host, each) for each in unread}
        for backend in list(self._reconciler.backends.of_host(host).values()):
            cause = about(backend, "listed")
            if backend.id in absent:
                self._reconciler.remove(backend, cause, now)
            self._reconciler.stir(backend, cause, soft=True)

    def give_up(self, host: str, now: datetime) -> None:
        """A host was waited for long enough: what proxies are told is complete without it."""
        self._told = now
        self._reconciler.places.give_up(host)

    def forget(self, host: str, cause: Cause, now: datetime) -> None:
        """A host left the configuration: its routes go at once, as that is meant."""
        self._told = now
        for backend in list(self._reconciler.backends.of_host(host).values()):
            self._reconciler.deliberate.update(backend.wishes)
            self._reconciler.drop(backend, cause)
        self._reconciler.places.forget(host)
        self._release(list(filter(self._is_homeless, self._holding.until.keys)), cause)
        self._remembered.pop(host, None)

    def _is_homeless(self, key: Key) -> bool:
        """Whether none of the hosts of a held route is configured any longer."""
        route = self._settled.route(key)
        members = route.members if route is not None else ()
        return all(self._reconciler.places.get(member.host) is None for member in members)

    def _release(self, keys: Sequence[Key], cause: Cause) -> None:
        """Let held routes go at once."""
        self._reconciler.deliberate.update(keys)
        self._reconciler.touch(keys, cause)

    def static(self, routes: Sequence[StaticRoute], cause: Cause, now: datetime) -> None:
        """Replace the static routes. Those that are missing go at once."""
        self._told = now
        before, self._statics = self._statics, statics.by_key(routes)
        for key in before.keys() | self._statics.keys():
            old, new = before.get(key, {}), self._statics.get(key, {})
            if old == new:
                continue
            self._reconciler.touch([key], cause)
            for name in old.keys() | new.keys():
                route = new.get(name)
                issues = statics.issues(route) if route is not None else ()
                self._reconciler.untold[statics.source(key, name)] = issues
            if not new:
                self._reconciler.deliberate.add(key)

    def configure(self, rules: Rules, policy: TablePolicy, cause: Cause, now: datetime) -> None:
        """Read labels by other rules, wait by other times. What goes by that goes at once.

        After a change of the prefix all containers are to be put again: those whose labels meant
        nothing were not kept.
        """
        self._told = now
        self._reconciler.policy = self._holding.policy = policy
        if rules != self._reconciler.rules:
            self._reconciler.reread(rules, cause)
        for backend in self._reconciler.backends.all():
            self._reconciler.stir(backend, cause)
        if not policy.mass_removal:
            self._release(self._holding.until.keys, cause)

    def tick(self, now: datetime) -> None:
        """Notice what is due; `settle` does so, too."""
        self._told = now
        self._reconciler.tick(now)

    @property
    def deadline(self) -> datetime | None:
        """When to tick next; None if only news can change anything."""
        return self._reconciler.timers.first

    # Settling

    def settle(self, now: datetime) -> tuple[Change, ...]:
        """Work out what was told; the changes of routes by domain and path.

        The revision is one higher if the table says anything else than before, be it only that a
        host is out of reach: that is no change of a route by itself.
        """
        self.tick(now)
        return finish(self._settling(now))

    def settling(self, now: datetime) -> Steps[tuple[Change, ...]]:
        """`settle` in steps. In between nothing may be told; what is read is as it was before."""
        assert self.table is self._table  # noqa: S101 - it is made now, and read from here on
        self.tick(now)
        return (yield from self._settling(now))

    def _settling(self, now: datetime) -> Steps[tuple[Change, ...]]:
        reconciler = self._reconciler
        yield from reconciler.working_out(now)
        touched, reconciler.touched = reconciler.touched, {}
        pools: dict[Key, Pool] = {}
        for key in touched:
            pools[key] = self._pool(key, now)
            yield
        routes = self._routes(pools, now)
        differing: list[tuple[Key, Route | None]] = []
        for key in sorted(pools):
            before = self._settled.route(key)
            if self._settled.show(key, pools[key], routes[key]):
                differing.append((key, before))
            yield
        untold, reconciler.untold = reconciler.untold, {}
        for source, issues in untold.items():
            self._settled.tell(source, issues)
        reconciler.deliberate.clear()
        made: list[Change] = []
        for key, before in differing:
            revision = self._revision + 1
            change = changes.change(key, before, routes[key], revision, now, touched[key])
            made += [change] if change is not None else []
            yield
        self._publish()
        return tuple(made)

    def _pool(self, key: Key, now: datetime) -> Pool:
        places = self._reconciler.places
        candidates = [
            backend.candidate(key, places.stale_since(backend.facts.host))
            for backend in self._reconciler.backends.wanting(key).values()
        ]
        candidates += [
            statics.candidate(name, route) for name, route in self._statics.get(key, {}).items()
        ]
        before = self._settled.pool(key).fates
        for number, each in enumerate(candidates):
            fate = before.get(each.member.id)
            stood = fate.member if fate else self._stood.get((key, each.member.id))
            candidates[number] = dated(each, stood, now)
        return pool(key, candidates)

    def _routes(self, pools: Mapping[Key, Pool], now: datetime) -> dict[Key, Route | None]:
        """What is served at each key: its pool, or for a while what is held there."""
        holding, going = self._holding, []
        routes = {key: made.route for key, made in pools.items()}
        for key, made in pools.items():
            holding.mark(key, dying=made.dying)
            if made.route is not None or key in self._reconciler.deliberate:
                holding.done(key)
            elif (held_until := holding.until.get(key)) is None:
                going += [key] if self._settled.route(key) is not None else []
            elif now < held_until:
                routes[key] = self._settled.route(key)
            else:
                holding.done(key)
        until = holding.hold(going, len(self._settled), now) if going else None
        if until is not None:
            for key in going:
                before = self._settled.route(key)
                routes[key] = before and held(before, until)
        for key in pools:
            self._reconciler.timers.put(key, holding.until.get(key), "hold over")
        return routes

    def _publish(self) -> None:
        missing = self._reconciler.places.missing
        # A host that comes later can only add to what is known: no reason to fall silent again. But
        # where nothing is known, and a host is missing, saying so would take all routes away.
        complete = self._complete or self._reconciler.places.complete
        complete = complete and bool(len(self._settled) or not missing)
        if self._settled.changed or (complete, missing) != (self._complete, self._missing):
            self._revision += 1
            self._complete, self._missing = complete, missing
            self._settled.changed, self._table = False, None

    # Reading

    @property
    def table(self) -> Table:
        """All as last settled; the same value until something changes."""
        if self._table is None:
            self._table = self._settled.table(
                self._revision,
                complete=self._complete,
                missing=self._missing,
                held=self._holding.issues(),
            )
        return self._table

    def containers(self) -> tuple[RoutedContainer, ...]:
        """All containers with RevP labels by host, name and id, and what became of each wish."""
        routed = (backend for backend in self._reconciler.backends.all() if backend.parsed.routed)
        return tuple(map(self._routed, sorted(routed, key=lambda backend: backend.source)))

    def _routed(self, backend: Backend) -> RoutedContainer:
        wishes = []
        for key, wish in backend.wishes.items():
            # None for one that was told of and not settled yet.
            if fate := self._settled.pool(key).fates.get(backend.id):
                reason = backend.trouble(key) if fate.outcome == "dropped" else fate.reason
                wishes.append(
                    RoutedWish(wish=wish, member=fate.member, outcome=fate.outcome, reason=reason)
                )
        return RoutedContainer(
            host=backend.facts.host,
            id=backend.facts.id,
            name=backend.facts.name,
            labels=backend.labels(self._reconciler.rules),
            parsed=backend.parsed,
            wishes=tuple(wishes),
        )

    # Outliving a restart

    def snapshot(self) -> Snapshot:
        """All that `restore` needs, as last settled."""
        return Snapshot(
            version=1,
            revision=self._revision,
            saved=self._told,
            places=self._reconciler.places.remembered(),
            containers=tuple(
                remembering.remembered(backend, self._settled, self._reconciler.rules)
                for backend in sorted(
                    self._reconciler.backends.all(), key=lambda backend: backend.source
                )
                if backend.parsed.routed
            ),
            held=tuple(filter(None, map(self._settled.route, self._holding.until.keys))),
            statics=tuple(one for there in self._statics.values() for one in there.values()),
        )

    def restore(self, snapshot: Snapshot, now: datetime) -> None:
        """Begin with what was known: nothing of it is news, and all is stale until it is listed.

        Before anything else is settled. Hosts that are no longer configured are to be forgotten.
        """
        self._told = now
        self._revision = max(self._revision, snapshot.revision)
        for place in snapshot.places:
            self._reconciler.places.remember(place, snapshot.saved or now)
        for each in snapshot.containers:
            backend = Backend(facts=each.facts, seen=each.seen)
            backend.read(self._reconciler.rules)
            self._reconciler.add(backend, Cause(event="start of fleet"))
            self._remembered.setdefault(each.facts.host, set()).add(backend.id)
        self.static(snapshot.statics, Cause(event="start of fleet"), now)
        for route in snapshot.held:
            if route.held_until is not None:
                self._holding.resume(route.key, route.held_until)
                self._reconciler.timers.put(route.key, route.held_until, "hold over")
                self._settled.show(route.key, EMPTY, route)
        self._stood = remembering.stood(snapshot)
        finish(self._settling(now))
        self._stood = {}
