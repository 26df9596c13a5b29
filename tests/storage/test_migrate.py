"""Migrations against a real server."""

import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from storage.errors import DatabaseError
from storage.layout import LAYOUT
from storage.migrate import SCHEMA, Migration, bundled_migrations, migrate, pending
from storage.sessions import Connection
from storage.tables import TABLES
from tests.storage.servers import KINDS

PROGRAM = """
import sys, psycopg
from storage.layout import LAYOUT
from storage.migrate import SCHEMA, migrate
connection = psycopg.connect(sys.argv[1], autocommit=True)
connection.execute(f"SET search_path TO {SCHEMA}, public".encode())
sys.stdin.readline()
print(migrate(connection, "it"))
"""


@pytest.fixture
def connection(conninfo: str) -> Iterator[Connection]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"SET search_path TO {SCHEMA}, public".encode())
        yield connection


def _tables(connection: Connection) -> set[object]:
    sql = "SELECT tablename FROM pg_tables WHERE schemaname = %s"
    return {row[0] for row in connection.execute(sql, [SCHEMA])}


@pytest.mark.parametrize("server", KINDS, indirect=True)
def test_an_empty_database_gets_the_schema_once(connection: Connection) -> None:
    versions = [step.version for step in bundled_migrations()]
    assert migrate(connection, "it") == versions
    written = {table.name for table in TABLES.values()}
    assert _tables(connection) == {
        *written,
        *LAYOUT,
        *("rollup_progress", "rollup_late", "schema_migrations"),
        *("access_tokens", "access_token_uses", "access_version"),
        *("accounts", "account_sessions", "account_links"),
        *("live_state", "live_changes", "live_run"),
    }
    assert migrate(connection, "it") == []


def test_processes_that_migrate_at_once_do_it_once(conninfo: str) -> None:
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, conninfo],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for program in programs:
        assert program.stdin is not None
        program.stdin.write("go\n")
        program.stdin.flush()
    said = [program.communicate(timeout=30)[0].strip() for program in programs]
    assert [program.returncode for program in programs] == [0, 0]
    versions = [step.version for step in bundled_migrations()]
    assert sorted(said) == sorted([str(versions), "[]"])


def test_a_newer_schema_is_refused(connection: Connection) -> None:
    migrate(connection, "it")
    connection.execute(
        "INSERT INTO schema_migrations (version, name, checksum) VALUES (99, 'later', 'x')"
    )
    with pytest.raises(DatabaseError, match=r"version 99 .* knows up to \d"):
        migrate(connection, "it")


def test_a_schema_of_somebody_else_is_left_alone(connection: Connection) -> None:
    connection.execute(f"CREATE SCHEMA {SCHEMA}".encode())
    connection.execute("CREATE TABLE containers (number_of_ships integer)")
    with pytest.raises(DatabaseError, match="is not fleet's own"):
        migrate(connection, "it")
    assert _tables(connection) == {"containers"}


def test_an_empty_schema_that_somebody_made_for_us_is_used(connection: Connection) -> None:
    connection.execute(f"CREATE SCHEMA {SCHEMA}".encode())
    assert migrate(connection, "it")


def test_a_step_that_fails_leaves_no_trace_and_can_be_repeated(connection: Connection) -> None:
    first = Migration(1, "0001", "CREATE TABLE one (a int)")
    bad = Migration(2, "0002", "CREATE TABLE two (a int); SELECT 1 / 0")
    good = Migration(2, "0002", "CREATE TABLE two (a int)")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(connection, "it", [first, bad])
    assert _tables(connection) == {"one", "schema_migrations"}
    assert migrate(connection, "it", [first, good]) == [2]


def test_a_changed_step_is_noticed() -> None:
    first = Migration(1, "0001", "CREATE TABLE one (a int)")
    assert pending([first], {1: first.checksum}, "it") == []
    with pytest.raises(DatabaseError, match=r"step 1 .* is not the one"):
        pending([first], {1: "another"}, "it")


def test_line_ends_do_not_change_a_checksum() -> None:
    unix, dos = Migration(1, "x", "a;\nb;\n"), Migration(1, "x", "a;\r\nb;\r\n")
    assert unix.checksum == dos.checksum


def test_every_unique_index_of_history_holds_its_time(connection: Connection) -> None:
    migrate(connection, "it")
    sql = """
        SELECT tablename, indexdef FROM pg_indexes
        WHERE schemaname = 'fleet' AND indexdef LIKE 'CREATE UNIQUE%%' AND tablename = ANY(%s)
    """
    found = connection.execute(sql, [list(LAYOUT)]).fetchall()
    assert len(found) == len(LAYOUT)
    assert all('"time"' in str(definition) for _, definition in found)
