"""What holds of the table of routes whatever happens, in whatever order."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import NamedTuple, cast

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from labels.facts import Facts, Health, Place, StaticRoute
from labels.model import Cause, Change, Key, Member, Route, RoutedContainer, RoutedWish, Table
from labels.routing import changes
from labels.routing.policy import TablePolicy
from labels.routing.snapshot import Snapshot
from labels.routing.table import RouteTable
from tests.labels.telling import CONFIGURATION, START, after, container

HOSTS = ("h0", "h1")
POLICY = TablePolicy()
ALIVE = ("running", "paused")


def facts(number: int, labels: dict[str, str], state: str, health: str, started: int) -> Facts:
    """One of eight containers; 0 and 4 of a name, and so on, as a recreate makes them."""
    made = container(
        f"web-{number % 4}",
        host=HOSTS[number % 2],
        id=str(number),
        state=state,
        health=cast("Health", health),
        port=8000 + number,
        started=after(started) if started else None,
        **{key: value.replace("N", str(number)) for key, value in labels.items()},
    )
    return made if state in ALIVE else replace(made, ports=())


class Told(NamedTuple):
    """One thing that a table is told, or how many seconds pass."""

    what: str
    value: object


_labels = st.fixed_dictionaries(
    {
        "domain": st.sampled_from(["N.example", "N.example", "a.example,N.example", "a.example"]),
        "https": st.sampled_from(["true", "true", "false"]),
    },
    optional={
        "backend_port": st.sampled_from(["80", "80", "81", "x"]),
        "weight": st.sampled_from(["0", "3"]),
    },
)
containers = st.builds(
    facts,
    st.integers(0, 7),
    st.one_of(_labels, _labels, _labels, st.just({})),
    st.sampled_from(["running"] * 6 + ["paused", "restarting", "created", "exited", "dead"]),
    st.sampled_from(["none", "none", "healthy", "starting", "unhealthy"]),
    st.integers(0, 1),
)
CROWD = [
    Told("put", facts(number, {"domain": "N.example", "backend_port": "80"}, "running", "none", 1))
    for number in range(8)
]
places = st.builds(
    Place,
    name=st.sampled_from(HOSTS),
    address=st.sampled_from(["10.0.0.5", "fd00::5", ""]),
    stale_since=st.sampled_from([None, None, START]),
)
statics = st.builds(
    StaticRoute,
    domain=st.sampled_from(["a.example", "0.example", "s.example"]),
    address=st.just("nas.lan"),
    port=st.just(80),
    problem=st.sampled_from(["", "no such name"]),
)


news = st.one_of(
    *[st.builds(Told, st.just("put"), containers)] * 5,
    st.builds(Told, st.just("remove"), st.integers(0, 7)),
    st.builds(Told, st.just("lose"), st.sampled_from([HOSTS, HOSTS[:1], HOSTS[1:]])),
    st.builds(Told, st.just("place"), places),
    st.builds(Told, st.just("listed"), st.sampled_from(HOSTS)),
    st.builds(Told, st.just("static"), st.lists(statics, max_size=1)),
    st.builds(Told, st.just("forget"), st.sampled_from(HOSTS)),
    *[st.builds(Told, st.just("wait"), st.sampled_from([0.5, 9.0, 30.0, 61.0, 700.0]))] * 3,
)
steps_of_all = st.builds(
    lambda begin, steps: begin + steps,
    st.sampled_from([[], CROWD, [*CROWD, Told("lose", HOSTS)]]),
    st.lists(news, max_size=25),
)


class World:
    """A table, and what is true of the containers that it is told of."""

    def __init__(self) -> None:
        self.table = RouteTable(policy=POLICY)
        self.now = START
        self.there: dict[str, Facts] = {}
        self.places: dict[str, Place] = {}
        self.statics: list[StaticRoute] = []

    def tell(self, each: Told) -> None:
        cause = Cause(event=each.what)
        match each.what, each.value:
            case "put", Facts() as facts:
                self.there[facts.id] = facts
                self.table.put(facts, cause, self.now)
            case "remove", int(number):
                self.there.pop(str(number), None)
                self.table.remove(HOSTS[number % 2], str(number), cause, self.now)
            case "lose", tuple(hosts):
                for facts in [facts for facts in self.there.values() if facts.host in hosts]:
                    del self.there[facts.id]
                    self.table.remove(facts.host, facts.id, cause, self.now)
            case "place", Place() as place:
                self.places[place.name] = place
                self.table.place(place, cause, self.now)
            case "listed", str(host):
                self.table.listed(host, self.now)
            case "static", list(routes):
                self.statics = routes
                self.table.static(routes, CONFIGURATION, self.now)
            case "forget", str(host):
                self.there = {i: facts for i, facts in self.there.items() if facts.host != host}
                self.places.pop(host, None)
                self.table.forget(host, CONFIGURATION, self.now)
            case "wait", float(seconds):
                self.now += timedelta(seconds=seconds)

    def settle(self) -> tuple[Change, ...]:
        return self.table.settle(self.now)


class Shadow:
    """The pools as who only reads the changes would know them."""

    def __init__(self) -> None:
        self.pools: dict[Key, tuple[str, ...]] = {}

    def follow(self, changes: tuple[Change, ...]) -> None:
        for change in changes:
            key = Key(change.domain, change.path)
            assert (change.kind == "added") == (key not in self.pools)
            assert change.before == self.pools.pop(key, ())
            assert change.summary
            if change.kind != "removed":
                self.pools[key] = change.after


def pools(table: Table) -> dict[Key, tuple[str, ...]]:
    return {route.key: changes.shown(route) for route in table.routes}


def check_accounts(table: Table, containers: tuple[RoutedContainer, ...]) -> None:
    """Each wish is where it is said to be."""
    routes = {route.key: route for route in table.routes}
    lost = {(c.domain, c.path, x.member.id) for c in table.conflicts for x in c.losers}
    waiting = {(each.domain, each.path, each.member.id) for each in table.waiting}
    troubles = {(issue.host, issue.container, issue.domain) for issue in table.issues}
    for each in containers:
        assert tuple(wish.wish for wish in each.wishes) == each.parsed.wishes
        for wish in each.wishes:
            check_wish(each, wish, routes, lost, waiting)
            if wish.outcome in ("dropped", "lost"):
                assert (each.host, each.name, wish.wish.domain) in troubles
            assert wish.reason or wish.member.serving


def check_wish(
    each: RoutedContainer,
    wish: RoutedWish,
    routes: dict[Key, Route],
    lost: set[tuple[str, str, str]],
    waiting: set[tuple[str, str, str]],
) -> None:
    key, name = wish.wish.key, f"{each.host}/{each.id}"
    assert ((*key, name) in lost) == (wish.outcome == "lost")
    assert ((*key, name) in waiting) == (wish.outcome == "waiting")
    if wish.outcome in ("served", "dropped"):
        assert wish.member in routes[key].members
        assert wish.outcome == "served" or not wish.member.serving


def check_step(before: Table, after: Table, changed: tuple[Change, ...]) -> None:
    """What a change may be."""
    assert after.revision == before.revision + (after is not before)
    assert (after is before) == (replace(after, revision=0) == replace(before, revision=0))
    assert {change.revision for change in changed} <= {after.revision}
    assert list(after.routes) == sorted(after.routes, key=lambda route: route.key)
    known = {route.key: route for route in before.routes}
    assert all(r is known[r.key] for r in after.routes if known.get(r.key) == r)
    meant = ("configuration", "forget", "static", "hold over")
    gone = [c for c in changed if c.kind == "removed" and c.cause.event not in meant]
    assert len(gone) < 3 or len(gone) <= POLICY.mass_removal * len(before.routes)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(steps_of_all, st.integers(1, 3))
def test_whatever_happens_is_accounted_for_and_told(steps: list[Told], at_once: int) -> None:
    one, same, shadow = World(), World(), Shadow()
    for number, step in enumerate(steps):
        one.tell(step)
        same.tell(step)
        if number % at_once:
            continue
        before = one.table.table
        changed = one.settle()
        assert changed == same.settle()
        table = one.table.table
        check_step(before, table, changed)
        check_accounts(table, one.table.containers())
        shadow.follow(changed)
        assert shadow.pools == pools(table)
        assert one.settle() == ()
    assert one.table.table == same.table.table


@settings(max_examples=100, derandomize=True, deadline=None)
@given(
    st.lists(containers, unique_by=lambda facts: facts.id),
    st.lists(places, unique_by=lambda place: place.name),
    st.lists(statics, max_size=1),
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_order_of_what_is_told_plays_no_part(
    there: list[Facts], at: list[Place], fixed: list[StaticRoute], dice: random.Random, often: bool
) -> None:
    steps = [Told("put", facts) for facts in there]
    steps += [*(Told("place", place) for place in at), Told("static", fixed)]
    steps += [Told("listed", place.name) for place in at]
    made = []
    for _ in range(2):
        world = World()
        for step in steps:
            world.tell(step)
            if often:
                world.settle()
        world.settle()
        made.append(replace(world.table.table, revision=0, complete=True))
        dice.shuffle(steps)
    assert made[0] == made[1]


@settings(max_examples=100, derandomize=True, deadline=None)
@given(steps_of_all)
def test_table_that_lived_through_all_is_as_one_built_anew(steps: list[Told]) -> None:
    world, fresh = World(), World()
    for step in steps:
        world.tell(step)
        world.settle()
    for place in world.places.values():
        world.tell(Told("place", replace(place, stale_since=None)))
    for _ in range(3):  # holds begin when a grace is over, and may begin one after the other
        world.tell(Told("wait", 700.0))
        world.settle()
    for value in (*world.places.values(), *world.there.values()):
        fresh.tell(Told("put" if isinstance(value, Facts) else "place", value))
    fresh.tell(Told("static", world.statics))
    fresh.settle()
    assert lasting(world.table.table) == lasting(fresh.table.table)
    assert world.table.deadline is None


@settings(max_examples=100, derandomize=True, deadline=None)
@given(steps_of_all)
def test_restart_changes_nothing_of_what_is_served(steps: list[Told]) -> None:
    world = World()
    for host in HOSTS:
        world.tell(Told("place", Place(name=host, address="10.0.0.5")))
        world.tell(Told("listed", host))
    for step in steps:
        world.tell(step)
        world.settle()
    text = msgspec.json.encode(world.table.snapshot())
    later = World()
    for place in world.places.values():
        later.tell(Told("place", place))
    later.tell(Told("static", world.statics))
    later.now = world.now
    later.table.restore(msgspec.json.decode(text, type=Snapshot), later.now)
    assert pools(later.table.table) == pools(world.table.table)
    assert msgspec.json.encode(later.table.snapshot().held) == msgspec.json.encode(
        world.table.snapshot().held
    )
    assert later.table.table.revision == world.table.table.revision + 1
    for facts in world.there.values():
        later.tell(Told("put", facts))
    for host in world.places:
        later.tell(Told("listed", host))
    assert later.settle() == ()


def lasting(table: Table) -> Table:
    """A table without what only its past can tell."""
    return replace(
        table,
        revision=0,
        complete=True,
        missing=(),
        routes=tuple(
            replace(route, members=tuple(map(plain, route.members))) for route in table.routes
        ),
        conflicts=tuple(
            replace(
                each,
                winner=plain(each.winner),
                losers=tuple(replace(x, member=plain(x.member)) for x in each.losers),
            )
            for each in table.conflicts
        ),
        waiting=tuple(replace(each, member=plain(each.member)) for each in table.waiting),
    )


def plain(member: Member) -> Member:
    """A member without times; one that does not run is reached nowhere."""
    member = replace(member, since=None, stale_since=None)
    if member.standing == "stale":
        member = replace(member, standing="up")
    if member.serving or member.origin == "static":
        return member
    return replace(member, endpoint=None, trace=())
