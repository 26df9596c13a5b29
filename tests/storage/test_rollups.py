"""Rollups equal what the samples say, whatever comes late and whoever is at it."""

import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from storage import rollups
from storage.batch import batch_of, write_batch
from storage.edition import Edition
from storage.layout import SAMPLED
from storage.migrate import SCHEMA, upgrade
from storage.rows import Row
from storage.sessions import Connection
from tests.storage.programs import until
from tests.storage.recomputed import container_series, differences, host_series
from tests.storage.servers import COMMUNITY, EDITIONS, Server

pytestmark = pytest.mark.parametrize("server", EDITIONS, indirect=True)

DAYS = 7
STEP = timedelta(seconds=20)


def connected(conninfo: str) -> Connection:
    connection = psycopg.connect(conninfo, autocommit=True)
    connection.execute(f"SET search_path TO {SCHEMA}, public".encode())
    connection.execute("SET timezone TO 'UTC'")
    return connection


@pytest.fixture
def connection(server: Server) -> Iterator[Connection]:
    if server.kind == COMMUNITY:
        pytest.skip("its continuous aggregates do this")
    with connected(server.emptied()) as connection:
        yield connection


@pytest.fixture
def edition(connection: Connection) -> Edition:
    return upgrade(connection, "it").edition


def _now() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


def _samples(start: datetime, count: int, hosts: int = 2) -> list[Row]:
    rows: list[Row] = []
    for number in range(hosts):
        host = f"h{number}"
        rows += host_series(start, count, STEP, host=host, seed=number)
        for container in ("a", "b"):
            rows += container_series(
                start, count, STEP, host=host, container=container, seed=number
            )
    return rows


def _round(connection: Connection, edition: Edition, lag: timedelta = timedelta(0)) -> int:
    """All that upkeep does for rollups; returns the number of steps that did something."""
    steps = 0
    for family in SAMPLED:
        assert rollups.advance(connection, family, DAYS, lag)
        for step in (rollups.roll_up, rollups.roll_up_late):
            while step(connection, family, edition):
                steps += 1
    return steps


def _counts(connection: Connection) -> list[object]:
    sums = [
        f"(SELECT sum(samples)::int FROM {family}_{level})"  # noqa: S608 - names of ours
        for family in SAMPLED
        for level in ("1m", "1h", "1d")
    ]
    return list(connection.execute(f"SELECT {', '.join(sums)}".encode()).fetchone() or ())


