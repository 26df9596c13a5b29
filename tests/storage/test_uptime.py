"""Runs, read off what was seen of them."""

from datetime import timedelta

import msgspec

from storage.records import Interval
from storage.rows import ContainerRow, EventRow
from storage.uptime import Uptime, uptime
from tests.storage import samples
from tests.storage.samples import START

SPAN = Interval(start=START, end=START + timedelta(seconds=1000))


def life(id_: str = "c1", **changes: object) -> ContainerRow:
    row = samples.container(id_, seen=1000, state="exited")
    known = {"created": START - timedelta(seconds=100)}
    return msgspec.structs.replace(row, **{**known, **changes})


def at(second: float) -> object:
    return START + timedelta(seconds=second)


def event(second: int, action: str, *, actor: str = "c1", code: int | None = None) -> EventRow:
    made = samples.event(second, action=action, actor=actor)
    return msgspec.structs.replace(made, exit_code=code, attributes={"signal": "9"})


def gap(start: float, end: float) -> Interval:
    return Interval(start=START + timedelta(seconds=start), end=START + timedelta(seconds=end))


def seconds(found: Uptime) -> tuple[float, float, float]:
    return found.up_seconds, found.down_seconds, found.unknown_seconds


def test_a_run_that_began_before_the_range_counts_within_it() -> None:
    found = uptime([life()], [event(-50, "start"), event(300, "die", code=1)], [], SPAN)
    assert seconds(found) == (300, 700, 0)
    assert [(run.seconds, run.exit_code) for run in found.runs] == [(350, 1)]
    assert (found.restarts, found.up_percent) == (0, 30.0)


def test_an_end_alone_is_a_run_from_before_what_is_known() -> None:
    found = uptime([life()], [event(300, "die", code=0)], [gap(0, 100)], SPAN)
    assert seconds(found) == (200, 700, 100)
    assert [(run.start, run.seconds) for run in found.runs] == [(None, None)]


def test_a_start_after_a_missed_end_leaves_the_time_between_unknown() -> None:
    events = [event(0, "start"), event(600, "start"), event(700, "die", code=2)]
    found = uptime([life()], events, [gap(200, 500)], SPAN)
    assert seconds(found) == (200 + 100, 300, 400)
    assert [(run.ended, run.end is None) for run in found.runs] == [(True, False), (True, True)]
    assert found.restarts == 1


def test_what_the_container_says_itself_mends_missed_events() -> None:
    running = life(state="running", started=at(500))
    found = uptime([running], [event(0, "start")], [gap(100, 600)], SPAN)
    assert seconds(found) == (100 + 500, 0, 400)
    ended = life(started=at(100), finished=at(400), exit_code=3)
    found = uptime([ended], [], [], SPAN)
    assert seconds(found) == (300, 700, 0)
    assert found.last_exit_codes == (3,)
    same = life(state="running", started=START - timedelta(milliseconds=30))
    assert len(uptime([same], [event(0, "start")], [], SPAN).runs) == 1


def test_a_run_through_a_time_without_watch_is_certain() -> None:
    running = life(state="running", started=at(-10))
    assert seconds(uptime([running], [], [gap(0, 1000)], SPAN)) == (1000, 0, 0)
    assert seconds(uptime([life()], [], [gap(0, 400)], SPAN)) == (0, 600, 400)


def test_a_container_that_never_was_down_was_so_for_no_time_at_all() -> None:
    running = life(state="running", created=at(0.1), started=at(0.7))
    found = uptime([running], [], [gap(0, 0.7)], SPAN)
    assert (found.down_seconds, found.up_percent) == (0, 100.0)


def test_time_before_it_was_made_and_after_it_was_removed_does_not_count() -> None:
    short = life(created=at(100), removed=at(400))
    events = [event(100, "start"), event(250, "die", code=0)]
    found = uptime([short], events, [], SPAN)
    assert seconds(found) == (150, 150, 0)
    assert (found.up_percent, found.state) == (50.0, "removed")


def test_incarnations_are_one_after_another() -> None:
    lives = [life("c1", removed=at(400)), life("c2", created=at(410), state="running")]
    events = [event(0, "start"), event(400, "die", code=143), event(420, "start", actor="c2")]
    found = uptime(lives, events, [], SPAN)
    assert seconds(found) == (980, 10, 0)
    assert [run.container_id for run in found.runs] == ["c2", "c1"]
    assert (found.restarts, found.state) == (1, "running")


def test_what_happened_in_a_run_is_told() -> None:
    events = [event(0, "start"), event(5, "kill"), event(6, "oom"), event(7, "die", code=137)]
    found = uptime([life()], events, [], SPAN)
    (run,) = found.runs
    assert (run.oom_killed, run.signal, run.exit_code) == (True, "9", 137)
    assert found.oom_kills == 1


def test_health_counts_until_the_end_of_the_run() -> None:
    events = [
        event(0, "start"),
        event(10, "health_status: unhealthy"),
        event(40, "die", code=1),
        event(50, "start"),
        event(60, "health_status: healthy"),
        event(900, "health_status: unhealthy"),
    ]
    found = uptime([life(state="running", started=at(50))], events, [], SPAN)
    assert (found.unhealthy_seconds, found.health) == (30 + 100, "unhealthy")
