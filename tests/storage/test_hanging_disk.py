"""A disk that gives no answer, and a database that comes back meanwhile."""

import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import trio

from config.models import Storage
from storage import spool_files
from storage.database import Database
from storage.recorder import open_recorder
from tests.storage import samples

FAST = Storage(batch_size=50, batch_age=0.1)


async def _until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(20):
        while not condition():  # noqa: ASYNC110 - a status has no event
            await trio.sleep(0.01)


async def test_a_batch_whose_disk_hangs_is_sent_when_the_database_is_back(
    embedded_conninfo: str, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.recorder.RETRY_SECONDS", 0.05)
    hanging, flowing = threading.Event(), threading.Event()
    append = spool_files.append

    def hang(descriptor: int, data: bytes) -> None:
        hanging.set()
        assert flowing.wait(60)
        append(descriptor, data)

    monkeypatch.setattr(spool_files, "append", hang)
    database = Database(embedded_conninfo, None, FAST)
    await database.prepare()
    with psycopg.connect(embedded_conninfo, autocommit=True) as owner:
        owner.execute("ALTER TABLE fleet.container_stats RENAME TO away")
        async with open_recorder(database, FAST, spool) as recorder:
            recorder.offer(samples.stats(1))
            try:
                assert await trio.to_thread.run_sync(hanging.wait, 20)
                owner.execute("ALTER TABLE fleet.away RENAME TO container_stats")
                await _until(lambda: recorder.status().written["container_stats"] == 1)
                await _until(lambda: not any(recorder.status().queued.values()))
                assert recorder.status().state == "writing"
            finally:
                flowing.set()
        rows = owner.execute("SELECT count(*) FROM fleet.container_stats").fetchone()
    assert rows == (1,)
    assert recorder.status().spool.rows == 0
    database.close()
