"""What is said of a route that changed."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from labels.model import Cause, Check, Key, Member, Route, Settings, Standing
from labels.routing.changes import change, described, shown
from tests.labels.render.tables import member, route
from tests.labels.telling import START, after

ONE = member("edge/one", "10.0.0.5", 8080)
TWO = member("core/two", "fd00::6", 8081)
BOTH = route("a.example", ONE, TWO)


def but(who: str, **more: object) -> Route:
    """Both, with one of them otherwise."""
    members = [replace(m, **more) if m.name == who else m for m in BOTH.members]
    return route("a.example", *members)


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        ("unhealthy", "edge/one left the pool (unhealthy): 1 of 2 left"),
        ("draining", "edge/one left the pool (draining): 1 of 2 left"),
        ("off", "edge/one left the pool (weight 0): 1 of 1 left"),
        ("stale", ""),
    ],
)
def test_one_that_stands_otherwise(standing: Standing, words: str) -> None:
    assert described(BOTH, but("edge/one", standing=standing)) == words


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (
            but("edge/one", endpoint=TWO.endpoint),
            "edge/one is at [fd00::6]:8081, not 10.0.0.5:8080",
        ),
        (but("edge/one", weight=3), "edge/one weighs 3, not 1"),
        (but("edge/one", started=START), "edge/one was started again"),
        (but("edge/one", title="One"), "edge/one is described otherwise"),
        (but("edge/one", name="edge/uno"), "edge/one is now edge/uno"),
        (but("edge/one", id="edge/new"), "edge/one was recreated"),
        (but("edge/one", since=START, stale_since=START), ""),
        (route("a.example", TWO), "edge/one left the pool: 1 of 1 left"),
        (
            replace(BOTH, settings=Settings(websocket=True, check=Check(path="/"))),
            "on other terms: check and websocket",
        ),
        (replace(BOTH, settings=Settings()), ""),
    ],
)
def test_one_that_is_otherwise(after: Route, words: str) -> None:
    assert described(BOTH, after) == words


def test_many_are_counted() -> None:
    members = [member(f"edge/{n}", "10.0.0.5", n) for n in range(1, 7)]
    assert described(route("a.example", ONE), route("a.example", ONE, *members)) == (
        "edge/1 joined the pool; edge/2 joined the pool; edge/3 joined the pool; and 3 more: "
        "7 of 7 serve"
    )


def test_who_does_not_serve_is_told_of_only_when_that_changes() -> None:
    sick = but("edge/one", standing="unhealthy")
    assert described(sick, but("edge/one", standing="unhealthy", weight=5)) == ""
    assert described(sick, but("edge/one", standing="paused")) == "edge/one is paused"
    assert described(sick, route("a.example", TWO)) == "edge/one is gone for good: 1 of 1 serves"
    assert described(route("a.example", TWO), sick) == "edge/one came (unhealthy): 1 of 2 serves"


def test_routes_come_and_go() -> None:
    assert (
        described(None, BOTH)
        == "served by core/two at [fd00::6]:8081 and edge/one at 10.0.0.5:8080"
    )
    starting = route("a.example", replace(ONE, standing="starting"))
    assert described(None, starting) == "nobody serves it yet, edge/one (starting)"
    assert described(starting, None) == "no longer served: edge/one (starting)"


def test_change_says_who_was_and_is_in_the_pool() -> None:
    key, cause = Key("a.example", "/"), Cause(event="die")
    changed = change(key, BOTH, route("a.example", TWO), 7, after(1), cause)
    assert changed is not None
    assert (changed.revision, changed.time, changed.kind) == (7, after(1), "changed")
    assert changed.before == shown(BOTH) == ("core/two [fd00::6]:8081", "edge/one 10.0.0.5:8080")
    assert (changed.after, changed.status) == (("core/two [fd00::6]:8081",), "up")
    assert change(key, BOTH, but("edge/one", standing="stale"), 7, after(1), cause) is None
    gone = change(key, BOTH, None, 8, after(1), cause)
    assert gone is not None
    assert (gone.kind, gone.status, gone.after) == ("removed", None, ())


def test_only_the_same_identity_on_the_same_host_is_a_recreate() -> None:
    other: Member = replace(ONE, id="edge/new", identity="name:other")
    assert described(route("a.example", ONE), route("a.example", other)) == (
        "edge/one left the pool; edge/one joined the pool"
    )
