"""Which rows become of changes, and in which order they count."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
import trio
import trio.testing

from config.models import Host, LocalHost
from fleet.model import Failure
from fleet.rows import HEALTH_EVERY, RowWriter
from fleet.tracker import Tracker, now
from storage.rows import HealthRow, HostRow, Row


@pytest.fixture
def offered() -> list[Row]:
    return []


@pytest.fixture
def hosts() -> dict[str, Host]:
    return {"a": LocalHost(name="a", labels={"site": "one"})}


@pytest.fixture
def tracker(hosts: dict[str, Host], offered: list[Row]) -> Tracker:
    made = Tracker()
    made.listen(RowWriter(made, lambda: hosts, offered.append))
    made.add_host("a")
    return made


def test_of_a_host_that_was_seen_once_the_row_offered_later_is_the_newer(
    tracker: Tracker, hosts: dict[str, Host], offered: list[Row]
) -> None:
    seen = now()
    tracker.update_host("a", status="up", listed=True, last_seen=seen)
    hosts["a"] = LocalHost(name="a", labels={"site": "two"})
    tracker.update_host("a", status="down")
    rows = [row for row in offered if isinstance(row, HostRow)]
    assert [row.labels["site"] for row in rows] == ["one", "two"]
    assert rows[0].seen == seen < rows[1].seen


def test_a_host_that_comes_back_is_told_of_at_once(tracker: Tracker, offered: list[Row]) -> None:
    tracker.update_host("a", response_seconds=0.1)
    tracker.update_host("a", response_seconds=0.2)
    assert len([row for row in offered if isinstance(row, HealthRow)]) == 1
    tracker.remove_host("a")
    tracker.add_host("a")
    tracker.update_host("a", response_seconds=0.3)
    assert len([row for row in offered if isinstance(row, HealthRow)]) == 2


def health_of(offered: list[Row]) -> list[HealthRow]:
    return [row for row in offered if isinstance(row, HealthRow)]


def test_an_outage_is_written_with_its_cause_and_all_its_attempts(
    tracker: Tracker, offered: list[Row]
) -> None:
    failure = Failure(kind="unreachable", message="no route", hint="", at=now())
    for attempt in range(1, 5):
        tracker.update_host("a", status="down", error=failure, attempts=attempt)
    tracker.update_host("a", response_seconds=0.1, attempts=0)  # it answers, and is then up
    tracker.update_host("a", status="up", error=None)
    tracker.update_host("a", status="down", error=failure, attempts=1)
    assert [(row.status, row.error_kind, row.attempts) for row in health_of(offered)] == [
        ("connecting", None, 0),
        ("down", "unreachable", 1),
        ("up", None, 4),
        ("down", "unreachable", 1),
    ]


async def test_a_host_of_which_nothing_is_told_for_long_is_written_as_it_is(
    hosts: dict[str, Host],
    offered: list[Row],
    autojump_clock: trio.testing.MockClock,  # noqa: ARG001 - pytest-trio looks for it
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin, zero = now(), trio.current_time()
    monkeypatch.setattr(
        "fleet.rows.now", lambda: begin + timedelta(seconds=trio.current_time() - zero)
    )
    tracker = Tracker()
    writer = RowWriter(tracker, lambda: hosts, offered.append)
    tracker.listen(writer)
    tracker.add_host("a")
    tracker.add_host("asleep", "disabled")
    tracker.update_host("a", status="down", attempts=1)
    with trio.move_on_after(3 * HEALTH_EVERY.total_seconds() + 1):
        await writer.observe_all()
    assert [row.host for row in health_of(offered)] == ["a", "asleep", "a", "a", "a", "a"]
    times = [row.time for row in health_of(offered) if row.status == "down"]
    assert {after - before for before, after in pairwise(times)} == {HEALTH_EVERY}
