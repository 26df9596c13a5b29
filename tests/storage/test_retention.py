"""Old rows go, a few at a time; young ones stay."""

from datetime import UTC, datetime, timedelta

import msgspec
import psycopg
import pytest
import trio

from config.models import Storage
from storage.batch import batch_of, write_batch
from storage.database import Database
from storage.retention import delete_older, keep_retention
from storage.rows import Row
from tests.storage import samples
from tests.storage.servers import Server

LIMIT = samples.START + timedelta(seconds=500)


def _count(conninfo: str, table: str) -> object:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(b"SELECT count(*) FROM fleet." + table.encode()).fetchone()
    return row and row[0]


HYPERTABLE = "SELECT create_hypertable('fleet.container_stats', by_range('time', interval '300 s'))"


@pytest.fixture
async def database(conninfo: str, server: Server) -> Database:
    made = Database(conninfo, None, Storage())
    await made.prepare()
    if server.kind.startswith("timescaledb"):  # as an administrator may: rows in several chunks
        await made.write(lambda connection: connection.execute(HYPERTABLE))
    rows: list[Row] = [samples.stats(number) for number in range(1000)]
    rows += [samples.event(1), samples.event(900), samples.health(1), samples.health(900)]
    rows += [
        samples.container("kept"),
        samples.container("gone", removed=samples.START),
        samples.container("going", removed=LIMIT),
        samples.host("old"),
        samples.host("new", seen=900),
    ]
    await made.write(lambda connection: write_batch(connection, batch_of(rows)))
    return made


async def test_only_what_is_older_goes_in_as_many_chunks_as_it_takes(database: Database) -> None:
    deleted = await delete_older(database, LIMIT, chunk_rows=120)
    assert deleted == {
        "container_stats": 500,
        "host_health": 1,
        "container_events": 1,
        "containers": 1,
        "hosts": 1,
    }
    kept = {"container_stats": 500, "host_health": 1, "container_events": 1, "containers": 2}
    for table, count in kept.items():
        assert _count(database.conninfo, table) == count
    database.close()


async def test_upkeep_deletes_at_once_and_survives_a_database_that_is_away(
    database: Database, nursery: trio.Nursery
) -> None:
    rows: list[Row] = [msgspec.structs.replace(samples.stats(0), time=datetime.now(UTC))]
    await database.write(lambda connection: write_batch(connection, batch_of(rows)))
    nowhere = Database("host=/nowhere", None, Storage())
    nursery.start_soon(keep_retention, nowhere, 7)
    nursery.start_soon(keep_retention, database, 7)
    with trio.fail_after(10):
        while _count(database.conninfo, "container_stats") != 1:  # noqa: ASYNC110 - no event
            await trio.sleep(0.01)
    nursery.cancel_scope.cancel()
    database.close()
