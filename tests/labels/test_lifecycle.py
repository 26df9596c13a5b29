"""How a container stands in its routes, from what was seen of it and when."""

from __future__ import annotations

from datetime import datetime

import pytest
from msgspec.structs import replace

from labels.facts import Health
from labels.model import Standing
from labels.routing.lifecycle import Seen, Stand, follow, stand
from labels.routing.policy import TablePolicy
from tests.labels.telling import START, after, container

POLICY = TablePolicy(drain=10, recreate_grace=60)
RUNS = container("web", "a.example")
ENDED = replace(RUNS, state="exited")


def stands(seen: Seen, seconds: float, *, stale: bool = False, since: float | None = None) -> Stand:
    reached = after(since) if since is not None else None
    return stand(ENDED, seen, POLICY, after(seconds), stale=stale, reached=reached)


@pytest.mark.parametrize(
    ("state", "health", "standing", "unreached"),
    [
        ("running", "none", "up", "stale"),
        ("running", "healthy", "up", "stale"),
        ("running", "starting", "starting", "starting"),
        ("running", "unhealthy", "unhealthy", "unhealthy"),
        ("paused", "healthy", "paused", "paused"),
        ("restarting", "none", "starting", "starting"),
        ("created", "none", None, None),
        ("exited", "healthy", None, None),
        ("dead", "none", None, None),
        ("removing", "none", None, None),
        ("sleeping", "none", None, None),
    ],
)
def test_state_and_health_say_how_a_container_stands_at_first_sight(
    state: str, health: Health, standing: Standing | None, unreached: Standing | None
) -> None:
    facts = replace(RUNS, state=state, health=health)
    seen = follow(None, Seen(), facts, START)
    assert stand(facts, seen, POLICY, START).standing == standing
    assert stand(facts, seen, POLICY, START, stale=True).standing == unreached


def test_one_that_ended_is_draining_then_stopped_then_has_no_part() -> None:
    seen = follow(RUNS, Seen(), ENDED, START)
    assert stands(seen, 9.9) == Stand(standing="draining", until=after(10), event="drained")
    assert stands(seen, 10).standing == "stopped"
    assert stands(seen, 59.9).until == after(60)
    assert stands(seen, 60) == Stand(standing=None, reason="it does not run (exited)")


def test_grace_of_one_removed_begins_with_its_removal() -> None:
    seen = Seen(ended=START, removed=after(30))
    assert stands(seen, 31).standing == "gone"
    assert stands(seen, 89.9) == Stand(
        standing="gone", until=after(90), event="recreate grace over"
    )
    assert stands(seen, 90).standing is None


def test_grace_does_not_run_out_while_nobody_can_tell_and_begins_anew_then() -> None:
    seen = Seen(ended=START)
    assert stands(seen, 5, stale=True).standing == "draining"
    assert stands(seen, 9999, stale=True) == Stand(standing="stopped")
    assert stands(seen, 1000, since=950).until == after(1010)
    assert stands(seen, 1010, since=950).standing is None


def test_another_look_at_one_that_ended_does_not_prolong_its_grace() -> None:
    seen = follow(RUNS, Seen(), ENDED, START)
    removing = replace(ENDED, state="removing")
    assert follow(ENDED, seen, removing, after(5)) == seen
    assert follow(ENDED, seen, RUNS, after(5)) == Seen()


@pytest.mark.parametrize("lying", [None, after(-1e9), after(1e9)])
def test_the_engines_clock_plays_no_part(lying: datetime | None) -> None:
    facts = replace(ENDED, started=lying, finished=lying)
    seen = follow(RUNS, Seen(), facts, START)
    assert stand(facts, seen, POLICY, after(59)).standing == "stopped"


def test_drain_longer_than_the_grace_is_awaited() -> None:
    policy = TablePolicy(drain=30, recreate_grace=0)
    assert stand(ENDED, Seen(ended=START), policy, after(29)).standing == "draining"
    assert stand(ENDED, Seen(ended=START), policy, after(30)).standing is None
