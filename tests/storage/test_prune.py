"""Pruning on demand: to the row, and nothing that is not rolled up yet."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from config.models import Retention
from storage.layout import LAYOUT, ROLLUPS, SAMPLED
from storage.prune import old_rows, prune
from tests.storage.archived import close_databases, connected, content, filled
from tests.storage.samples import START
from tests.storage.servers import EDITIONS, Server

pytestmark = pytest.mark.parametrize("server", EDITIONS[:2], indirect=True)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_databases()


async def test_what_is_older_goes_and_the_rest_stays(conninfo: str) -> None:
    database = await filled(conninfo)
    before = content(conninfo)
    age = datetime.now(UTC) - START - timedelta(minutes=4, seconds=30)
    old = await old_rows(database, Retention(), ["host_stats", "container_stats"], age)
    assert {each.table: each.rows for each in old} == {"host_stats": 5, "container_stats": 0}
    assert content(conninfo) == before
    pruned = await prune(database, old)
    assert pruned.rows == {"host_stats": 5}
    after = content(conninfo)
    assert after == {**before, "host_stats": before["host_stats"][5:]}


async def test_all_that_retention_no_longer_wants_goes(conninfo: str, server: Server) -> None:
    database = await filled(conninfo)
    before = content(conninfo)
    retention = Retention(days=36_500, audit=30)
    pruned = await prune(database, await old_rows(database, retention, list(LAYOUT), None))
    kept = {"hosts", "containers", "docker_images", "image_versions"}  # what a name still means
    kept |= {"access_tokens", "accounts"}
    kept |= {name for name in ROLLUPS if name.endswith("1d")}
    assert content(conninfo) == {n: rows if n in kept else [] for n, rows in before.items()}
    if server.kind == "timescaledb-apache":
        assert pruned.partitions
        assert pruned.freed_bytes > 0
    else:  # rows of so long ago have no partition of their own
        assert pruned.rows


async def test_samples_stay_until_they_are_rolled_up(conninfo: str) -> None:
    database = await filled(conninfo)
    with connected(conninfo) as connection:
        connection.execute("UPDATE rollup_progress SET readable_to = '-infinity'")
    old = await old_rows(database, Retention(), list(SAMPLED), None)
    assert [each.rows for each in old] == [0, 0]
