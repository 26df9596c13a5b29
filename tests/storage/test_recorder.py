"""The recorder under load, with a server that is killed, and with rows that are refused."""

import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import psycopg
import pytest
import trio
from psycopg.conninfo import make_conninfo

from config.models import Config, Fleet, Storage
from storage import spool_files
from storage.batch import batch_of, write_batch
from storage.database import Database, open_database
from storage.recorder import Recorder, open_recorder
from storage.rows import Row
from storage.store import open_store
from tests.lab.freeze import freeze, signal_all
from tests.storage import samples
from tests.storage.programs import postgres_processes, postmaster_pid
from tests.storage.samples import offer_many
from tests.storage.servers import KINDS

FAST = Storage(batch_size=50, batch_age=0.1, queue_rows=100_000)


@pytest.fixture
async def database(fresh_conninfo: str) -> AsyncIterator[Database]:
    made = Database(fresh_conninfo, None, FAST)
    await made.prepare()
    yield made
    made.close()


def _column(conninfo: str, sql: str) -> list[object]:
    with psycopg.connect(conninfo, options="-c search_path=fleet,public") as connection:
        return [row[0] for row in connection.execute(sql.encode())]


async def _until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(20):
        while not condition():  # noqa: ASYNC110 - a status has no event
            await trio.sleep(0.01)


def _written(recorder: Recorder, table: str, count: int) -> Callable[[], bool]:
    return lambda: recorder.status().written[table] >= count


@pytest.mark.parametrize("server", KINDS, indirect=True)
async def test_every_kind_of_row_is_written_and_counted(database: Database, spool: Path) -> None:
    rows: list[Row] = [
        samples.host(),
        samples.container(),
        samples.event(1),
        samples.health(1),
        samples.stats(1),
    ]
    async with open_recorder(database, FAST, spool) as recorder:
        offer_many(recorder, rows)
        await _until(_written(recorder, "container_stats", 1))
        status = recorder.status()
        assert status.state == "writing"
        assert sorted(status.written.values())[-5:] == [1] * 5
        assert not any({**status.queued, **status.dropped, **status.refused}.values())
        assert status.last_write is not None
    assert _column(database.conninfo, "SELECT labels->>'site' FROM hosts") == ["fra"]
    assert _column(database.conninfo, "SELECT time FROM container_stats") == [samples.stats(1).time]
    assert _column(database.conninfo, "SELECT attributes->>'image' FROM container_events") == [
        "nginx"
    ]


async def test_there_is_no_room_once_half_of_the_queue_is_full(
    database: Database, spool: Path
) -> None:
    slow = msgspec.structs.replace(FAST, batch_age=60.0, batch_size=10**6, queue_rows=10)
    async with open_recorder(database, slow, spool) as recorder:
        offer_many(recorder, [samples.stats(number) for number in range(4)])
        assert recorder.has_room()
        recorder.offer(samples.stats(4))
        assert not recorder.has_room()


async def test_what_waits_at_the_end_is_written(database: Database, spool: Path) -> None:
    slow = msgspec.structs.replace(FAST, batch_age=60.0, batch_size=10**6)
    async with open_recorder(database, slow, spool) as recorder:
        offer_many(recorder, (samples.stats(number) for number in range(1234)))
    assert _column(database.conninfo, "SELECT count(*) FROM container_stats") == [1234]


async def test_a_cancel_from_outside_still_drains(data_dir: Path, spool: Path) -> None:
    slow = msgspec.structs.replace(FAST, batch_age=60.0, batch_size=10**6)
    with trio.move_on_after(5) as scope:
        async with (
            open_database(slow, data_dir) as database,
            open_recorder(database, slow, spool) as recorder,
        ):
            offer_many(recorder, (samples.stats(number) for number in range(100)))
            scope.cancel()
            await trio.sleep_forever()
    async with open_database(slow, data_dir) as database:
        assert _column(database.conninfo, "SELECT count(*) FROM container_stats") == [100]


async def test_rows_offered_twice_are_there_once(database: Database, spool: Path) -> None:
    rows: list[Row] = [samples.event(1), samples.health(1), samples.stats(1)]
    async with open_recorder(database, FAST, spool) as recorder:
        offer_many(recorder, [*rows, *rows])
        await _until(_written(recorder, "container_stats", 2))
        offer_many(recorder, [*rows, samples.event(2), samples.stats(2)])
    for table, count in (("container_events", 2), ("host_health", 1), ("container_stats", 2)):
        assert len(_column(database.conninfo, f"TABLE {table}")) == count


async def test_current_state_is_the_newest_whatever_the_order(
    database: Database, spool: Path
) -> None:
    async with open_recorder(database, FAST, spool) as recorder:
        recorder.offer(samples.container(seen=5, state="exited"))
        recorder.offer(samples.container(seen=3, state="running"))
        offer_many(recorder, (samples.host(seen=number) for number in range(500)))
        assert recorder.status().queued["hosts"] == 1
        await _until(_written(recorder, "containers", 1))
        recorder.offer(samples.container(seen=4, state="paused"))
    assert _column(database.conninfo, "SELECT state FROM containers") == ["exited"]


