from __future__ import annotations

import trio

from fleet.log_feed import WAITING, LogFeed
from fleet.model import LogLine
from fleet.tracker import Tracker
from tests.fleet.values import NOON

KEY = ("a", "c")


def line(number: int) -> LogLine:
    return LogLine(
        time=NOON,
        time_nano=number,
        host="a",
        container_id="c",
        name="web",
        identity="name:web",
        stream="stdout",
        sequence=0,
        level=None,
        line=str(number),
    )


async def test_a_reader_hears_its_container_alone_and_from_now_on() -> None:
    tracker, feed = Tracker(), LogFeed()
    tracker.add_host("a")
    tracker.listen(feed)
    tracker.put_lines("a", "c", (line(0),), 0)
    with feed.subscribe([KEY]) as reader, feed.subscribe([KEY]) as other:
        tracker.put_lines("a", "another", (line(1),), 0)
        tracker.put_lines("a", "c", (line(2), line(3)), 0)
        assert reader.take() == [line(2), line(3)]
        assert other.take() == [line(2), line(3)]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reader.arrived)
            await trio.testing.wait_all_tasks_blocked()
            tracker.put_lines("a", "c", (line(4),), 0)


def test_a_reader_hears_others_as_it_follows_them() -> None:
    tracker, feed = Tracker(), LogFeed()
    tracker.add_host("a")
    tracker.listen(feed)
    with feed.subscribe([KEY]) as reader:
        reader.follow([KEY, ("a", "d")])
        tracker.put_lines("a", "c", (line(1),), 0)
        tracker.put_lines("a", "d", (line(2),), 0)
        reader.follow([("a", "d")])
        tracker.put_lines("a", "c", (line(3),), 0)
        assert reader.take() == [line(1), line(2)]
        reader.follow([])
        tracker.put_lines("a", "d", (line(4),), 0)
        assert reader.take() == []


async def test_for_a_slow_reader_the_oldest_go_and_are_counted() -> None:
    feed, tracker = LogFeed(), Tracker()
    tracker.add_host("a")
    tracker.listen(feed)
    with feed.subscribe([KEY]) as reader:
        for number in range(WAITING + 5):
            tracker.put_lines("a", "c", (line(number),), 0)
        assert reader.dropped == 5
        assert reader.take()[0] == line(5)
        tracker.put_lines("a", "c", (line(0),), 0)
        tracker.put_lines("a", "c", tuple(line(number) for number in range(2 * WAITING)), 0)
        assert reader.dropped == 5 + WAITING + 1
        assert reader.take()[0] == line(WAITING)


def test_dropped_lines_are_counted_by_host() -> None:
    tracker = Tracker()
    tracker.add_host("a")
    tracker.put_lines("a", "c", (), 7)
    assert tracker.hosts["a"].log_lines_dropped == 7
