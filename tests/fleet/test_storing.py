"""Where an earlier run of ours stood, as the database tells it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from config.models import Storage
from fleet.image_rows import ImageRows, image_row, version_row
from fleet.log_lines import Place
from fleet.machine import SUM
from fleet.model import Counters, HostSample
from fleet.resuming import Resuming
from fleet.rows import RowWriter, container_row, event_row, host_stats_row, stats_row
from fleet.storing import counters_of
from fleet.tracker import Tracker, now
from storage.batch import batch_of, write_batch
from storage.database import Database
from storage.recorder import open_recorder
from storage.rows import ContainerRow, HostRow, ImageVersionRow, LogRow, Row
from tests.fleet.test_image_rows import image
from tests.fleet.values import container, event, sample
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


async def test_a_host_that_comes_later_goes_on_where_it_stood_and_leaves_others_alone(
    database: Database, tmp_path: Path
) -> None:
    at = now()
    rows: list[Row] = []
    for host in ("a", "b"):
        web, gone = (container(host[0] + n, host=host, name=n) for n in ("1", "2"))
        redis = image(f"sha256:{host}", "redis:7", host=host)
        said = LogRow(
            time=at, time_nano=7, host=host, container_id=web.id, name="1", identity="", sequence=0,
            stream="stdout", level=None, line="x", truncated=False,
        )  # fmt: skip
        rows += [container_row(web), container_row(gone), stats_row(web, sample(time=at)), said]
        rows += [event_row(event(9, host=host, time=at)), image_row(redis)]
        rows += [version_row(redis, "redis:7")]
        rows += [HostRow(name=host, connection="local", target="", labels={}, seen=at)]
    await database.write(lambda connection: write_batch(connection, batch_of(rows)))
    offered: list[Row] = []
    tracker, image_rows = Tracker(), ImageRows(offered.append)
    writer = RowWriter(tracker, dict, offered.append)
    for listener in (writer, image_rows):
        tracker.listen(listener)
    age = timedelta(days=1)
    async with open_recorder(database, Storage(), tmp_path / "spool") as recorder:
        resuming = Resuming(database, recorder, tracker, writer, image_rows, age)
        assert await resuming.resume(["a"]) == {"a": 9}
        tracker.add_host("a")
        tracker.log_cursors.of("a", "a1").places["stdout"] = Place(8, 0)
        assert await resuming.resume(["b"]) == {"b": 9}
    tracker.add_host("b")
    assert tracker.log_cursors.of("a", "a1").places == {"stdout": Place(8, 0)}
    assert tracker.log_cursors.of("b", "b1").places == {"stdout": Place(7, 0)}
    for host in ("a", "b"):
        assert tracker.counters(host, f"{host}1") is not None
        assert tracker.image(host, f"sha256:{host}") is not None
        tracker.put_image(image(f"sha256:{host}", "redis:7", host=host))
        tracker.put_container(container(f"{host}1", host=host))
        tracker.update_host(host, status="up", listed=True)
    assert not [row for row in offered if isinstance(row, ImageVersionRow)]
    removed = [row.id for row in offered if isinstance(row, ContainerRow) and row.removed]
    assert removed == ["a2", "b2"]


async def test_logs_of_a_host_alone_are_unknown_while_the_database_does_not_tell_of_it(
    tmp_path: Path,
) -> None:
    away = Database(f"postgresql://127.0.0.1:{free_port()}/x", None, Storage())
    tracker, offered = Tracker(), list[Row]()
    writer, image_rows = RowWriter(tracker, dict, offered.append), ImageRows(offered.append)
    async with open_recorder(away, Storage(), tmp_path, drain_seconds=0.1) as recorder:
        age = timedelta(days=1)
        resuming = Resuming(away, recorder, tracker, writer, image_rows, age)
        assert await resuming.resume(["b"]) == {}
    away.close()
    assert tracker.log_cursors.of("b", "1").is_unknown
    assert not tracker.log_cursors.of("a", "1").is_unknown
