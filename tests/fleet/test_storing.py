"""Where an earlier run of ours stood, as the database tells it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from config.models import Storage
from fleet.machine import SUM
from fleet.model import Counters, HostSample
from fleet.rows import container_row, host_stats_row, stats_row
from fleet.storing import counters_of
from fleet.tracker import now
from storage.batch import batch_of, write_batch
from storage.database import Database
from storage.recorder import open_recorder
from storage.rows import Row
from tests.fleet.values import container, sample
from tests.lab.fixtures import Lab
from tests.lab.ports import free_port


@pytest.fixture
async def database(lab: Lab) -> AsyncIterator[Database]:
    made = Database(lab.postgres().url, None, Storage())
    await made.prepare()
    yield made
    made.close()


async def test_counters_go_on_where_they_stood_unless_newer_ones_are_in_the_spool(
    database: Database, tmp_path: Path
) -> None:
    at = now()
    web, taken = container(started=at), sample(time=at, started=at, network_tx=None)
    host = HostSample(
        time=at, source="machine", cpus=2, cpu_percent=1.0, memory_total=9, memory_used=1
    )
    seen = msgspec.structs.replace(host, network_rx=10, network_tx=20)
    rows: list[Row] = [container_row(web), stats_row(web, taken), host_stats_row("a", seen)]
    await database.write(lambda connection: write_batch(connection, batch_of(rows)))
    async with open_recorder(database, Storage(), tmp_path / "empty") as recorder:
        last = await counters_of(database, recorder, ["a", "b"])
    stood = msgspec.convert(taken, Counters, from_attributes=True)
    assert last.containers == {"a": {web.id: stood}}
    assert last.interfaces == {"a": {SUM: (10, 20)}}

    away = Database(f"postgresql://127.0.0.1:{free_port()}/x", None, Storage())
    for _ in range(2):  # the second finds what the first could not write
        async with open_recorder(away, Storage(), tmp_path / "full", drain_seconds=0.1) as recorder:
            if recorder.status().spool.rows:
                last = await counters_of(database, recorder, ["a", "b"])
            recorder.offer(stats_row(web, taken))
    away.close()
    assert last == ({}, {})
