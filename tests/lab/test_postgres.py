"""The PostgreSQL servers of the lab come up, break and come back as they are told."""

import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.lab.errors import LabError
from tests.lab.fixtures import Lab
from tests.lab.postgres import PostgresServer
from tests.lab.reap import processes_of
from tests.lab.sweep import sweep

OWNER = """
import sys
from tests.lab.postgres import PostgresServer
server = PostgresServer("timescaledb-apache")
print(server.folder, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def server(module_lab: Lab) -> PostgresServer:
    return module_lab.postgres("timescaledb-apache", password="right")


def _ask(url: str, sql: str = "SELECT 1", password: str | None = None) -> object:
    with psycopg.connect(url, password=password, connect_timeout=2) as connection:
        row = connection.execute(sql.encode()).fetchone()
    return row and row[0]


def test_timescaledb_works_where_it_was_asked_for(server: PostgresServer, lab: Lab) -> None:
    create = "CREATE TABLE t (time timestamptz NOT NULL)"
    server.sql(create, "SELECT create_hypertable('t', 'time')", "DROP TABLE t")
    plain = lab.postgres()
    with pytest.raises(psycopg.errors.UndefinedFunction):
        plain.sql(create, "SELECT create_hypertable('t', 'time')")


def test_the_network_needs_the_password_and_the_socket_does_not(server: PostgresServer) -> None:
    assert _ask(server.url, password="right") == 1
    assert _ask(server.socket_url) == 1
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        _ask(server.url, password="wrong")


def test_a_killed_and_a_terminated_server_come_back_with_their_data(
    server: PostgresServer,
) -> None:
    server.sql(
        "CREATE TABLE kept AS SELECT generate_series(1, 5) AS n", "GRANT ALL ON kept TO fleet"
    )
    for end in (server.kill, server.terminate):
        end()
        assert processes_of(server.folder) == []
        with pytest.raises(psycopg.OperationalError, match="refused"):
            _ask(server.url, password="right")
        server.start_again()
        assert _ask(server.socket_url, "SELECT count(*) FROM kept") == 5
    with pytest.raises(LabError, match="still runs"):
        server.start_again()


def test_a_paused_server_is_silent_until_it_is_resumed(server: PostgresServer) -> None:
    server.pause()
    try:
        with pytest.raises(psycopg.errors.ConnectionTimeout):
            _ask(server.url, password="right")
    finally:
        server.resume()
    assert _ask(server.url, password="right") == 1


def test_rules_come_before_the_servers_own(server: PostgresServer) -> None:
    server.rules("host all fleet 127.0.0.1/32 reject")
    with pytest.raises(psycopg.OperationalError, match=r"pg_hba.conf rejects"):
        _ask(server.url, password="right")
    server.rules()
    assert _ask(server.url, password="right") == 1


def test_a_setting_that_is_none_is_told_with_the_servers_own_words(lab: Lab) -> None:
    with pytest.raises(LabError, match="nonsense"):
        lab.postgres(settings={"nonsense": "1"})


def test_nothing_is_left_of_a_server_whose_owner_is_killed(server: PostgresServer) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout
        folder = Path(owner.stdout.readline().strip())
        owner.send_signal(signal.SIGKILL)
        owner.wait(20)
    assert len(processes_of(folder)) > 3, "a killed owner cleans nothing up"
    assert folder.parent in sweep()
    assert _ask(server.socket_url) == 1, "the parts of others are left alone"
    assert processes_of(folder) == []
    assert not folder.exists()
