"""Tables get the shape of their edition, whatever is in them and however often it takes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg
import pytest

from storage import partitions, shape
from storage.batch import batch_of, write_batch
from storage.edition import About
from storage.errors import DatabaseError
from storage.layout import LAYOUT, RAW
from storage.migrate import SCHEMA, migrate, upgrade
from storage.rows import Row
from storage.sessions import Connection
from storage.shape import ASIDE, Progress
from tests.storage import samples
from tests.storage.servers import COMMUNITY, EDITIONS

pytestmark = pytest.mark.parametrize("server", EDITIONS, indirect=True)

INDEXES = """
SELECT indexname FROM pg_indexes
WHERE schemaname = 'fleet' AND tablename = ANY(%s) ORDER BY 1
"""
ROLLED = """
INSERT INTO container_stats_1h (time, host, container_id, name, identity, samples, cpu_samples,
    memory_used_avg, memory_used_min, memory_used_max, memory_used_last, memory_limit_last)
SELECT date_bin('1 hour', time, '1970-01-01Z'), 'h', 'c1', 'web', 'name:web', count(*), 0,
    1, 1, 1, 1, 1
FROM container_stats GROUP BY 1
"""
SAMPLES = 200  # one each half an hour: four days and a bit


@pytest.fixture
def connection(conninfo: str) -> Iterator[Connection]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"SET search_path TO {SCHEMA}, public".encode())
        connection.execute("SET timezone TO 'UTC'")
        yield connection


def _rows() -> list[Row]:
    def at(row: Row, number: float) -> Row:
        time = samples.START + timedelta(minutes=30) * number
        return msgspec.structs.replace(row, time=time)

    rows: list[Row] = [at(samples.stats(number), number) for number in range(SAMPLES)]
    rows += [at(samples.event(number), number) for number in range(10)]
    rows += [at(samples.health(0), number) for number in range(10)]
    return [*rows, at(samples.stats(7), -10_000_000)]  # from a clock that was wrong


def _filled(connection: Connection) -> None:
    """The ordinary tables that migrations make, with rows in them."""
    migrate(connection, "it")
    write_batch(connection, batch_of(_rows()))
    connection.execute(ROLLED)


def _count(connection: Connection, table: str) -> object:
    row = connection.execute(b"SELECT count(*) FROM " + table.encode()).fetchone()
    return row and row[0]


def _counts(connection: Connection) -> list[object]:
    tables = ("container_stats", "container_events", "host_health", "container_stats_1h")
    return [_count(connection, table) for table in tables]


COUNTS = [SAMPLES + 1, 10, 10, SAMPLES // 2 + 1]


def _left_aside(connection: Connection) -> object:
    query = "SELECT count(*) FROM pg_class WHERE relname LIKE %s"
    return (connection.execute(query, [f"%{ASIDE}%"]).fetchone() or ())[0]


def _shaped(connection: Connection, about: About) -> set[object]:
    if about.edition == "plain":
        sql = "SELECT partrelid::regclass::text FROM pg_partitioned_table"
    else:
        sql = "SELECT hypertable_name FROM timescaledb_information.hypertables"
    return {name for (name,) in connection.execute(sql.encode())}


def test_new_tables_have_the_shape_of_their_edition(connection: Connection) -> None:
    about = upgrade(connection, "it")
    assert _shaped(connection, about) == set(RAW if about.edition == COMMUNITY else LAYOUT)
    assert _left_aside(connection) == 0
    assert upgrade(connection, "it") == about


def test_rows_that_are_there_move_and_it_is_told(connection: Connection) -> None:
    _filled(connection)
    indexes = connection.execute(INDEXES, [list(RAW)]).fetchall()
    told: list[Progress] = []
    about = upgrade(connection, "it", told.append)
    assert _counts(connection) == COUNTS
    assert _left_aside(connection) == 0
    assert _shaped(connection, about) >= set(RAW)
    assert connection.execute(INDEXES, [list(RAW)]).fetchall() == indexes
    mine = [progress for progress in told if progress.table == "container_stats"]
    hours = SAMPLES // 2 + 1
    assert mine == [Progress("container_stats", done, hours) for done in range(hours + 1)]
    told.clear()
    upgrade(connection, "it", told.append)
    assert told == []
    if about.edition == "plain":
        parts = partitions.partitions(connection, "container_stats")
        assert [part.start.day for part in parts] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("after", [0, 1, SAMPLES // 4])
def test_a_move_that_was_broken_off_goes_on(connection: Connection, after: int) -> None:
    _filled(connection)

    def stop(progress: Progress) -> None:
        if progress.table == "container_stats" and progress.done == after:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        upgrade(connection, "it", stop)
    write_batch(connection, batch_of(_rows()[:100]))  # by another program, again
    upgrade(connection, "it")
    assert _counts(connection) == COUNTS
    assert _left_aside(connection) == 0


def test_timescaledb_that_comes_later_takes_over(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = About("plain", "18", None)
    with monkeypatch.context() as patch:  # as before somebody installed it
        patch.setattr(shape, "_with_extension", lambda _connection, _where: plain)
        _filled(connection)
        assert upgrade(connection, "it") == plain
        assert _shaped(connection, plain) == set(LAYOUT)
    about = upgrade(connection, "it")
    assert _counts(connection) == COUNTS
    assert _left_aside(connection) == 0
    assert _shaped(connection, about) >= set(RAW)


def test_what_community_shaped_is_refused_elsewhere_with_the_way_out(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    if upgrade(connection, "it").edition == COMMUNITY:
        apache = About("timescaledb-apache", "18", "2")  # by its license, set for a whole server
        monkeypatch.setattr(shape, "_with_extension", lambda _connection, _where: apache)
    else:
        connection.execute("ALTER TABLE container_stats_1m RENAME TO held")
        connection.execute("CREATE VIEW container_stats_1m AS TABLE held")
    with pytest.raises(DatabaseError, match=r"TimescaleDB Community keeps.*`fleet db backup`"):
        upgrade(connection, "it")


def test_partitions_are_made_ahead_and_take_the_rows_of_their_time(connection: Connection) -> None:
    if upgrade(connection, "it").edition != "plain":
        pytest.skip("chunks are made by TimescaleDB")
    write_batch(connection, batch_of(_rows()))
    table, width = "container_stats", timedelta(days=1)
    now = samples.START + timedelta(hours=5)
    assert _count(connection, partitions.default_of(table)) == SAMPLES + 1
    made = partitions.keep_up(connection, table, width, now - timedelta(days=7), now)
    assert made == [f"{table}_202602{28}", *(f"{table}_2026030{day}" for day in (1, 2, 3))]
    assert partitions.keep_up(connection, table, width, now, now) == []
    assert _count(connection, f"{table}_20260301") == 24
    assert _count(connection, table) == SAMPLES + 1
    later = datetime(2026, 3, 30, tzinfo=UTC)
    made = partitions.keep_up(connection, table, width, samples.START, later)
    assert {f"{table}_20260304", f"{table}_20260305", f"{table}_20260401"} <= set(made)
    assert _count(connection, partitions.default_of(table)) == 1
