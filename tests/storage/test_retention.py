"""Old history goes, whole partitions first; young history stays, and what is not rolled up yet."""

import functools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg
import pytest

from config.models import Retention, Storage
from storage import partitions
from storage.batch import batch_of, write_batch
from storage.database import Database
from storage.edition import Edition
from storage.layout import LAYOUT
from storage.prune import old_rows
from storage.queries import newest_versions
from storage.retention import sweep
from storage.rows import ImageRow, ImageVersionRow, Row
from tests.storage import samples
from tests.storage.servers import COMMUNITY, EDITIONS

pytestmark = pytest.mark.parametrize("server", EDITIONS, indirect=True)

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
RETENTION = Retention(samples=7, events=10, health=10, minutes=8, hours=12, days=15)
SHORT = {"logs": 1, "image_versions": 1}
ROLLED_UP = "UPDATE rollup_progress SET up_to = 'infinity', readable_to = 'infinity'"
REFRESHED = "CALL refresh_continuous_aggregate('container_stats_1m', NULL, NULL)"


def _ago(row: Row, days: float, **others: object) -> Row:
    return msgspec.structs.replace(row, time=NOW - timedelta(days=days), **others)


def _count(conninfo: str, table: str) -> object:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(b"SELECT count(*) FROM fleet." + table.encode()).fetchone()
    return row and row[0]


@pytest.fixture
async def database(fresh_conninfo: str) -> AsyncIterator[Database]:
    made = Database(fresh_conninfo, None, Storage())
    rows: list[Row] = [_ago(samples.stats(n), n / 10) for n in range(1, 141)]  # 14 days
    for number in range(1, 41):  # 20 days
        rows += [_ago(samples.event(number), number / 2), _ago(samples.health(0), number / 2)]
        rows += [_ago(samples.route_change(number), number / 2)]
    await made.write(lambda connection: write_batch(connection, batch_of(rows)))
    if (await made.about()).edition == "plain":
        for table, layout in LAYOUT.items():
            since = NOW - timedelta(days=60)
            keep_up = functools.partial(
                partitions.keep_up, table=table, width=layout.width, since=since, now=NOW
            )
            await made.maintain(keep_up)
            assert _count(fresh_conninfo, partitions.default_of(table)) == 0
    yield made
    made.close()


@pytest.fixture
async def edition(database: Database) -> Edition:
    return (await database.about()).edition


async def _execute(database: Database, sql: str) -> None:
    await database.maintain(lambda connection: connection.execute(sql.encode()))


async def test_what_is_older_goes(database: Database, edition: Edition) -> None:
    await _execute(database, REFRESHED if edition == COMMUNITY else ROLLED_UP)
    swept = await sweep(database, edition, RETENTION, NOW, chunk_rows=3)
    # Daily chunks wait for the youngest of their rows; that of the 13th of March is not old yet.
    assert _count(database.conninfo, "container_stats") == 75
    for table in ("container_events", "host_health", "route_changes"):
        assert _count(database.conninfo, table) == 20  # to the day, whatever the chunks' width
    assert swept.partitions["container_stats"] == 7
    again = await sweep(database, edition, RETENTION, NOW)
    assert not +again.partitions
    assert not +again.rows


async def test_current_state_stays_while_rollups_may_name_it(
    database: Database, edition: Edition
) -> None:
    def rows(days: float) -> list[Row]:
        then = NOW - timedelta(days=days)
        gone = msgspec.structs.replace(samples.container(f"c{days}"), removed=then)
        return [gone, msgspec.structs.replace(samples.host(f"h{days}"), seen=then)]

    known: list[Row] = [*rows(14.9), *rows(15.1), samples.container("kept")]
    await database.write(lambda connection: write_batch(connection, batch_of(known)))
    swept = await sweep(database, edition, msgspec.structs.replace(RETENTION, **SHORT), NOW)
    assert (swept.rows["containers"], swept.rows["hosts"]) == (1, 1)
    assert _count(database.conninfo, "containers") == 2
    assert _count(database.conninfo, "hosts") == 1


async def test_what_a_name_still_means_stays(database: Database, edition: Edition) -> None:
    def image(id_: str, *tags: str, removed: datetime | None = None) -> Row:
        return ImageRow(
            host="h", id=id_, tags=list(tags), digests=[], size=1, architecture=None,
            operating_system=None, created=None, first_seen=NOW, seen=NOW, removed=removed,
        )  # fmt: skip

    def meant(id_: str, days: float, reference: str = "redis:7") -> Row:
        return ImageVersionRow(
            time=NOW - timedelta(days=days), host="h", reference=reference, image_id=id_,
            digest=None, size=1, created=None,
        )  # fmt: skip

    rows = [image("there", "redis:7"), image("new", "moved"), image("gone", "gone:1", removed=NOW)]
    rows += [meant("gone", 99), meant("there", 66), meant("gone", 65, "gone:1")]
    rows += [meant("there", 64, "lost:1"), meant("there", 63, "moved"), meant("new", 1, "moved")]
    await database.write(lambda connection: write_batch(connection, batch_of(rows)))
    if edition == "plain":  # they would be where rows without a partition are
        since, width = NOW - timedelta(days=120), LAYOUT["image_versions"].width
        await database.maintain(
            lambda connection: partitions.keep_up(connection, "image_versions", width, since, NOW)
        )
    swept = await sweep(database, edition, RETENTION, NOW, chunk_rows=1)
    assert swept.rows["image_versions"] == 4
    found = await newest_versions(database, "h")
    assert found == {"redis:7": "there", "moved": "new"}
    (old,) = await old_rows(database, RETENTION, ["image_versions"], None)
    assert old.rows == 0
    emptied = await sweep(database, edition, RETENTION, NOW)
    assert emptied.partitions["image_versions"] == 1  # that of 99 days ago
    await _execute(database, "UPDATE docker_images SET removed = seen WHERE id = 'there'")
    assert (await sweep(database, edition, RETENTION, NOW)).rows["image_versions"] == 1
    await sweep(database, edition, RETENTION, NOW)  # what is empty by now
    again = await sweep(database, edition, RETENTION, NOW)
    assert not again.partitions["image_versions"]
    assert await newest_versions(database, "h") == {"moved": "new"}


async def test_rows_of_odd_times_go_too(database: Database, edition: Edition) -> None:
    await _execute(database, REFRESHED if edition == COMMUNITY else ROLLED_UP)
    rows: list[Row] = [_ago(samples.stats(0), days) for days in (3000.0, 20_000.0)]
    await database.write(lambda connection: write_batch(connection, batch_of(rows)))
    await sweep(database, edition, RETENTION, NOW)
    assert _count(database.conninfo, "container_stats") == 75


async def test_samples_that_are_not_rolled_up_stay(database: Database, edition: Edition) -> None:
    if edition == COMMUNITY:
        until = "'2026-03-10T12:00:00Z'::timestamptz"
        await _execute(database, REFRESHED.replace("NULL, NULL", f"NULL, {until}"))
    else:
        await _execute(database, "UPDATE rollup_progress SET readable_to = '2026-03-10T12:00:00Z'")
    await sweep(database, edition, RETENTION, NOW)
    assert _count(database.conninfo, "container_stats") == 105
