"""What is dropped first, and that it is counted."""

import pytest

from storage.rows import EventRow, HealthRow, LogRow, RouteChangeRow, StatsRow
from storage.tally import Tally
from storage.waiting import Waiting
from tests.storage import samples


def test_the_oldest_stats_go_first_then_health_then_events() -> None:
    dropped = Tally()
    waiting = Waiting(4, dropped)
    for row in (samples.event(1), samples.health(1), samples.stats(1), samples.stats(2)):
        waiting.add(row)
    waiting.add(samples.stats(3))
    assert waiting.counts()["container_stats"] == 2
    for number in range(2, 5):
        waiting.add(samples.event(number))
    assert dropped.totals["container_stats"] == 3
    assert dropped.totals["host_health"] == 1
    assert dropped.totals["container_events"] == 0
    waiting.add(samples.event(5))
    assert dropped.totals["container_events"] == 1
    batch = waiting.take(100)
    assert batch.rows == {EventRow: [samples.event(number) for number in range(2, 6)]}


def test_no_history_waits_without_bound() -> None:
    dropped = Tally()
    waiting = Waiting(1, dropped)
    for row in (samples.route_change(1), samples.event(1), samples.route_change(2)):
        waiting.add(row)
    assert (dropped.totals["container_events"], dropped.totals["route_changes"]) == (1, 1)
    assert waiting.take(9).rows == {RouteChangeRow: [samples.route_change(2)]}


def test_what_is_taken_keeps_its_place_until_it_is_settled() -> None:
    dropped = Tally()
    waiting = Waiting(2, dropped)
    waiting.add(samples.stats(1))
    waiting.add(samples.stats(2))
    batch = waiting.take(2)
    waiting.add(samples.stats(3))
    assert dropped.totals["container_stats"] == 1
    waiting.settled(batch)
    waiting.add(samples.stats(4))
    assert len(waiting) == 1
    assert dropped.totals["container_stats"] == 1


def test_a_take_is_limited_and_in_order() -> None:
    dropped = Tally()
    waiting = Waiting(100, dropped)
    for number in range(5):
        waiting.add(samples.stats(number))
        waiting.add(samples.health(number))
        waiting.add(samples.host(f"h{number}"))
    batch = waiting.take(12)
    assert len(batch) == 12
    assert batch.rows[HealthRow] == [samples.health(number) for number in range(5)]
    assert batch.rows[StatsRow] == [samples.stats(number) for number in range(2)]
    assert len(waiting) == 3


def test_only_the_newest_of_a_container_waits() -> None:
    dropped = Tally()
    waiting = Waiting(10, dropped)
    for seen in (1, 3, 2):
        waiting.add(samples.container(seen=seen))
    assert len(waiting) == 1
    (rows,) = waiting.take(10).rows.values()
    assert rows == [samples.container(seen=3)]


def test_long_lines_of_logs_are_bounded_in_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.waiting.QUEUE_BYTES", 1000)
    monkeypatch.setattr("storage.waiting.BATCH_BYTES", 300)
    dropped = Tally()
    waiting = Waiting(100, dropped)
    waiting.add(samples.stats(1))
    assert not waiting.is_half_full
    for number in range(12):
        waiting.add(samples.line(number, "x" * 100))
        assert waiting.is_enough(100) == (number >= 2)
        assert waiting.is_half_full == (number >= 4)
    assert dropped.totals["container_logs"] == 2
    assert dropped.totals["container_stats"] == 0
    first = waiting.take(100)
    assert first.counts() == {"container_stats": 1, "container_logs": 3}
    assert first.rows[LogRow] == [samples.line(number, "x" * 100) for number in (2, 3, 4)]
    waiting.add(samples.line(12, "x"))
    assert dropped.totals["container_logs"] == 3, "what is taken keeps its place"
    waiting.settled(first)
    waiting.add(samples.line(13, "x" * 300))
    assert dropped.totals["container_logs"] == 3
    assert waiting.counts()["container_logs"] == 8
    while waiting:
        waiting.settled(waiting.take(100))
    assert not waiting.is_half_full
    waiting.add(samples.line(14, "x" * 999))
    assert dropped.totals["container_logs"] == 3
    waiting.add(samples.line(15, "x" * 5000))
    assert not waiting, "no line is larger than the limit"
    assert dropped.totals["container_logs"] == 5


def test_what_is_abandoned_is_counted_with_what_was_taken() -> None:
    dropped = Tally()
    waiting = Waiting(10, dropped)
    for number in range(4):
        waiting.add(samples.stats(number))
    waiting.take(2)
    waiting.abandon()
    assert dropped.totals["container_stats"] == 4
    assert len(waiting) == 0
