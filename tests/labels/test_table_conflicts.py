"""Several want one domain and path on different terms: one winner, whatever the order."""

from __future__ import annotations

from itertools import permutations

from msgspec.structs import replace

from labels.facts import Facts, StaticRoute
from tests.labels.telling import CONFIGURATION, Told, after, container

OLD = container("old", "a.example", started=after(0))
NEW = container("new", "a.example", started=after(60), https="false", strip_prefix="/x")


def winner(*containers: Facts) -> str:
    """Who has a.example, whatever the order in which they are told of."""
    found = set()
    for order in permutations(containers):
        told = Told()
        for facts in order:
            told.put(facts)
        found.add(" ".join(member.name for member in told.route("a.example").members))
    (name,) = found
    return name


def test_who_runs_for_longest_wins_and_losers_are_told_why() -> None:
    told = Told()
    told.put(NEW, OLD)
    (conflict,) = told.table.table.conflicts
    assert (conflict.winner.name, conflict.rule) == ("edge/old", "runs for longest")
    (loser,) = conflict.losers
    assert loser.member.name == "edge/new"
    assert loser.differs == ("https", "redirect_https", "strip_prefix")
    (issue,) = told.table.table.issues
    assert (issue.code, issue.container, issue.domain) == ("conflict", "new", "a.example")
    assert issue.message == (
        "edge/old has a.example on other terms: https, redirect-https and strip-prefix differ."
    )
    assert told.outcomes() == {"edge/new": "lost", "edge/old": "served"}


def test_winner_does_not_depend_on_the_order() -> None:
    unknown = container("unknown", "a.example", started=None, websocket="true")
    assert winner(OLD, NEW, unknown) == "edge/old"
    assert winner(NEW, unknown) == "edge/new"
    assert winner(replace(NEW, started=None), unknown) == "edge/new"
    same = container("zoe", "a.example", started=after(60))
    assert winner(NEW, same) == "edge/new"
    assert winner(NEW, replace(same, name="new", id="0", identity="")) == "edge/new"


def test_checks_that_fail_do_not_make_a_domain_jump() -> None:
    for state, health in (("running", "unhealthy"), ("running", "starting"), ("paused", "none")):
        assert winner(replace(OLD, state=state, health=health), NEW) == "edge/old"


def test_who_cannot_be_reached_or_is_off_or_has_ended_comes_after_who_serves() -> None:
    assert winner(replace(OLD, ports=()), NEW) == "edge/new"
    off = container("old", "a.example", started=after(0), weight="0")
    assert winner(off, NEW) == "edge/new"
    told = Told()
    told.put(OLD, NEW)
    ended = replace(OLD, state="exited")
    assert told.put(ended) == [
        "a.example changed: on other terms: https, redirect-https and strip-prefix; edge/old left "
        "the pool; edge/new joined the pool"
    ]
    assert told.table.table.conflicts == ()
    assert told.table.table.issues == ()
    assert told.outcomes() == {"edge/new": "served", "edge/old": "waiting"}


def test_static_routes_come_first() -> None:
    told = Told()
    told.put(OLD)
    static = StaticRoute(domain="a.example", address="nas.lan", port=5000, problem="no such name")
    static = replace(static, settings=replace(static.settings, websocket=True))
    told.table.static([static], CONFIGURATION, told.now)
    told.settle()
    assert told.members("a.example") == {"nas.lan:5000": "up"}
    assert told.table.table.conflicts[0].rule == "static routes come first"
    told.table.static([], CONFIGURATION, told.now)
    told.settle()
    assert told.members("a.example") == {"edge/old": "up"}
    assert told.table.table.issues == ()


def test_loser_takes_over_when_the_winner_is_removed() -> None:
    told = Told()
    told.put(OLD, NEW)
    told.remove(OLD)
    assert told.members("a.example") == {"edge/new": "up"}
