"""Containers that end again and again, told from events and counts of restarts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from fleet.counts import count
from fleet.looping import MOST, MOST_ENDS, Loops
from fleet.model import Container, ContainerHealth
from fleet.present import container_document
from fleet.rows import container_row
from fleet.tracker import Tracker
from tests.fleet.values import NOON, container, event

ID = "c" * 64


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def ends(loops: Loops, times: list[float], code: int | None = 3) -> None:
    for time in times:
        loops.heard(event(action="die", exit_code=code), at(time))


def judged(loops: Loops, seconds: float, **fields: Any) -> tuple[bool, int, int | None]:
    told = loops.judged(container(**fields), at(seconds))
    return told.looping, told.ends_lately, told.last_exit_code


def test_a_third_end_makes_a_loop_and_its_state_of_the_moment_does_not_matter() -> None:
    loops = Loops()
    ends(loops, [0, 10])
    assert judged(loops, 11) == (False, 2, 3)
    ends(loops, [20])
    for state in ("running", "restarting", "exited"):
        assert judged(loops, 21, state=state) == (True, 3, 3)


def test_it_ends_with_five_minutes_of_peace_and_is_forgotten_after_ten() -> None:
    loops = Loops()
    ends(loops, [0, 10, 20])
    assert judged(loops, 20 + 300)[0]
    assert judged(loops, 20 + 301) == (False, 3, 3)
    assert judged(loops, 20 + 601) == (False, 0, None)
    loops.forget_old(at(20 + 601))
    assert not loops.known()


def test_who_gave_up_restarting_it_leaves_it_crashed() -> None:
    loops = Loops()
    ends(loops, [0, 10, 20])
    assert not judged(loops, 51, state="exited")[0]


@pytest.mark.parametrize("code", [0, None])
def test_an_end_without_an_error_counts_once_its_engine_restarts_it(code: int | None) -> None:
    loops = Loops()
    ends(loops, [0, 10, 20], code)
    assert judged(loops, 20) == (False, 0, None)
    ends(loops, [30], code)
    loops.restarted(ID, 3, at(30))
    assert judged(loops, 30) == (True, 3, code)


def test_an_end_with_its_restart_is_one() -> None:
    loops = Loops()
    for time in (0, 10):
        ends(loops, [time])
        loops.restarted(ID, 1, at(time))
    assert judged(loops, 11) == (False, 2, 3)


def test_what_somebody_asked_for_is_no_end_and_a_stop_begins_anew() -> None:
    loops = Loops()
    for time in (0, 10, 20):
        loops.heard(event(action="kill"), at(time))
        ends(loops, [time], 137)
    assert judged(loops, 21) == (False, 0, None)
    ends(loops, [30, 40, 50])
    assert judged(loops, 51)[0]
    loops.heard(event(action="stop"), at(52))
    assert judged(loops, 53) == (False, 0, None)


def test_memory_is_bounded() -> None:
    loops = Loops()
    loops.restarted(ID, 10**9, at(0))
    assert judged(loops, 1)[1] == MOST_ENDS
    for number in range(MOST + 10):
        loops.heard(event(action="die", actor_id=str(number), exit_code=1), at(0))
    assert len(loops.known()) == MOST


def test_one_that_loops_is_unhealthy_in_lists_counts_and_rows_alike() -> None:
    checked = ContainerHealth(status="starting", source="healthcheck")
    one = container(health=checked, looping=True, ends_lately=4, last_exit_code=1)
    tracker = Tracker()
    tracker.add_host("a")
    told = container_document(one, None, tracker.hosts["a"])
    assert (told.health.status, told.health.source) == ("unhealthy", "state")
    assert (told.looping, told.ends_lately, told.last_exit_code) == (True, 4, 1)
    counts = count([one, container("d")])
    assert (counts.unhealthy, counts.looping) == (1, 1)
    assert container_row(one).health == "unhealthy"


def test_nothing_is_remembered_of_what_is_gone() -> None:
    tracker = Tracker()
    tracker.add_host("a")
    one: Container = container()
    tracker.put_container(one)
    ends(tracker.loops("a"), [0])
    tracker.remove_container("a", one.id)
    assert not tracker.loops("a").known()
    ends(tracker.loops("a"), [0])
    tracker.remove_host("a")
    assert not tracker.loops("a").known()
