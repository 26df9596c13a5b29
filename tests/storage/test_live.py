"""Live state over a real server: published by one, followed by others, on asyncio as in serving."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing

import psycopg
import pytest

from config.models import Storage
from storage.database import Database
from storage.errors import DatabaseAwayError
from storage.live import KEPT_CHANGES, Item, Key, pack, unpack
from storage.live_feed import News
from storage.live_writing import AnotherPublishesError, LiveLostError, LiveWriter
from tests.storage.servers import KINDS

PATIENCE = 60.0
ODD = b"\x00\xff{}"  # documents may hold anything


@pytest.fixture
def database(embedded_conninfo: str) -> Iterator[Database]:
    made = Database(embedded_conninfo, None, Storage())
    yield made
    made.close()


def _item(name: str, document: bytes | None = ODD) -> Item:
    return Item(Key("container", "edge-1", name), document)


def _run(work: Callable[[], Awaitable[None]]) -> None:
    async def within_time() -> None:
        async with asyncio.timeout(PATIENCE):
            await work()

    asyncio.run(within_time())


class Reader:
    """What one who follows knows."""

    def __init__(self) -> None:
        self.known: dict[Key, bytes] = {}
        self.wholes = 0

    def take(self, news: News) -> None:
        if news.whole:
            self.wholes += 1
            self.known.clear()
        for key, document in news.items:
            if document is None:
                self.known.pop(key, None)
            else:
                self.known[key] = document

    async def until(self, database: Database, wanted: set[str]) -> None:
        async with aclosing(database.feed().news()) as feed:
            async for news in feed:
                self.take(news)
                if {key.key for key in self.known} == wanted:
                    return


def test_changes_come_packed_as_they_were() -> None:
    items = [_item("a"), _item("b", None), Item(Key("config", "", ""), b"{}")]
    assert unpack(pack(items)) == items
    with pytest.raises(ValueError, match="no changes"):
        unpack(b"rubbish")


@pytest.mark.parametrize("server", KINDS, indirect=True)
def test_what_is_published_comes_at_once_and_in_order(conninfo: str) -> None:
    async def work() -> None:
        database = Database(conninfo, None, Storage())
        writer, reader = LiveWriter(database, "one"), Reader()
        await writer.replace([_item("a"), _item("b")])
        seen: list[set[str]] = []
        async with aclosing(database.feed().news()) as feed:
            async for news in feed:
                reader.take(news)
                seen.append({key.key for key in reader.known})
                if len(seen) == 1:
                    await writer.change([_item("c"), _item("a", None)])
                    await writer.change([_item("d", b"new")])
                elif seen[-1] == {"b", "c", "d"}:
                    break
        assert seen[0] == {"a", "b"}
        assert reader.wholes == 1
        assert reader.known[Key("container", "edge-1", "d")] == b"new"
        assert reader.known[Key("container", "edge-1", "b")] == ODD
        database.close()

    _run(work)


def test_a_new_run_and_a_reader_too_far_behind_begin_with_all_of_it(database: Database) -> None:
    async def work() -> None:
        writer, reader, feed = LiveWriter(database, "one"), Reader(), database.feed()
        await writer.replace([_item("a")])
        async with aclosing(feed.news()) as news:
            reader.take(await anext(news))
        for number in range(KEPT_CHANGES + 1):
            await writer.change([_item(f"c{number}"), _item(f"c{number - 1}", None)])
        async with aclosing(feed.news()) as news:
            reader.take(await anext(news))
        assert reader.wholes == 2
        assert {key.key for key in reader.known} == {"a", f"c{KEPT_CHANGES}"}
        again = Database(database.conninfo, None, Storage())
        database.close()  # as at the end of the first one
        await LiveWriter(again, "two").replace([_item("z")])
        async with aclosing(feed.news()) as news:
            found = await anext(news)
        assert found.run is not None
        assert (found.run.run, found.whole) == ("two", True)
        assert [item.key.key for item in found.items] == ["z"]
        again.close()

    _run(work)


def test_changes_that_are_not_understood_are_passed_over(database: Database) -> None:
    async def work() -> None:
        writer, reader, feed = LiveWriter(database, "one"), Reader(), database.feed()
        await writer.replace([_item("a")])
        async with aclosing(feed.news()) as news:
            reader.take(await anext(news))
        await writer.change([_item("b")])
        with psycopg.connect(database.conninfo, autocommit=True) as admin:
            admin.execute("UPDATE fleet.live_changes SET changes = 'rubbish'")
        async with aclosing(feed.news()) as news:
            reader.take(await anext(news))
        assert (reader.wholes, {key.key for key in reader.known}) == (2, {"a", "b"})

    _run(work)


def test_only_one_publishes_and_a_lost_connection_makes_it_begin_anew(database: Database) -> None:
    async def work() -> None:
        first = LiveWriter(database, "one")
        await first.replace([_item("a")])
        other = Database(database.conninfo, None, Storage())
        with pytest.raises(AnotherPublishesError, match="another supervisor"):
            await LiveWriter(other, "two").replace([_item("b")])
        other.close()
        with psycopg.connect(database.conninfo, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            )
        with pytest.raises((LiveLostError, DatabaseAwayError)):
            await first.change([_item("c")])
        await first.replace([_item("a"), _item("c")])
        await first.change([_item("d")])
        await Reader().until(database, {"a", "c", "d"})

    _run(work)


def test_a_server_that_lost_it_is_noticed(database: Database) -> None:
    async def work() -> None:
        writer = LiveWriter(database, "one")
        await writer.replace([_item("a")])
        with psycopg.connect(database.conninfo, autocommit=True) as admin:
            admin.execute("TRUNCATE fleet.live_state, fleet.live_changes, fleet.live_run")
        with pytest.raises(LiveLostError):
            await writer.change([])
        await writer.replace([_item("a")])
        await writer.change([])

    _run(work)


def test_who_follows_before_anybody_published_waits(database: Database) -> None:
    async def work() -> None:
        await database.prepare()
        async with aclosing(database.feed().news()) as feed:
            assert (await anext(feed)).run is None
            await LiveWriter(database, "one").replace([_item("a")])
            async for news in feed:
                if news.run is not None:
                    assert news.whole
                    return

    _run(work)


def test_a_server_that_is_away_is_told_of() -> None:
    async def work() -> None:
        away = Database("postgresql://fleet@127.0.0.1:1/fleet", None, Storage())
        with pytest.raises(DatabaseAwayError):
            await anext(away.feed().news())

    _run(work)
