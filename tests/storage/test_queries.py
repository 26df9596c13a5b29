"""Reading back what was written."""

from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest

from config.models import Storage
from storage import queries
from storage.batch import batch_of, write_batch
from storage.database import Database
from storage.errors import QueryLimitError
from storage.rows import Row
from storage.statements import parse, statements
from tests.storage import samples
from tests.storage.samples import START


@pytest.fixture
async def database(conninfo: str) -> AsyncIterator[Database]:
    made = Database(conninfo, None, Storage())
    await made.prepare()
    yield made
    made.close()


async def _write(database: Database, *rows: Row) -> None:
    await database.write(lambda connection: write_batch(connection, batch_of(rows)))


async def test_events_come_newest_first_filtered_and_paged(database: Database) -> None:
    events = [samples.event(number) for number in range(20)]
    other = samples.event(30, host="other", action="die", actor="d9")
    await _write(database, *events, other)
    assert await queries.recent_events(database) == [other, *reversed(events)]
    page = await queries.recent_events(database, host="h", limit=5)
    assert page == events[:14:-1]
    following = await queries.recent_events(database, host="h", limit=5, before=page[-1].time_nano)
    assert following == events[14:9:-1]
    for wanted in ({"container": "d"}, {"action": "die"}, {"host": "other"}):
        assert await queries.recent_events(database, **wanted) == [other]  # type: ignore[arg-type] # three keywords
    assert len(await queries.recent_events(database, container="web", type="container")) == 21
    assert await queries.recent_events(database, type="image") == []
    assert await queries.recent_events(database, container="%") == []


async def test_history_is_in_buckets_with_gaps(database: Database) -> None:
    numbers = [*range(60), *range(120, 180)]
    await _write(database, *(samples.stats(number) for number in numbers))
    end = START + timedelta(seconds=180)
    history = await queries.stats_history(database, "h", "c1", START, end, 18)
    assert history.width == 10
    assert len(history.points) == 12
    first = history.points[0]
    assert first.time == START
    assert (first.samples, first.cpu_percent_avg, first.cpu_percent_max) == (10, 4.5, 9.0)
    assert (first.memory_used_avg, first.memory_used_max) == (1004.5, 1009)
    assert history.points[6].time == START + timedelta(seconds=120)


async def test_counters_become_increases_across_a_reset(database: Database) -> None:
    counter = [100, 150, 170, 5, 25]
    await _write(database, *(samples.stats(n, rx=rx) for n, rx in enumerate(counter)))
    history = await queries.stats_history(
        database, "h", "c1", START, START + timedelta(seconds=5), 1
    )
    (point,) = history.points
    assert point.network_rx == 50 + 20 + 5 + 20
    assert point.network_tx is None


async def test_an_identity_means_all_its_incarnations(database: Database) -> None:
    await _write(
        database,
        samples.container("c1"),
        samples.container("c2"),
        samples.stats(1, container="c1", rx=1000),
        samples.stats(2, container="c2", rx=1),
        samples.stats(3, container="c2", rx=3),
        samples.stats(3, container="c3"),
    )
    end = START + timedelta(seconds=10)
    whole = await queries.stats_history(database, "h", "name:web", START, end, 1)
    assert [(point.samples, point.network_rx) for point in whole.points] == [(3, 2)]
    one = await queries.stats_history(database, "h", "c2", START, end, 1)
    assert [point.samples for point in one.points] == [2]
    unknown = await queries.stats_history(database, "h", "c3", START, end, 1)
    assert [point.samples for point in unknown.points] == [1]


@pytest.mark.parametrize(
    ("days", "points", "message"),
    [(31, 10, "30 days"), (0, 10, "after its start"), (-1, 10, "after its start")]
    + [(1, points, "1 to 10,000 points") for points in (0, 10_001)],
)
async def test_too_much_is_not_asked_of_the_database(
    database: Database, days: int, points: int, message: str
) -> None:
    with pytest.raises(QueryLimitError, match=message):
        await queries.stats_history(database, "h", "c", START, START + timedelta(days=days), points)


async def test_the_finest_history_is_bounded(database: Database) -> None:
    await _write(database, *(samples.stats(number) for number in range(100)))
    end = START + timedelta(seconds=1)
    history = await queries.stats_history(database, "h", "c1", START, end, 10_000)
    assert [point.samples for point in history.points] == [1]
    assert history.width == 0.001


async def test_health_is_told_in_order(database: Database) -> None:
    rows = [samples.health(number) for number in range(5)]
    await _write(database, *reversed(rows))
    end = START + timedelta(seconds=3)
    assert await queries.health_history(database, "h", START, end) == rows[:3]


async def test_a_restart_knows_where_to_go_on(database: Database) -> None:
    await _write(database, samples.host("h"), samples.host("b"), samples.host("quiet"))
    newest = [samples.event(9), samples.event(4, host="b")]
    await _write(database, samples.event(1), *newest)
    expected = {row.host: row.time_nano for row in newest}
    assert await queries.last_event_nanos(database) == expected


async def test_removed_containers_are_not_known(database: Database) -> None:
    here = samples.container("c1")
    gone = samples.container("c2", removed=START)
    elsewhere = msgspec.structs.replace(here, host="other")
    await _write(database, here, gone, elsewhere)
    assert await queries.containers_known(database, "h") == [here]


def test_queries_are_found_by_name_and_without_comments() -> None:
    assert parse("-- x\n-- name: a\n-- about\nSELECT 1\n\n-- name: b\nSELECT\n2\n") == {
        "a": b"SELECT 1",
        "b": b"SELECT\n2",
    }
    assert all(sql.startswith((b"SELECT", b"WITH")) for sql in statements().values())


async def test_the_counters_of_the_newest_sample_are_told(database: Database) -> None:
    started = START - timedelta(hours=1)
    newest = msgspec.structs.replace(samples.stats(7), started=started)
    await _write(
        database,
        *(samples.container(name) for name in ("c1", "c2", "c3")),
        samples.container("gone", removed=START),
        samples.stats(1),
        newest,
        samples.stats(2),
        samples.stats(-1, container="c2"),
        samples.stats(3, container="gone"),
        samples.stats(3, container="c3", host="other"),
    )
    (found,) = await queries.latest_counters(database, ["h", "i"], START)
    assert (found.host, found.id, found.time) == ("h", "c1", newest.time)
    assert (found.started, found.cpu_total, found.network_rx) == (started, 7, 7)
    assert (found.network_tx, found.block_read, found.block_write) == (None, 0, 0)
    assert len(await queries.latest_counters(database, ["h"], START - timedelta(days=1))) == 2
    assert await queries.latest_counters(database, [], START) == []
