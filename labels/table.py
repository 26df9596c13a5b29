"""The table of routes: from what is told of hosts and containers to who serves which domain.

Synchronous and without I/O; time is an argument. What is told only marks what it touches; `settle`
works that out and shows it, so what comes in one go is one change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from labels import changes, lifecycle, statics
from labels.agenda import Agenda
from labels.board import Board
from labels.conflicts import Candidate
from labels.facts import Facts, Place, StaticRoute
from labels.holding import Holding, held
from labels.keys import Rules
from labels.known import Known, Register, Source, member_id
from labels.lifecycle import Seen
from labels.model import Cause, Change, Issue, Key, Route, RoutedContainer, RoutedWish, Table
from labels.places import Places
from labels.policy import TablePolicy
from labels.pools import EMPTY, Pool, dated, pool
from labels.snapshot import Remembered, Snapshot, Stood

_HELD: Source = ("", "", "held")


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
        self._rules = rules or Rules()
        self._policy = policy or TablePolicy()
        self._register = Register()
        self._places = Places()
        self._statics: dict[Key, list[StaticRoute]] = {}
        self._remembered: dict[str, set[str]] = {}  # by host: of a snapshot, and not seen since
        self._stood: dict[tuple[Key, str], Stood] = {}  # while a snapshot is taken in
        self._agenda = Agenda()
        self._holding = Holding(self._policy)
        self._board = Board()
        self._touched: dict[Key, Cause] = {}
        self._stirred: dict[str, Cause] = {}
        self._untold: dict[Source, tuple[Issue, ...]] = {}
        self._deliberate: set[Key] = set()
        self._told: datetime | None = None
        self._revision = revision
        self._complete = False
        self._missing: tuple[str, ...] = ()
        self._table: Table | None = Table(revision=revision)

    # Telling

    def put(self, facts: Facts, cause: Cause, now: datetime) -> None:
        """A container is new, or changed, or as it was. Labels are read only if they changed."""
        self._told = now
        name = member_id(facts.host, facts.id)
        self._remembered.get(facts.host, set()).discard(name)
        before = self._register.get(name)
        if before is not None and before.facts == facts and before.seen.removed is None:
            return
        known = self._renewed(before, facts, now)
        if before is not None:
            self._drop(before, cause)
        others = self._register.group(known.group)
        if known.parsed.routed or known.parsed.issues or others:
            self._register.add(known)
            known.locate(self._places.get(facts.host))
            self._stir(known, cause)

    def remove(self, host: str, container_id: str, cause: Cause, now: datetime) -> None:
        """A container is gone from its Engine. If it ran not long ago it is awaited back."""
        self._told = now
        known = self._register.get(member_id(host, container_id))
        if known is not None and known.seen.removed is None:
            self._remove(known, cause, now)

    def place(self, place: Place, cause: Cause, now: datetime) -> None:
        """A host is new, or changed, or out of reach, or back."""
        self._told = now
        if self._places.put(place, now):
            for known in self._register.of_host(place.name).values():
                known.locate(place)
                self._stir(known, cause)

    def listed(self, host: str, now: datetime) -> None:
        """All containers of a host have been put: those only remembered are gone."""
        self._told = now
        if not self._places.listed(host, now):
            return
        absent = self._remembered.pop(host, set())
        for known in list(self._register.of_host(host).values()):
            cause = _about(known, "listed")
            if known.id in absent and known.seen.removed is None:
                self._remove(known, cause, now)
            else:
                self._stir(known, cause)

    def give_up(self, host: str, now: datetime) -> None:
        """A host was waited for long enough: what proxies are told is complete without it."""
        self._told = now
        self._places.give_up(host)

    def forget(self, host: str, cause: Cause, now: datetime) -> None:
        """A host left the configuration: its routes go at once, as that is meant."""
        self._told = now
        for known in list(self._register.of_host(host).values()):
            self._deliberate.update(known.wishes)
            self._drop(known, cause)
        for key in self._holding.until:
            route = self._board.route(key)
            if route is not None and all(member.host == host for member in route.members):
                self._deliberate.add(key)
                self._touched[key] = cause
        self._places.forget(host)
        self._remembered.pop(host, None)

    def static(self, routes: Sequence[StaticRoute], cause: Cause, now: datetime) -> None:
        """Replace the static routes."""
        self._told = now
        before, self._statics = self._statics, {}
        for route in routes:
            self._statics.setdefault(statics.key_of(route), []).append(route)
        for key in before.keys() | self._statics.keys():
            old, new = before.get(key, []), self._statics.get(key, [])
            if old == new:
                continue
            self._touched[key] = cause
            self._untold |= {statics.source(route): () for route in old}
            self._untold |= {statics.source(route): statics.issues(route) for route in new}
            if not new:
                self._deliberate.add(key)

    def configure(self, rules: Rules, policy: TablePolicy, cause: Cause, now: datetime) -> None:
        """Read labels by other rules, wait by other times. What goes by that goes at once.

        After a change of the prefix all containers are to be put again: those whose labels meant
        nothing were not kept.
        """
        self._told = now
        others, self._rules = self._rules != rules, rules
        self._policy = self._holding.policy = policy
        for known in list(self._register.all()):
            if others:
                self._deliberate.update(known.wishes)
                self._drop(known, cause)
                known.read(rules)
                known.locate(self._places.get(known.facts.host))
                self._register.add(known)
            self._stir(known, cause)

    def tick(self, now: datetime) -> None:
        """Notice what is due; `settle` does so, too."""
        self._told = now
        for _, name, event in self._agenda.due(now):
            if len(name) > 1:
                self._touched.setdefault(Key(*name), Cause(event=event))
            elif known := self._register.get(*name):
                self._stir(known, _about(known, event), soft=True)

    @property
    def deadline(self) -> datetime | None:
        """When to tick next; None if only news can change anything."""
        return self._agenda.first

    # Settling

    def settle(self, now: datetime) -> tuple[Change, ...]:
        """Work out what was told; the changes of routes by domain and path.

        The revision is one higher if the table says anything else than before, be it only that a
        host is out of reach: that is no change of a route by itself.
        """
        self.tick(now)
        return self._settle(now)

    def _settle(self, now: datetime) -> tuple[Change, ...]:
        self._work_out(now)
        touched, self._touched = self._touched, {}
        pools = {key: self._pool(key, now) for key in touched}
        routes = self._routes(pools, now)
        differing: list[tuple[Key, Route | None, Route | None]] = []
        for key in sorted(pools):
            before, after = self._board.route(key), routes[key]
            if self._board.show(key, pools[key], after):
                differing.append((key, before, after))
        self._board.tell(_HELD, self._holding.issues())
        self._deliberate.clear()
        self._publish()
        return tuple(
            Change(
                revision=self._revision,
                time=now,
                kind="added" if before is None else "removed" if after is None else "changed",
                domain=key.domain,
                path=key.path,
                status=after.status if after is not None else None,
                before=changes.shown(before),
                after=changes.shown(after),
                summary=summary,
                cause=touched[key],
            )
            for key, before, after in differing
            if (summary := changes.described(before, after))
        )

    def _work_out(self, now: datetime) -> None:
        """How each container stands that was told of, and who takes the place of whom."""
        for name in list(self._stirred):
            known = self._register.get(name)
            if known is not None:
                self._displace(known)
        for name in self._stirred:
            known = self._register.get(name)
            if known is not None:
                self._stand(known, now)
        self._stirred = {}
        for source, issues in self._untold.items():
            self._board.tell(source, issues)
        self._untold = {}

    def _displace(self, known: Known) -> None:
        """Whoever ended makes way at once for a container that follows it and runs."""
        group = list(self._register.group(known.group).values())
        if not any(each.alive for each in group):
            return
        for each in group:
            if each.seen.removed is not None:
                self._drop(each, self._stirred[known.id], soft=True)
            elif each.seen.ended is not None:
                each.seen = Seen()
                self._stir(each, self._stirred[known.id], soft=True)

    def _stand(self, known: Known, now: datetime) -> None:
        host = known.facts.host
        known.stand = found = lifecycle.stand(
            known.facts,
            known.seen,
            self._policy,
            now,
            stale=self._places.stale_since(host) is not None,
            reached=self._places.reached(host),
        )
        if found.standing is None:
            if known.seen.removed is not None:
                self._drop(known, self._stirred[known.id], soft=True)
                return
            known.seen = Seen()  # its grace is over for good
        self._agenda.put((known.id,), found.until, found.event)
        self._untold[known.source] = known.issues()

    def _pool(self, key: Key, now: datetime) -> Pool:
        candidates = [
            known.candidate(key, self._places.stale_since(known.facts.host))
            for known in self._register.wanting(key).values()
        ]
        candidates += map(statics.candidate, self._statics.get(key, ()))
        before = self._board.pool(key).fates
        dates: list[Candidate] = []
        for each in candidates:
            fate = before.get(each.member.id)
            stood = fate.member if fate else self._stood.get((key, each.member.id))
            dates.append(dated(each, stood, now))
        return pool(key, dates)

    def _routes(self, pools: Mapping[Key, Pool], now: datetime) -> dict[Key, Route | None]:
        """What is served at each key: its pool, or for a while what is held there."""
        holding, going = self._holding, []
        routes = {key: made.route for key, made in pools.items()}
        for key, made in pools.items():
            if made.dying:
                holding.dying.add(key)
            else:
                holding.dying.discard(key)
            if made.route is not None or key in self._deliberate:
                holding.came(key)
            elif key in holding.until and holding.until[key] > now:
                routes[key] = self._board.route(key)
            elif key in holding.until:
                holding.came(key)
            elif self._board.route(key) is not None:
                going.append(key)
        until = holding.hold(going, len(self._board), now) if going else None
        for key in going if until is not None else ():
            before = self._board.route(key)
            routes[key] = held(before, until) if before and until else None
        for key in pools:
            self._agenda.put(key, holding.until.get(key), "hold over")
        return routes

    def _publish(self) -> None:
        missing = self._places.missing
        # A host that comes later can only add to what is known: no reason to fall silent again.
        complete = self._complete or self._places.complete
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
                self._revision, complete=self._complete, missing=self._missing
            )
        return self._table

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names of the hosts that were placed or remembered, sorted."""
        return tuple(sorted(self._places))

    def containers(self) -> tuple[RoutedContainer, ...]:
        """All containers with RevP labels by host, name and id, and what became of each wish."""
        routed = [known for known in self._register.all() if known.parsed.routed]
        return tuple(map(self._routed, sorted(routed, key=lambda known: known.source)))

    def _routed(self, known: Known) -> RoutedContainer:
        fates = (
            (wish, self._board.pool(key).fates.get(known.id)) for key, wish in known.wishes.items()
        )
        return RoutedContainer(
            host=known.facts.host,
            id=known.facts.id,
            name=known.facts.name,
            labels=known.labels(self._rules),
            parsed=known.parsed,
            wishes=tuple(
                RoutedWish(
                    wish=wish,
                    member=fate.member,
                    outcome=fate.outcome,
                    reason=fate.reason,
                )
                for wish, fate in fates
                if fate is not None
            ),
        )

    # Outliving a restart

    def snapshot(self) -> Snapshot:
        """All that `restore` needs, as last settled."""
        routed = sorted((k.id, k) for k in self._register.all() if k.parsed.routed)
        return Snapshot(
            version=1,
            revision=self._revision,
            saved=self._told,
            places=self._places.remembered(),
            containers=tuple(self._remember(known) for _, known in routed),
            held=tuple(filter(None, map(self._board.route, sorted(self._holding.until)))),
        )

    def restore(self, snapshot: Snapshot, now: datetime) -> None:
        """Begin with what was known: nothing of it is news, and all is stale until it is listed.

        Before anything else is settled. Hosts that are no longer configured are to be forgotten.
        """
        self._revision = max(self._revision, snapshot.revision)
        cause = Cause(event="start of fleet")
        for place in snapshot.places:
            self._places.remember(place, snapshot.saved or now)
        for each in snapshot.containers:
            known = Known(facts=each.facts, seen=each.seen)
            known.read(self._rules)
            known.locate(self._places.get(each.facts.host))
            self._register.add(known)
            self._remembered.setdefault(each.facts.host, set()).add(known.id)
            self._stir(known, cause)
            for stood in each.stood:
                self._stood[Key(stood.domain, stood.path), known.id] = stood
        for route in snapshot.held:
            if route.held_until is not None:
                self._holding.until[route.key] = route.held_until
                self._agenda.put(route.key, route.held_until, "hold over")
                self._board.show(route.key, EMPTY, route)
        self._settle(now)
        self._stood = {}

    def _remember(self, known: Known) -> Remembered:
        facts = known.facts
        fates = ((key, self._board.pool(key).fates.get(known.id)) for key in known.wishes)
        return Remembered(
            facts=replace(facts, labels=known.labels(self._rules)),
            seen=known.seen,
            stood=tuple(
                Stood(domain=key.domain, path=key.path, standing=m.standing, since=m.since)
                for key, fate in fates
                if fate is not None and (m := fate.member).since is not None
            ),
        )

    # Marking

    def _renewed(self, before: Known | None, facts: Facts, now: datetime) -> Known:
        """A container as it was told of now, with what was seen of it before."""
        if before is None:
            known = Known(facts=facts, seen=lifecycle.follow(None, Seen(), facts, now))
            known.read(self._rules)
            return known
        known = Known(
            facts=facts,
            parsed=before.parsed,
            seen=lifecycle.follow(before.facts, before.seen, facts, now),
            wishes=before.wishes,
            found=before.found,
        )
        if (facts.labels, facts.name) != (before.facts.labels, before.facts.name):
            known.read(self._rules)
        return known

    def _remove(self, known: Known, cause: Cause, now: datetime) -> None:
        ended = now if known.alive else known.seen.ended
        if ended is None:
            self._drop(known, cause)
            return
        known.seen = Seen(ended=ended, removed=now)
        self._stir(known, cause)

    def _stir(self, known: Known, cause: Cause, *, soft: bool = False) -> None:
        """Look at a container, and at all that it wants. `soft`: who has a reason keeps it."""
        if not soft or known.id not in self._stirred:
            self._stirred[known.id] = cause
        self._touch(known, cause, soft=soft)

    def _drop(self, known: Known, cause: Cause, *, soft: bool = False) -> None:
        self._register.drop(known)
        self._touch(known, cause, soft=soft)
        self._agenda.put((known.id,), None)
        self._untold[known.source] = ()

    def _touch(self, known: Known, cause: Cause, *, soft: bool) -> None:
        for key in known.wishes:
            if not soft or key not in self._touched:
                self._touched[key] = cause


def _about(known: Known, event: str) -> Cause:
    facts = known.facts
    return Cause(event=event, host=facts.host, container=facts.name, container_id=facts.id)