def test_history_that_is_there_is_rolled_up_hour_by_hour(
    connection: Connection, edition: Edition
) -> None:
    rows = _samples(_now() - timedelta(hours=5), 5 * 180)
    write_batch(connection, batch_of(rows))
    assert _round(connection, edition) >= 2 * 5
    assert differences(connection) == []
    assert _counts(connection) == [len(rows) * 4 // 6] * 3 + [len(rows) * 2 // 6] * 3
    assert _round(connection, edition) <= 4  # at most what that has begun since


def test_nothing_is_rolled_up_where_nothing_is(connection: Connection, edition: Edition) -> None:
    assert _round(connection, edition) == 0
    write_batch(connection, batch_of(_samples(_now() - timedelta(minutes=10), 10)))
    assert _round(connection, edition) > 0
    assert differences(connection) == []


def test_late_samples_are_noted_and_rolled_up(connection: Connection, edition: Edition) -> None:
    rows = _samples(_now() - timedelta(hours=12), 12 * 180)
    random.Random(1).shuffle(rows)  # noqa: S311 - only to mix
    late, rows = rows[:500], rows[500:]
    write_batch(connection, batch_of(rows))
    _round(connection, edition)
    assert connection.execute("SELECT count(*) FROM rollup_late").fetchone() == (0,)
    write_batch(connection, batch_of(late))
    rolled_up = _counts(connection)
    assert _round(connection, edition) > 2
    assert differences(connection) == []
    assert all(now > then for now, then in zip(_counts(connection), rolled_up, strict=True))  # type: ignore[operator] # counts
    assert connection.execute("SELECT count(*) FROM rollup_late").fetchone() == (0,)


def test_a_batch_with_samples_that_are_there_notes_the_late_ones_too(
    connection: Connection, edition: Edition
) -> None:
    rows = _samples(_now() - timedelta(hours=2), 100)
    write_batch(connection, batch_of(rows[:-10]))
    _round(connection, edition)
    write_batch(connection, batch_of(rows))
    _round(connection, edition)
    assert differences(connection) == []


def test_what_retention_left_no_samples_of_stays(connection: Connection, edition: Edition) -> None:
    start = _now() - timedelta(hours=6)
    rows = _samples(start, 6 * 180)
    write_batch(connection, batch_of(rows))
    _round(connection, edition)
    before = _counts(connection)
    for table in (*SAMPLED, *(f"{family}_1m" for family in SAMPLED)):
        limit = start + timedelta(hours=4)
        delete = f"DELETE FROM {table} WHERE time < %s"  # noqa: S608 - names of ours
        connection.execute(delete.encode(), [limit])
    stranger = list(container_series(start, 10, STEP, host="h0", container="new", seed=3))
    write_batch(connection, batch_of([*rows[:20], *stranger]))
    _round(connection, edition)
    after = _counts(connection)
    days, hours = 2, 1
    assert after[hours] == before[hours] + 10  # type: ignore[operator] # counts
    assert after[days] == before[days] + 10  # type: ignore[operator] # counts


def test_a_step_that_breaks_off_leaves_all_levels_as_they_were(
    connection: Connection, edition: Edition
) -> None:
    write_batch(connection, batch_of(_samples(_now() - timedelta(hours=2), 300)))
    connection.execute("ALTER TABLE container_stats_1d RENAME TO gone")
    assert rollups.advance(connection, "container_stats", DAYS)
    with pytest.raises(psycopg.errors.UndefinedTable):
        rollups.roll_up(connection, "container_stats", edition)
    connection.execute("ALTER TABLE gone RENAME TO container_stats_1d")
    assert _counts(connection) == [None] * 6
    _round(connection, edition)
    assert differences(connection) == []


def test_one_process_at_a_time_rolls_up(connection: Connection, edition: Edition) -> None:
    write_batch(connection, batch_of(_samples(_now() - timedelta(hours=1), 10)))
    with connected(connection.info.dsn) as other, other.transaction():
        assert rollups.advance(other, "container_stats", DAYS)
        assert not rollups.advance(connection, "host_stats", DAYS)
        assert not rollups.roll_up(connection, "container_stats", edition)
        assert not rollups.roll_up_late(connection, "container_stats", edition)
    assert rollups.advance(connection, "container_stats", DAYS)


def test_the_watermark_waits_for_those_who_have_read_it(
    connection: Connection, edition: Edition
) -> None:
    start = _now() - timedelta(hours=1)
    rows = _samples(start, 100)
    held = rows.pop(60)  # 40 minutes old, which the watermark has not passed yet
    write_batch(connection, batch_of(rows))
    _round(connection, edition, timedelta(minutes=58))
    reached: list[int] = []
    with connected(connection.info.dsn) as own:
        upkeep = threading.Thread(target=lambda: reached.append(_round(connection, edition)))
        with own.transaction():
            write_batch(own, batch_of([held]))
            upkeep.start()
            until(lambda: _waits(own, connection.info.backend_pid), "the upkeep waits")
        upkeep.join()
    assert reached[0] > 0
    assert differences(connection) == []


def _waits(connection: Connection, pid: int) -> bool:
    row = connection.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [pid]).fetchone()
    return row == (True,)


def test_writers_and_the_watermark_miss_nothing_between_them(
    connection: Connection, edition: Edition
) -> None:
    now = _now()
    rows = _samples(now - timedelta(hours=2), 360)
    random.Random(2).shuffle(rows)  # noqa: S311 - only to mix
    write_batch(connection, batch_of(rows[:100]))
    failures: list[BaseException] = []

    def write(mine: list[Row]) -> None:
        try:
            with connected(connection.info.dsn) as own:
                for first in range(0, len(mine), 50):
                    with own.transaction():  # long, to be met by the upkeep
                        for part in range(first, first + 50, 10):
                            # Some again: as after an answer that was lost.
                            write_batch(own, batch_of(mine[max(part - 3, 0) : part + 10]))
        except BaseException as error:
            failures.append(error)
            raise

    writers = [threading.Thread(target=write, args=(rows[100 + n :: 3],)) for n in range(3)]
    for writer in writers:
        writer.start()
    minute = 0
    while any(writer.is_alive() for writer in writers):
        minute = min(minute + 1, 119)
        _round(connection, edition, timedelta(minutes=120 - minute))
    for writer in writers:
        writer.join()
    assert not failures
    while _round(connection, edition):
        pass
    assert differences(connection) == []
    known = _counts(connection)
    assert known[0] == known[1] == known[2] == len(rows) * 4 // 6
