"""The upkeep as a whole: it does what the edition needs, and a failure is a state."""

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import trio

from config.models import Retention, Storage
from storage.batch import batch_of, write_batch
from storage.database import Database
from storage.rows import Row
from storage.upkeep import Upkeep
from tests.storage import samples
from tests.storage.recomputed import host_series
from tests.storage.servers import COMMUNITY, KINDS

ROLLED_UP = "SELECT sum(samples)::int FROM container_stats_1h"
AHEAD = (
    "SELECT to_regclass(format('fleet.container_stats_%s', to_char(now() + '1 day', 'YYYYMMDD')))"
)
HOSTS_ROLLED_UP = "SELECT sum(samples)::int FROM host_stats_1h"

_TOMORROW = "format('fleet.container_logs_%s', to_char(now() + '1 day', 'YYYYMMDD'))"
SPOILT = {  # and mended
    "partitions": (
        f"DO $$ BEGIN EXECUTE 'CREATE TABLE ' || {_TOMORROW} || ' ()'; END $$",
        f"DO $$ BEGIN EXECUTE 'DROP TABLE ' || {_TOMORROW}; END $$",
    ),
    "rollups": (
        "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'spoilt rollups'; END $$;"
        " CREATE TRIGGER spoil BEFORE INSERT ON container_stats_1m"
        " FOR EACH ROW EXECUTE FUNCTION spoil()",
        "DROP TRIGGER spoil ON container_stats_1m",
    ),
}


@pytest.fixture
async def database(fresh_conninfo: str) -> AsyncIterator[Database]:
    made = Database(fresh_conninfo, None, Storage())
    now = datetime.now(UTC)
    ages = [timedelta(minutes=10 + number) for number in range(100)]
    ages += [timedelta(days=20)] * 1
    rows: list[Row] = [msgspec.structs.replace(samples.stats(0), time=now - age) for age in ages]
    rows += [msgspec.structs.replace(samples.event(0), time=now - timedelta(days=40))]
    rows += host_series(now - timedelta(minutes=10), 1, timedelta(1), host="h", seed=1)
    await made.write(lambda connection: write_batch(connection, batch_of(rows)))
    yield made
    made.close()


async def _ask(database: Database, sql: str) -> object:
    row = await database.read(lambda connection: connection.execute(sql.encode()).fetchone())
    return row and row[0]


@pytest.mark.parametrize("server", KINDS, indirect=True)
async def test_a_round_does_all_that_is_due(database: Database) -> None:
    upkeep = Upkeep(database, Retention())
    await upkeep.round()
    status = upkeep.status()
    assert status.error is None
    assert status.last_round is not None
    edition = (await database.about()).edition
    assert await _ask(database, ROLLED_UP) == (101 if edition == COMMUNITY else 100)
    if edition != COMMUNITY:
        assert status.rolled_up_to is not None
        assert status.rolled_up_to > datetime.now(UTC) - timedelta(minutes=5)
        assert await _ask(database, "SELECT count(*) FROM container_stats") == 100
    if edition == "plain":
        assert await _ask(database, AHEAD) is not None
    gone = status.rows_deleted.get("container_events", 0)
    assert gone + status.partitions_dropped.get("container_events", 0) == 1
    assert await _ask(database, "SELECT count(*) FROM container_events") == 0
    await upkeep.round()  # retention is not due again
    assert upkeep.status().last_retention == status.last_retention


async def test_a_failure_is_a_state_that_passes(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    upkeep = Upkeep(database, Retention())

    async def rename(old: str, new: str) -> None:
        sql = f"ALTER TABLE {old} RENAME TO {new}".encode()
        await database.maintain(lambda connection: connection.execute(sql))

    await rename("docker_images", "mislaid")
    with caplog.at_level(logging.WARNING, "storage.upkeep"):
        await upkeep.round()
        await upkeep.round()
        status = upkeep.status()
        assert status.error is not None
        assert "docker_images" in status.error
        assert status.since is not None
        assert status.last_round is None
        await rename("mislaid", "docker_images")
        await upkeep.round()
    assert upkeep.status().error is None
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


@pytest.mark.parametrize("server", ["embedded"], indirect=True)
@pytest.mark.parametrize("part", ["partitions", "rollups"])
async def test_a_part_that_fails_keeps_no_other_from_being_done(
    database: Database, part: str
) -> None:
    spoil, mend = SPOILT[part]
    await _do(database, spoil)
    upkeep = Upkeep(database, Retention())
    await upkeep.round()
    status = upkeep.status()
    assert status.error is not None
    assert f"spoilt {part}" in status.error or "already exists" in status.error
    assert await _ask(database, ROLLED_UP) == (None if part == "rollups" else 100)
    assert await _ask(database, HOSTS_ROLLED_UP) == 1
    assert await _ask(database, "SELECT count(*) FROM container_events") == 0
    assert status.last_retention is not None
    await _do(database, mend)
    await upkeep.round()
    assert upkeep.status().error is None
    assert await _ask(database, AHEAD) is not None
    assert await _ask(database, ROLLED_UP) == 100


async def _do(database: Database, sql: str) -> None:
    await database.maintain(lambda connection: connection.execute(sql.encode()))


async def test_a_database_that_is_away_is_waited_for(nursery: trio.Nursery) -> None:
    upkeep = Upkeep(Database("host=/nowhere", None, Storage()), Retention())
    nursery.start_soon(upkeep.run)
    with trio.fail_after(20):
        while upkeep.status().error is None:  # noqa: ASYNC110 - no event
            await trio.sleep(0.01)
    nursery.cancel_scope.cancel()
