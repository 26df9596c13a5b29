"""Reading, cancelling and what people are told when the database refuses."""

import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import trio
import trio.testing

from config.models import Storage
from storage.database import Database, open_database
from storage.errors import (
    DatabaseAwayError,
    DatabaseBusyError,
    DatabaseError,
    QueryTimeoutError,
    RefusedRowsError,
    StorageError,
)
from storage.sessions import Connection
from tests.lab.fixtures import Lab
from tests.storage.servers import COMMUNITY, KINDS, URL_VARIABLE, Server

SECRET = "hunter2-hunter2"


@pytest.fixture
def database(embedded_conninfo: str) -> Iterator[Database]:
    made = Database(embedded_conninfo, None, Storage(readers=2, statement_timeout=5))
    yield made
    made.close()


def _pid(connection: Connection) -> int:
    return connection.info.backend_pid


def _one(connection: Connection) -> object:
    row = connection.execute("SELECT 1").fetchone()
    return row and row[0]


async def test_reads_go_side_by_side_and_cannot_write(database: Database) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(database.read, lambda c: c.execute("SELECT pg_sleep(60)"))
        await trio.testing.wait_all_tasks_blocked()
        with trio.fail_after(20):
            assert await database.read(_one) == 1
        nursery.cancel_scope.cancel()
    with pytest.raises(StorageError, match="read-only"):
        await database.read(lambda c: c.execute("CREATE TABLE x (a int)"))


async def test_without_descriptors_it_counts_as_away(database: Database) -> None:
    assert await database.read(_one) == 1  # its connection lies on the shelf
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(DatabaseAwayError, match="Too many open files"):
            await database.read(_one)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert await database.read(_one) == 1


async def test_a_cancel_stops_the_query_at_the_server(
    database: Database, embedded_conninfo: str
) -> None:
    began = time.monotonic()
    with trio.move_on_after(0.2) as scope:
        await database.read(lambda c: c.execute("SELECT pg_sleep(60)"))
    assert scope.cancelled_caught
    assert time.monotonic() - began < 30
    sql = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = %s"
    asked = ["SELECT pg_sleep(60)"]
    with psycopg.connect(embedded_conninfo, autocommit=True) as connection, trio.fail_after(20):
        while connection.execute(sql, asked).fetchone() != (0,):  # noqa: ASYNC110 - no event
            await trio.sleep(0.02)
    assert await database.read(_one) == 1


async def test_cancelled_reads_give_their_places_back(database: Database) -> None:
    for _ in range(20):
        with trio.move_on_after(0.02):
            await database.read(lambda c: c.execute("SELECT pg_sleep(60)"))
    with trio.fail_after(5):
        assert await database.read(_one) == 1


async def test_a_slow_query_ends_by_itself(embedded_conninfo: str) -> None:
    database = Database(embedded_conninfo, None, Storage(statement_timeout=0.1))
    with pytest.raises(DatabaseAwayError, match="statement timeout"):
        await database.read(lambda c: c.execute("SELECT pg_sleep(60)"))
    database.close()


async def test_who_gets_no_place_among_the_readers_in_time_is_told(
    embedded_conninfo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.database.GRACE_SECONDS", 0.1)
    database = Database(embedded_conninfo, None, Storage(readers=1, statement_timeout=0.3))
    met: list[StorageError] = []

    async def ask() -> None:
        with pytest.raises(StorageError) as caught:
            await database.read(lambda c: c.execute("SELECT pg_sleep(60)"))
        met.append(caught.value)

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for _ in range(6):
                nursery.start_soon(ask)
        assert await database.read(_one) == 1
    database.close()
    busy = [error for error in met if isinstance(error, DatabaseBusyError)]
    assert len(met) - len(busy) == sum(isinstance(error, QueryTimeoutError) for error in met) >= 1
    assert busy
    assert "kept all [storage] readers (1) for 0.4 s" in str(busy[0])


async def test_a_connection_that_the_server_ended_is_not_used_again(
    database: Database, embedded_conninfo: str
) -> None:
    await database.read(_one)
    with psycopg.connect(embedded_conninfo, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'fleet'"
        )
    assert await database.read(_one) == 1


async def test_a_session_is_used_again_unless_it_failed_for_more_than_a_value(
    database: Database,
) -> None:
    first = await database.read(_pid)
    with pytest.raises(RefusedRowsError):
        await database.read(lambda c: c.execute("SELECT 1 / 0"))
    assert await database.read(_pid) == first
    with pytest.raises(DatabaseAwayError, match="read-only"):
        await database.read(lambda c: c.execute("CREATE TABLE x (a int)"))
    assert await database.read(_pid) != first


@pytest.mark.parametrize("server", KINDS, indirect=True)
async def test_the_edition_and_the_versions_are_told(conninfo: str, server: Server) -> None:
    database = Database(conninfo, None, Storage())
    about = await database.about()
    database.close()
    timescale = server.kind.startswith("timescaledb")
    assert about.edition == ("plain" if server.kind == "embedded" else server.kind)
    assert about.version.partition(".")[0].isdigit()
    assert (about.timescaledb is not None) == timescale


async def test_an_extension_that_is_half_there_is_none(lab: Lab) -> None:
    server = await trio.to_thread.run_sync(lab.postgres, "timescaledb-apache")
    server.terminate()
    server.settings["shared_preload_libraries"] = ""
    server.start_again()
    database = Database(server.url, None, Storage())
    assert (await database.about()).edition == "plain"
    server.terminate()
    server.settings.clear()
    server.start_again()
    assert (await database.about()).edition == "timescaledb-apache"
    server.sql("DROP EXTENSION timescaledb")
    assert (await database.about()).edition == "plain"
    database.close()


def test_community_is_tested_where_there_is_one() -> None:
    if COMMUNITY not in KINDS:
        pytest.skip(f"{URL_VARIABLE} names no server: TimescaleDB Community is not tested")


async def test_nobody_there_is_away_and_quick() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    database = Database(f"postgresql://fleet@127.0.0.1:{port}/fleet", None, Storage())
    with trio.fail_after(4), pytest.raises(DatabaseAwayError, match=rf"127.0.0.1:{port}/fleet"):
        await database.read(_one)


async def test_a_server_that_says_nothing_is_away_within_its_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        url = f"postgresql://fleet@127.0.0.1:{port}/fleet?connect_timeout=2"
        database = Database(url, None, Storage())
        with trio.fail_after(4), pytest.raises(DatabaseAwayError):
            await database.read(_one)


async def test_a_secret_that_is_not_there_is_told(tmp_path: Path) -> None:
    settings = Storage(url="postgresql://fleet@db/fleet", password_env="FLEET_NO_SUCH")
    with pytest.raises(DatabaseError, match="FLEET_NO_SUCH"):
        async with open_database(settings, tmp_path, {}):
            pass


async def test_a_url_that_is_none_is_told(tmp_path: Path) -> None:
    settings = Storage(url=f"postgresql//{SECRET}")
    with pytest.raises(DatabaseError, match="not a PostgreSQL URL") as caught:
        async with open_database(settings, tmp_path, {}):
            pass
    assert SECRET not in str(caught.value)
