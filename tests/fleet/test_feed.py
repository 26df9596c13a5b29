from __future__ import annotations

import trio

from fleet.feed import Feed, Subscription


async def test_a_reader_gets_what_is_appended_after_it_subscribed() -> None:
    feed: Feed[str] = Feed(10)
    feed.append("before")
    with feed.subscribe() as reader:
        feed.append("one")
        feed.append("two")
        assert [await reader.next(), await reader.next()] == ["one", "two"]
        assert reader.dropped == 0


async def test_a_waiting_reader_wakes() -> None:
    feed: Feed[str] = Feed(10)
    got: list[str] = []

    async def read(reader: Subscription[str]) -> None:
        got.append(await reader.next())

    with feed.subscribe() as first, feed.subscribe() as second, trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read, first)
            nursery.start_soon(read, second)
            await trio.testing.wait_all_tasks_blocked()
            feed.append("news")
    assert got == ["news", "news"]


async def test_a_slow_reader_is_moved_on_and_told_how_much_it_missed() -> None:
    feed: Feed[int] = Feed(3)
    with feed.subscribe() as reader:
        for number in range(10):
            feed.append(number)
        assert await reader.next() == 7
        assert reader.dropped == 7
        assert await reader.next() == 8
        assert reader.dropped == 7


async def test_resuming_from_a_number_still_held() -> None:
    feed: Feed[str] = Feed(5)
    for item in "abc":
        feed.append(item)
    with feed.subscribe(after=1) as reader:
        assert [await reader.next(), await reader.next()] == ["b", "c"]


async def test_resuming_from_a_number_of_another_process_waits_for_news() -> None:
    feed: Feed[str] = Feed(5)
    feed.append("a")
    with feed.subscribe(after=999) as reader:
        feed.append("b")
        assert await reader.next() == "b"


async def test_a_cancelled_wait_loses_nothing() -> None:
    feed: Feed[str] = Feed(5)
    with feed.subscribe() as reader:
        with trio.move_on_after(0):
            await reader.next()
        feed.append("a")
        assert await reader.next() == "a"


def test_newest_is_bounded_and_in_order() -> None:
    feed: Feed[int] = Feed(4)
    for number in range(6):
        feed.append(number)
    assert feed.newest(2) == [4, 5]
    assert feed.newest(99) == [2, 3, 4, 5]
    assert feed.newest(0) == []
