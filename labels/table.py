"""The table of routes: from what is told of hosts and containers to who serves which domain.

Synchronous and without I/O; time is an argument. What is told only marks what it touches; `settle`
works that out and shows it, so what comes in one go is one change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from labels import changes, remembering, statics
from labels.board import Board
from labels.desk import Desk, about
from labels.facts import Facts, Place, StaticRoute
from labels.holding import Holding, held
from labels.keys import Rules
from labels.known import Known, member_id
from labels.model import Cause, Change, Key, Route, RoutedContainer, RoutedWish, Table
from labels.policy import TablePolicy
from labels.pools import EMPTY, Pool, dated, pool
from labels.snapshot import Snapshot, Stood
from labels.steps import Steps, finish


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
        self._desk = Desk(rules or Rules(), policy or TablePolicy())
        self._statics: dict[Key, dict[str, StaticRoute]] = {}
        self._remembered: dict[str, set[str]] = {}  # by host: of a snapshot, and not seen since
        self._stood: Mapping[tuple[Key, str], Stood] = {}  # while a snapshot is taken in
        self._holding = Holding(self._desk.policy)
        self._board = Board()
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
        self._desk.put(facts, cause, now)

    def remove(self, host: str, container_id: str, cause: Cause, now: datetime) -> None:
        """A container is gone from its Engine. If it ran not long ago it is awaited back."""
        self._told = now
        if known := self._desk.register.get(member_id(host, container_id)):
            self._desk.remove(known, cause, now)

    def place(self, place: Place, cause: Cause, now: datetime) -> None:
        """A host is new, or changed, or out of reach, or back."""
        self._told = now
        if self._desk.places.put(place, now):
            for known in self._desk.register.of_host(place.name).values():
                known.locate(place)
                self._desk.stir(known, cause)

    def listed(self, host: str, now: datetime, unread: Iterable[str] = ()) -> None:
        """All containers of a host have been put: those only remembered are gone.

        `unread` are the ids of those that are there, but how is not known: they stay as they were.
        """
        self._told = now
        known_before = self._desk.places.listed(host, now)
        if not known_before and host not in self._remembered:
            return
        absent = self._remembered.pop(host, set()) - {member_id(host, each) for each in unread}
        for known in list(self._desk.register.of_host(host).values()):
            cause = about(known, "listed")
            if known.id in absent:
                self._desk.remove(known, cause, now)
            self._desk.stir(known, cause, soft=True)

    def give_up(self, host: str, now: datetime) -> None:
        """A host was waited for long enough: what proxies are told is complete without it."""
        self._told = now
        self._desk.places.give_up(host)

    def forget(self, host: str, cause: Cause, now: datetime) -> None:
        """A host left the configuration: its routes go at once, as that is meant."""
        self._told = now
        for known in list(self._desk.register.of_host(host).values()):
            self._desk.deliberate.update(known.wishes)
            self._desk.drop(known, cause)
        self._desk.places.forget(host)
        self._release(list(filter(self._is_homeless, self._holding.until.keys)), cause)
        self._remembered.pop(host, None)

    def _is_homeless(self, key: Key) -> bool:
        """Whether none of the hosts of a held route is configured any longer."""
        route = self._board.route(key)
        members = route.members if route is not None else ()
        return all(self._desk.places.get(member.host) is None for member in members)

    def _release(self, keys: Sequence[Key], cause: Cause) -> None:
        """Let held routes go at once."""
        self._desk.deliberate.update(keys)
        self._desk.touch(keys, cause)

    def static(self, routes: Sequence[StaticRoute], cause: Cause, now: datetime) -> None:
        """Replace the static routes. Those that are missing go at once."""
        self._told = now
        before, self._statics = self._statics, statics.by_key(routes)
        for key in before.keys() | self._statics.keys():
            old, new = before.get(key, {}), self._statics.get(key, {})
            if old == new:
                continue
            self._desk.touch([key], cause)
            for name in old.keys() | new.keys():
                route = new.get(name)
                issues = statics.issues(route) if route is not None else ()
                self._desk.untold[statics.source(key, name)] = issues
            if not new:
                self._desk.deliberate.add(key)

    def configure(self, rules: Rules, policy: TablePolicy, cause: Cause, now: datetime) -> None:
        """Read labels by other rules, wait by other times. What goes by that goes at once.

        After a change of the prefix all containers are to be put again: those whose labels meant
        nothing were not kept.
        """
        self._told = now
        self._desk.policy = self._holding.policy = policy
        if rules != self._desk.rules:
            self._desk.reread(rules, cause)
        for known in self._desk.register.all():
            self._desk.stir(known, cause)
        if not policy.mass_removal:
            self._release(self._holding.until.keys, cause)

    def tick(self, now: datetime) -> None:
        """Notice what is due; `settle` does so, too."""
        self._told = now
        self._desk.tick(now)

    @property
    def deadline(self) -> datetime | None:
        """When to tick next; None if only news can change anything."""
        return self._desk.agenda.first

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
        desk = self._desk
        yield from desk.working_out(now)
        touched, desk.touched = desk.touched, {}
        pools: dict[Key, Pool] = {}
        for key in touched:
            pools[key] = self._pool(key, now)
            yield
        routes = self._routes(pools, now)
        differing: list[tuple[Key, Route | None]] = []
        for key in sorted(pools):
            before = self._board.route(key)
            if self._board.show(key, pools[key], routes[key]):
                differing.append((key, before))
            yield
        untold, desk.untold = desk.untold, {}
        for source, issues in untold.items():
            self._board.tell(source, issues)
        desk.deliberate.clear()
        made: list[Change] = []
        for key, before in differing:
            revision = self._revision + 1
            change = changes.change(key, before, routes[key], revision, now, touched[key])
            made += [change] if change is not None else []
            yield
        self._publish()
        return tuple(made)

    def _pool(self, key: Key, now: datetime) -> Pool:
        places = self._desk.places
        candidates = [
            known.candidate(key, places.stale_since(known.facts.host))
            for known in self._desk.register.wanting(key).values()
        ]
        candidates += [
            statics.candidate(name, route) for name, route in self._statics.get(key, {}).items()
        ]
        before = self._board.pool(key).fates
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
            if made.route is not None or key in self._desk.deliberate:
                holding.done(key)
            elif (held_until := holding.until.get(key)) is None:
                going += [key] if self._board.route(key) is not None else []
            elif now < held_until:
                routes[key] = self._board.route(key)
            else:
                holding.done(key)
        until = holding.hold(going, len(self._board), now) if going else None
        if until is not None:
            for key in going:
                before = self._board.route(key)
                routes[key] = before and held(before, until)
        for key in pools:
            self._desk.agenda.put(key, holding.until.get(key), "hold over")
        return routes

    def _publish(self) -> None:
        missing = self._desk.places.missing
        # A host that comes later can only add to what is known: no reason to fall silent again. But
        # where nothing is known, and a host is missing, saying so would take all routes away.
        complete = self._complete or self._desk.places.complete
        complete = complete and bool(len(self._board) or not missing)
        if self._board.changed or (complete, missing) != (self._complete, self._missing):
            self._revision += 1
            self._complete, self._missing = complete, missing
            self._board.changed, self._table = False, None

    # Reading

    @property
    def table(self) -> Table:
        """All as last settled; the same value until something changes."""
        if self._table is None:
            self._table = self._board.table(
                self._revision,
                complete=self._complete,
                missing=self._missing,
                held=self._holding.issues(),
            )
        return self._table

    def containers(self) -> tuple[RoutedContainer, ...]:
        """All containers with RevP labels by host, name and id, and what became of each wish."""
        routed = (known for known in self._desk.register.all() if known.parsed.routed)
        return tuple(map(self._routed, sorted(routed, key=lambda known: known.source)))

    def _routed(self, known: Known) -> RoutedContainer:
        wishes = []
        for key, wish in known.wishes.items():
            # None for one that was told of and not settled yet.
            if fate := self._board.pool(key).fates.get(known.id):
                reason = known.trouble(key) if fate.outcome == "dropped" else fate.reason
                wishes.append(
                    RoutedWish(wish=wish, member=fate.member, outcome=fate.outcome, reason=reason)
                )
        return RoutedContainer(
            host=known.facts.host,
            id=known.facts.id,
            name=known.facts.name,
            labels=known.labels(self._desk.rules),
            parsed=known.parsed,
            wishes=tuple(wishes),
        )

    # Outliving a restart

    def snapshot(self) -> Snapshot:
        """All that `restore` needs, as last settled."""
        return Snapshot(
            version=1,
            revision=self._revision,
            saved=self._told,
            places=self._desk.places.remembered(),
            containers=tuple(
                remembering.remembered(known, self._board, self._desk.rules)
                for known in sorted(self._desk.register.all(), key=lambda known: known.source)
                if known.parsed.routed
            ),
            held=tuple(filter(None, map(self._board.route, self._holding.until.keys))),
        )

    def restore(self, snapshot: Snapshot, now: datetime) -> None:
        """Begin with what was known: nothing of it is news, and all is stale until it is listed.

        Before anything else is settled. Hosts that are no longer configured are to be forgotten.
        """
        self._told = now
        self._revision = max(self._revision, snapshot.revision)
        for place in snapshot.places:
            self._desk.places.remember(place, snapshot.saved or now)
        for each in snapshot.containers:
            known = Known(facts=each.facts, seen=each.seen)
            known.read(self._desk.rules)
            self._desk.add(known, Cause(event="start of fleet"))
            self._remembered.setdefault(each.facts.host, set()).add(known.id)
        for route in snapshot.held:
            if route.held_until is not None:
                self._holding.resume(route.key, route.held_until)
                self._desk.agenda.put(route.key, route.held_until, "hold over")
                self._board.show(route.key, EMPTY, route)
        self._stood = remembering.stood(snapshot)
        finish(self._settling(now))
        self._stood = {}
