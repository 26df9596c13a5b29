"""Partitions are made while others write."""

import queue
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from storage import partitions
from storage.batch import batch_of, write_batch
from storage.layout import LAYOUT
from storage.migrate import SCHEMA, upgrade
from storage.rows import Row
from storage.sessions import Connection
from tests.lab.waiting import wait_until
from tests.storage import samples

TABLE = "container_events"
WIDTH = LAYOUT[TABLE].width
WAITS = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"


def _connected(conninfo: str) -> Connection:
    options = f"-c search_path={SCHEMA},public -c timezone=UTC"
    return psycopg.connect(conninfo, autocommit=True, options=options)


@pytest.fixture
def connection(embedded_conninfo: str) -> Iterator[Connection]:
    with _connected(embedded_conninfo) as connection:
        upgrade(connection, "it")
        yield connection


def _answer(connection: Connection, query: str, *values: object) -> object:
    row = connection.execute(query.encode(), values).fetchone()
    return row and row[0]


def _count(connection: Connection, table: str) -> object:
    return _answer(connection, f"SELECT count(*) FROM {table}")  # noqa: S608 - names of ours


def test_a_row_that_waits_while_its_partition_is_made_is_written(
    connection: Connection, embedded_conninfo: str
) -> None:
    start = partitions.starts(samples.START, samples.START, WIDTH)[0]
    write_batch(connection, batch_of([samples.event(1)]))
    ended: queue.Queue[psycopg.Error | None] = queue.Queue()
    with _connected(embedded_conninfo) as writer:

        def write(row: Row) -> None:
            try:
                write_batch(writer, batch_of([row]))
            except psycopg.Error as error:
                ended.put(error)
            else:
                ended.put(None)

        with connection.transaction():
            partitions.make(connection, TABLE, WIDTH, [start])
            threading.Thread(target=write, args=[samples.event(2)], daemon=True).start()
            pid = writer.info.backend_pid
            wait_until(lambda: _answer(connection, WAITS, pid) == 1, "the writer waits")
        assert ended.get(timeout=60) is None
    assert _count(connection, f"{TABLE}_{start:%Y%m%d}") == 2


def test_each_partition_is_made_by_itself(connection: Connection) -> None:
    """Else the one with rows to move would hold up writers who hold up the next one."""
    write_batch(connection, batch_of([samples.event(1)]))
    first, second = partitions.starts(samples.START, samples.START + WIDTH, WIDTH)
    connection.execute(f"CREATE TABLE {TABLE}_{second:%Y%m%d} ()".encode())  # in the way
    with pytest.raises(psycopg.errors.DuplicateTable):
        partitions.keep_up(connection, TABLE, WIDTH, samples.START, second - timedelta(days=1))
    assert _count(connection, f"{TABLE}_{first:%Y%m%d}") == 1


def test_the_server_logs_no_error_for_rows_that_came_first(
    connection: Connection, tmp_path: Path
) -> None:
    start = partitions.starts(samples.START, samples.START, WIDTH)[0]
    write_batch(connection, batch_of([samples.event(1)]))
    with (tmp_path / "trace").open("w") as trace:
        connection.pgconn.trace(trace.fileno())
        partitions.make(connection, TABLE, WIDTH, [start, start + WIDTH])
        connection.pgconn.untrace()
    said = (tmp_path / "trace").read_text()
    assert "CommandComplete" in said
    assert "ErrorResponse" not in said
    assert _count(connection, f"{TABLE}_{start:%Y%m%d}") == 1
