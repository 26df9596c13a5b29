"""Databases on the network that go away, fall silent, fill up or stop taking rows."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import psycopg
import pytest
import trio
from psycopg.conninfo import make_conninfo

from config.models import Config, Fleet, Storage
from storage.batch import batch_of, write_batch
from storage.database import Database, open_database
from storage.errors import DatabaseAwayError
from storage.recorder import Recorder, open_recorder
from storage.sessions import Connection
from storage.store import open_store
from tests.lab.fixtures import Lab
from tests.lab.postgres import PostgresServer
from tests.lab.proxy import Relay
from tests.storage import samples
from tests.storage.samples import offer_many

FAST = Storage(batch_size=50, batch_age=0.1, queue_rows=100_000, statement_timeout=0.5, readers=1)
END_SESSIONS = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'fleet'"
)
PASSWORD = "hunter2-hunter2"


@pytest.fixture(scope="module")
def server(module_lab: Lab) -> PostgresServer:
    return module_lab.postgres()


@pytest.fixture(scope="module")
def module_guarded(module_lab: Lab) -> PostgresServer:
    return module_lab.postgres(password=PASSWORD)


@pytest.fixture
def guarded(module_guarded: PostgresServer) -> PostgresServer:
    """Asks for the password, and is empty."""
    module_guarded.sql(
        f"ALTER ROLE fleet LOGIN PASSWORD '{PASSWORD}'", "DROP SCHEMA IF EXISTS fleet CASCADE"
    )
    return module_guarded


@pytest.fixture
def relay(lab: Lab, server: PostgresServer) -> Relay:
    return lab.relay(server.address)


@pytest.fixture
async def database(
    relay: Relay, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Database]:
    """Of `server`, empty, by way of `relay`; its patience is short."""
    monkeypatch.setattr("storage.sessions.GRACE_SECONDS", 0.1)
    monkeypatch.setattr("storage.sessions.CANCEL_SECONDS", 0.3)
    monkeypatch.setattr("storage.database.WRITE_SECONDS", 2.0)
    server.sql("DROP SCHEMA IF EXISTS fleet CASCADE")
    assert isinstance(relay.address, tuple)
    host, port = relay.address
    made = Database(make_conninfo(server.url, host=host, port=port), None, FAST)
    await made.prepare()
    yield made
    made.close()


def _count(url: str, table: str = "container_stats") -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(b"SELECT count(*) FROM fleet." + table.encode()).fetchone()
    return row and row[0]


async def _until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(20):
        while not condition():  # noqa: ASYNC110 - a status has no event
            await trio.sleep(0.01)


def _written(recorder: Recorder, count: int) -> Callable[[], bool]:
    return lambda: recorder.status().written["container_stats"] >= count


def _on_disk(recorder: Recorder, count: int) -> Callable[[], bool]:
    def on_disk() -> bool:
        status = recorder.status()
        return not any(status.queued.values()) and status.spool.rows >= count

    return on_disk


def _is(recorder: Recorder, state: str) -> Callable[[], bool]:
    return lambda: recorder.status().state == state


async def test_a_copy_that_is_cut_in_its_middle_is_written_once(
    database: Database, relay: Relay, server: PostgresServer, spool: Path
) -> None:
    long = msgspec.structs.replace(FAST, batch_size=5000)
    async with open_recorder(database, long, spool) as recorder:
        recorder.offer(samples.stats(0))
        await _until(_written(recorder, 1))
        for cut in range(1, 4):
            relay.rate = 2_000_000  # a batch of 5,000 rows takes a third of a second
            offer_many(recorder, (samples.stats(cut * 10_000 + number) for number in range(5000)))
            await _until(lambda: _copying(server))
            relay.cut()
            relay.rate = None
            await _until(_written(recorder, cut * 5000 + 1))
    assert _count(server.url) == 15_001
    assert recorder.status().written["container_stats"] == 15_001


def _copying(server: PostgresServer) -> bool:
    with psycopg.connect(server.admin_url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_progress_copy").fetchone()
    return row != (0,)


async def test_a_read_that_gets_no_answer_ends_and_the_next_one_works(
    database: Database, relay: Relay
) -> None:
    for _ in range(FAST.readers + 1):
        assert await database.read(_one) == 1
        relay.stall()
        with trio.fail_after(15), pytest.raises(DatabaseAwayError, match="no answer within"):
            await database.read(_one)
        relay.flow()
    with trio.fail_after(5):
        assert await database.read(_one) == 1


async def test_a_cancelled_read_of_a_silent_database_gives_its_place_back(
    database: Database, relay: Relay
) -> None:
    for _ in range(FAST.readers + 1):
        assert await database.read(_one) == 1
        relay.stall()
        with trio.fail_after(5), trio.move_on_after(0.05):
            await database.read(_one)
        relay.flow()


async def test_a_server_that_falls_silent_in_the_middle_loses_nothing(
    database: Database, server: PostgresServer, spool: Path
) -> None:
    async with open_recorder(database, FAST, spool) as recorder:
        recorder.offer(samples.stats(0))
        await _until(_written(recorder, 1))
        server.pause()
        try:
            offer_many(recorder, (samples.stats(number) for number in range(1, 1000)))
            await _until(_on_disk(recorder, 999))
            await _until(_is(recorder, "spooling"))
        finally:
            server.resume()
        await _until(_written(recorder, 1000))
    assert _count(server.url) == 1000


async def test_nothing_is_lost_or_doubled_when_a_server_elsewhere_is_killed(
    lab: Lab, spool: Path
) -> None:
    server = await trio.to_thread.run_sync(lambda: lab.postgres("timescaledb-apache"))
    database = Database(server.url, None, FAST)
    offered = 0
    async with open_recorder(database, FAST, spool, drain_seconds=20) as recorder:
        for _ in range(3):
            for _ in range(20):
                offer_many(recorder, (samples.stats(offered + n) for n in range(50)))
                recorder.offer(samples.event(offered))
                offered += 50
                await trio.sleep(0.002)
            await trio.to_thread.run_sync(server.kill)
            offer_many(recorder, (samples.stats(offered + n) for n in range(50)))
            offered += 50
            await _until(_is(recorder, "spooling"))
            await trio.to_thread.run_sync(server.start_again)
            await _until(_written(recorder, offered))
    database.close()
    assert (_count(server.url), _count(server.url, "container_events")) == (offered, 60)


async def test_a_server_that_is_not_there_at_the_start_gets_all_when_it_comes(
    lab: Lab, tmp_path: Path
) -> None:
    server = await trio.to_thread.run_sync(lab.postgres)
    server.terminate()
    settings = msgspec.structs.replace(FAST, url=server.url)
    config = Config(fleet=Fleet(data_dir=tmp_path), storage=settings, hosts={})
    async with open_store(config, {}) as store:
        offer_many(store.recorder, (samples.stats(number) for number in range(500)))
        await _until(_is(store.recorder, "spooling"))
        assert str(server.address[1]) in str(store.recorder.status().error)
        await trio.to_thread.run_sync(server.start_again)
        await _until(_written(store.recorder, 500))
    assert _count(server.url) == 500


async def test_a_database_that_turns_read_only_is_waited_for(
    database: Database, server: PostgresServer, spool: Path
) -> None:
    async with open_recorder(database, FAST, spool) as recorder:
        recorder.offer(samples.stats(0))
        await _until(_written(recorder, 1))
        server.sql("ALTER DATABASE fleet SET default_transaction_read_only = on", END_SESSIONS)
        offer_many(recorder, [samples.stats(1), samples.container()])
        await _until(_is(recorder, "spooling"))
        assert "read-only" in str(recorder.status().error)
        server.sql(
            "SET default_transaction_read_only = off",  # for the next statement itself
            "ALTER DATABASE fleet RESET default_transaction_read_only",
        )
        await _until(_written(recorder, 2))
    assert _count(server.url) == 2


REFUSALS = {
    "password": (
        "ALTER ROLE fleet PASSWORD 'another'",
        f"ALTER ROLE fleet PASSWORD '{PASSWORD}'",
        "password_file",
    ),
    "rights": (
        "REVOKE INSERT ON fleet.container_stats FROM fleet",
        "GRANT INSERT ON fleet.container_stats TO fleet",
        "owner of the database",
    ),
    "login": ("ALTER ROLE fleet NOLOGIN", "ALTER ROLE fleet LOGIN", "not permitted to log in"),
}


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_rows_go_to_disk_while_the_database_refuses_them(
    guarded: PostgresServer, refusal: str, spool: Path
) -> None:
    break_it, mend_it, told = REFUSALS[refusal]
    database = Database(guarded.url, PASSWORD, FAST)
    async with open_recorder(database, FAST, spool) as recorder:
        recorder.offer(samples.stats(0))
        await _until(_written(recorder, 1))
        guarded.sql(break_it, END_SESSIONS)
        offer_many(recorder, (samples.stats(number) for number in range(1, 100)))
        await _until(_on_disk(recorder, 99))
        await _until(_is(recorder, "spooling"))
        assert told in str(recorder.status().error)
        guarded.sql(mend_it)
        await _until(_written(recorder, 100))
    database.close()
    assert _count(guarded.admin_url) == 100


async def test_a_password_that_was_changed_is_taken_from_its_file(
    guarded: PostgresServer, spool: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text(PASSWORD)
    settings = msgspec.structs.replace(FAST, url=guarded.url, password_file=secret)
    async with (
        open_database(settings, tmp_path) as database,
        open_recorder(database, settings, spool) as recorder,
    ):
        recorder.offer(samples.stats(0))
        await _until(_written(recorder, 1))
        guarded.sql("ALTER ROLE fleet PASSWORD 'another'", END_SESSIONS)
        recorder.offer(samples.stats(1))
        await _until(_is(recorder, "spooling"))
        secret.write_text("another")
        await _until(_written(recorder, 2))


async def test_rows_go_to_disk_while_tls_is_refused(server: PostgresServer, spool: Path) -> None:
    server.sql("DROP SCHEMA IF EXISTS fleet CASCADE")
    database = Database(make_conninfo(server.url, sslmode="require"), None, FAST)
    async with open_recorder(database, FAST, spool, drain_seconds=0.1) as recorder:
        offer_many(recorder, (samples.stats(number) for number in range(100)))
        await _until(_on_disk(recorder, 100))
        await _until(_is(recorder, "spooling"))
        assert "sslmode" in str(recorder.status().error)
    database.close()
    database = Database(server.url, None, FAST)
    async with open_recorder(database, FAST, spool) as recorder:
        await _until(_written(recorder, 100))
    database.close()
    assert _count(server.url) == 100


async def test_a_slow_database_is_not_sent_everything_twice(
    database: Database, relay: Relay, server: PostgresServer, spool: Path
) -> None:
    async with open_recorder(database, FAST, spool, drain_seconds=20) as recorder:
        relay.delay = 0.05  # for each of several round trips, where an answer is due in 25 ms
        for first in range(0, 1000, 50):
            offer_many(recorder, (samples.stats(first + number) for number in range(50)))
            await trio.sleep(0.02)
        await _until(lambda: not any(recorder.status().queued.values()))
        assert recorder.status().spool.rows
        await _until(_written(recorder, 1000))
        relay.delay = 0.0
    assert recorder.status().written["container_stats"] == 1000
    database.close()  # a session tells its figures when it ends
    await _until(lambda: _inserted(server) >= 1000)
    assert _inserted(server) == 1000


def _inserted(server: PostgresServer) -> int:
    """Rows ever inserted as samples, also by transactions that did not end well."""
    with psycopg.connect(server.admin_url) as connection:
        row = connection.execute(
            "SELECT coalesce(sum(n_tup_ins), 0)::int FROM pg_stat_user_tables"
            " WHERE schemaname = 'fleet' AND starts_with(relname, 'container_stats')"
        ).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_full_disk_is_waited_for(lab: Lab, spool: Path) -> None:
    server = await trio.to_thread.run_sync(
        lambda: lab.postgres(
            settings={"min_wal_size": "32MB", "max_wal_size": "32MB"}, disk_bytes=130 * 2**20
        )
    )
    database = Database(server.url, None, FAST)
    async with open_recorder(database, FAST, spool, drain_seconds=20) as recorder:
        recorder.offer(samples.stats(0))
        await _until(_written(recorder, 1))
        await trio.to_thread.run_sync(server.fill_disk)
        offer_many(recorder, (samples.stats(number) for number in range(1, 5000)))
        await _until(_is(recorder, "spooling"))
        assert "No space left" in str(recorder.status().error)
        server.empty_disk()
        await _until(_written(recorder, 5000))
    database.close()
    assert _count(server.url) == 5000


async def test_a_write_that_takes_too_long_is_given_up_at_the_server(
    database: Database, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.database.WRITE_SECONDS", 0.2)
    impatient = Database(database.conninfo, None, FAST)
    batch = batch_of([samples.stats(1)])
    with psycopg.connect(server.admin_url) as blocker:
        blocker.execute("LOCK TABLE fleet.container_stats")
        with trio.fail_after(5), pytest.raises(DatabaseAwayError, match="timeout"):
            await impatient.write(lambda connection: write_batch(connection, batch))
    await impatient.write(lambda connection: write_batch(connection, batch))
    impatient.close()


def _one(connection: Connection) -> object:
    row = connection.execute("SELECT 1").fetchone()
    return row and row[0]