async def test_a_batch_written_before_is_not_doubled(database: Database) -> None:
    batch = batch_of([samples.stats(1), samples.event(1), samples.container(), samples.stats(2)])
    for _ in range(3):
        await database.write(lambda connection: write_batch(connection, batch))
    assert _column(database.conninfo, "SELECT count(*) FROM container_stats") == [2]


async def test_bad_rows_are_refused_alone(
    database: Database, spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad = msgspec.structs.replace(samples.stats(7), cpu_total=2**70)
    worse = msgspec.structs.replace(samples.stats(8), memory_used=None)
    async with open_recorder(database, FAST, spool) as recorder:
        offer_many(recorder, (samples.stats(number) for number in range(5)))
        offer_many(recorder, [bad, worse, samples.event(1)])
        offer_many(recorder, (samples.stats(number) for number in range(10, 15)))
    status = recorder.status()
    assert status.refused["container_stats"] == 2
    assert status.written["container_stats"] == 10
    assert status.written["container_events"] == 1
    assert _column(database.conninfo, "SELECT count(*) FROM container_stats") == [10]
    assert caplog.text.count("refused and lost") == 2


async def test_text_that_postgresql_cannot_hold_is_cleaned(database: Database, spool: Path) -> None:
    replace = msgspec.structs.replace
    rows: list[Row] = [
        replace(samples.stats(1), name="we\0b"),
        replace(
            samples.event(1), attributes={"k\0": "v\udcff"}, action="exec_create: " + "é" * 9000
        ),
        replace(samples.health(1), error="\0"),
    ]
    async with open_recorder(database, FAST, spool) as recorder:
        offer_many(recorder, rows)
    assert not any(recorder.status().refused.values())
    assert _column(database.conninfo, "SELECT name FROM container_stats") == ["we\ufffdb"]
    assert _column(database.conninfo, "SELECT attributes FROM container_events") == [
        {"k\ufffd": "v?"}
    ]


async def test_keys_that_are_one_when_cleaned_are_one_row(database: Database, spool: Path) -> None:
    async with open_recorder(database, FAST, spool) as recorder:
        for seen, name in enumerate(("a\0", "a\ufffd")):
            recorder.offer(samples.host(name, seen=seen))
        await _until(_written(recorder, "hosts", 2))
    assert _column(database.conninfo, "SELECT name FROM hosts") == ["a\ufffd"]


def _answers(conninfo: str) -> bool:
    try:
        psycopg.connect(conninfo).close()
    except psycopg.OperationalError:
        return False
    return True


def _restarted(data_dir: Path, killed: int) -> Callable[[], bool]:
    def restarted() -> bool:
        try:
            return postmaster_pid(data_dir) != killed
        except (FileNotFoundError, ValueError):
            return False

    return restarted


@pytest.mark.parametrize("kills", [3])
async def test_nothing_is_lost_or_doubled_when_the_server_is_killed(
    data_dir: Path, spool: Path, kills: int
) -> None:
    offered = 0
    async with (
        open_database(FAST, data_dir) as database,
        open_recorder(database, FAST, spool, drain_seconds=20) as recorder,
    ):
        await _until(lambda: recorder.status().state == "writing")
        for _ in range(kills):
            for _ in range(40):
                offer_many(recorder, (samples.stats(offered + n) for n in range(25)))
                recorder.offer(samples.event(offered))
                offered += 25
                await trio.sleep(0.002)
            killed = postmaster_pid(data_dir)
            os.kill(killed, signal.SIGKILL)
            offer_many(recorder, (samples.stats(offered + n) for n in range(25)))
            offered += 25
            await _until(_restarted(data_dir, killed))
        await _until(_written(recorder, "container_stats", offered))
        await recorder.drain(20)
        conninfo = database.conninfo
        # The killed server's last session may have written all: then nobody waited for the next.
        await _until(lambda: _answers(conninfo))
        assert _column(conninfo, "SELECT count(*) FROM container_stats") == [offered]
        assert _column(conninfo, "SELECT count(*) FROM container_events") == [kills * 40]
    assert recorder.status().written["container_stats"] == offered


async def test_rows_on_disk_are_written_when_the_embedded_server_is_killed_and_back(
    data_dir: Path,
) -> None:
    config = Config(fleet=Fleet(data_dir=data_dir), storage=FAST, hosts={})
    async with open_store(config, {}) as store:
        recorder = store.recorder
        recorder.offer(samples.stats(0))
        await _until(_written(recorder, "container_stats", 1))
        killed = postmaster_pid(data_dir)
        frozen = postgres_processes(data_dir)
        freeze(frozen)
        offer_many(recorder, (samples.stats(number) for number in range(1, 1000)))
        await _until(lambda: not any(recorder.status().queued.values()))
        assert recorder.status().spool.rows == 999
        signal_all(signal.SIGKILL, frozen)
        await _until(_restarted(data_dir, killed))
        await _until(_written(recorder, "container_stats", 1000))
        await _until(lambda: recorder.status().state == "writing")
        assert _column(store.database.conninfo, "SELECT count(*) FROM container_stats") == [1000]


async def test_a_server_away_at_the_start_gets_all_when_it_comes(
    nursery: trio.Nursery, data_dir: Path, spool: Path
) -> None:
    sockets = data_dir / "postgres-run"
    conninfo = f"host='{sockets}' port=5432 user=fleet dbname=fleet"
    database = Database(conninfo, None, FAST)
    async with open_recorder(database, FAST, spool) as recorder:
        offer_many(recorder, (samples.stats(number) for number in range(500)))
        await _until(lambda: recorder.status().state == "spooling")
        assert "postgres-run" in str(recorder.status().error)
        async with open_database(FAST, data_dir):
            await _until(_written(recorder, "container_stats", 500))
            assert recorder.status().error is None
            database.close()
    assert nursery.child_tasks == frozenset()


async def test_what_neither_database_nor_disk_takes_waits_and_is_bounded(tmp_path: Path) -> None:
    small = msgspec.structs.replace(FAST, queue_rows=200)
    spool = tmp_path / "spool"
    database = Database(make_conninfo(host=str(tmp_path), user="fleet"), None, small)
    async with open_recorder(database, small, spool, drain_seconds=0.01) as recorder:
        spool.rename(tmp_path / "gone")
        spool.touch()
        offer_many(recorder, (samples.event(number) for number in range(50)))
        offer_many(recorder, (samples.stats(number) for number in range(1000)))
        await _until(lambda: recorder.status().state == "waiting")
        assert str(spool) in str(recorder.status().error)
        await _until(lambda: "; PostgreSQL in " in str(recorder.status().error))
        offer_many(recorder, (samples.stats(number) for number in range(1000, 1200)))
        offer_many(recorder, (samples.host(f"h{number}") for number in range(10)))
        status = recorder.status()
        assert status.dropped["container_events"] == 0
        assert status.dropped["container_stats"] > 1000
        assert sum(status.queued.values()) <= 210  # current state is not dropped for others
        assert status.lost_lately == status.dropped["container_stats"]
        spool.unlink()
        (tmp_path / "gone").rename(spool)
    ended = recorder.status()
    assert ended.spool.rows == 210
    assert sum(ended.dropped.values()) == 1050
    assert not any(ended.queued.values())


async def test_it_goes_on_after_a_time_with_no_room_for_any_row(tmp_path: Path) -> None:
    small = msgspec.structs.replace(FAST, queue_rows=100)
    spool = tmp_path / "spool"
    database = Database(make_conninfo(host=str(tmp_path), user="fleet"), None, small)
    async with open_recorder(database, small, spool, drain_seconds=0.01) as recorder:
        spool.rename(tmp_path / "gone")
        spool.touch()
        offer_many(recorder, (samples.stats(number) for number in range(100)))
        await _until(lambda: recorder.status().state == "waiting")
        offer_many(recorder, (samples.stats(number) for number in range(100, 150)))
        assert recorder.status().dropped["container_stats"] == 50
        spool.unlink()
        (tmp_path / "gone").rename(spool)
        await _until(lambda: recorder.status().spool.rows == 100)
        await _until(lambda: recorder.status().state == "spooling")
        assert str(spool) not in str(recorder.status().error)
        recorder.offer(samples.stats(150))
        await _until(lambda: recorder.status().spool.rows == 101)


async def test_a_disk_that_hangs_does_not_hold_up_a_database_that_answers(
    database: Database, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.recorder.RETRY_SECONDS", 0.05)
    hanging, flowing = threading.Event(), threading.Event()
    append = spool_files.append

    def hang(descriptor: int, data: bytes) -> None:
        hanging.set()
        assert flowing.wait(30)
        append(descriptor, data)

    monkeypatch.setattr(spool_files, "append", hang)
    with psycopg.connect(database.conninfo) as locker:
        async with open_recorder(database, FAST, spool) as recorder:
            locker.execute("LOCK TABLE fleet.container_stats IN ACCESS EXCLUSIVE MODE")
            recorder.offer(samples.stats(1))
            assert await trio.to_thread.run_sync(hanging.wait, 20)
            locker.rollback()
            try:
                await _until(lambda: not any(recorder.status().queued.values()))
                assert recorder.status().written["container_stats"] == 1
            finally:
                flowing.set()


async def test_what_nothing_takes_until_the_end_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.recorder.LAST_SECONDS", 0.1)
    spool = tmp_path / "spool"
    database = Database(make_conninfo(host=str(tmp_path), user="fleet"), None, FAST)
    async with open_recorder(database, FAST, spool, drain_seconds=0.01) as recorder:
        spool.rename(tmp_path / "gone")
        spool.touch()
        offer_many(recorder, [samples.event(1), samples.stats(1), samples.host()])
    ended = recorder.status()
    assert sum(ended.dropped.values()) == 3
    assert not any(ended.queued.values())
