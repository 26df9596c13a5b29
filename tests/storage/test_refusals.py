"""What people are told when a database somewhere on the network refuses, and what not."""

from pathlib import Path

import psycopg
import pytest
import trio
from psycopg.conninfo import make_conninfo

from config.models import Storage
from storage.database import Database, open_database
from storage.errors import DatabaseAwayError, DatabaseError, translate
from tests.lab.fixtures import Lab
from tests.lab.postgres import PostgresServer
from tests.lab.tls import Authority

PASSWORD = "hunter2-hunter2"


@pytest.fixture(scope="module")
def server(module_lab: Lab) -> PostgresServer:
    return module_lab.postgres(password=PASSWORD)


@pytest.fixture(scope="module")
def authority(module_lab: Lab) -> Authority:
    return module_lab.authority()


@pytest.fixture(scope="module")
def tls_server(module_lab: Lab, authority: Authority) -> PostgresServer:
    return module_lab.postgres(tls=authority.server("localhost"))


async def _refusal(url: str, password: str | None = None) -> str:
    database = Database(url, password, Storage())
    try:
        with trio.fail_after(10), pytest.raises(DatabaseError) as caught:
            await database.prepare()
    finally:
        database.close()
    assert database.where in str(caught.value)
    return str(caught.value)


async def _prepare(url: str, password: str | None = None) -> None:
    database = Database(url, password, Storage())
    await database.prepare()
    database.close()


async def test_the_right_password_is_taken_from_its_file(
    server: PostgresServer, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n")
    secret.chmod(0o600)
    settings = Storage(url=server.url, password_file=secret)
    async with open_database(settings, tmp_path, {}) as database:
        await database.prepare()


@pytest.mark.parametrize("password", ["another-secret", None])
async def test_a_wrong_password_names_the_key_and_not_the_password(
    server: PostgresServer, password: str | None
) -> None:
    told = await _refusal(server.url, password)
    assert "password_file or password_env" in told
    assert "another-secret" not in told


async def test_a_user_whom_the_server_does_not_know(tls_server: PostgresServer) -> None:
    told = await _refusal(make_conninfo(tls_server.url, user="nobody_here"))
    assert 'role "nobody_here" does not exist' in told
    assert "Check the user in [storage] url" in told


async def test_a_user_whom_no_rule_lets_in(server: PostgresServer) -> None:
    server.rules("host all fleet 127.0.0.1/32 reject")
    try:
        assert "pg_hba.conf" in await _refusal(server.url, PASSWORD)
    finally:
        server.rules()


async def test_a_missing_database_is_named(server: PostgresServer) -> None:
    told = await _refusal(make_conninfo(server.url, dbname="nowhere"), PASSWORD)
    assert '"nowhere" does not exist' in told
    assert "createdb" in told


async def test_a_database_that_may_not_be_entered(server: PostgresServer) -> None:
    server.sql("CREATE DATABASE closed", "REVOKE CONNECT ON DATABASE closed FROM public")
    told = await _refusal(make_conninfo(server.url, dbname="closed"), PASSWORD)
    assert 'permission denied for database "closed"' in told
    assert "owner of the database" in told
    assert "createdb" not in told


async def test_a_database_in_which_nothing_may_be_made(server: PostgresServer) -> None:
    server.sql("CREATE DATABASE foreign_one")
    told = await _refusal(make_conninfo(server.url, dbname="foreign_one"), PASSWORD)
    assert "permission denied" in told
    assert "owner of the database" in told


async def test_a_schema_of_that_name_with_tables_of_somebody_else(server: PostgresServer) -> None:
    server.sql("CREATE DATABASE taken OWNER fleet")
    server.sql(
        "CREATE SCHEMA fleet AUTHORIZATION fleet",
        "SET ROLE fleet",
        "CREATE TABLE fleet.hosts (ip inet)",
        database="taken",
    )
    told = await _refusal(make_conninfo(server.url, dbname="taken"), PASSWORD)
    assert "the schema `fleet` there is not fleet's own" in told
    assert "another database" in told


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_a_database_that_cannot_hold_every_text(
    server: PostgresServer, encoding: str
) -> None:
    name = f"in_{encoding}".lower()
    server.sql(
        f"CREATE DATABASE {name} OWNER fleet TEMPLATE template0 ENCODING {encoding}"
        " LOCALE_PROVIDER libc LOCALE 'C'"
    )
    told = await _refusal(make_conninfo(server.url, dbname=name), PASSWORD)
    assert encoding in told
    assert "--encoding=UTF8" in told


async def test_tls_is_used_where_it_is_offered(tls_server: PostgresServer) -> None:
    await _prepare(tls_server.url)


async def test_tls_that_is_verified(tls_server: PostgresServer, authority: Authority) -> None:
    verified = {"sslmode": "verify-full", "sslrootcert": str(authority.ca)}
    host, address = "localhost", tls_server.address[0]
    await _prepare(make_conninfo(tls_server.url, host=host, hostaddr=address, **verified))
    told = await _refusal(make_conninfo(tls_server.url, **verified))
    assert 'does not match host name "127.0.0.1"' in told
    assert "sslmode" in told


async def test_a_server_that_insists_on_tls(tls_server: PostgresServer) -> None:
    told = await _refusal(make_conninfo(tls_server.url, sslmode="disable"))
    assert "no encryption" in told
    assert "sslmode" in told


async def test_a_server_that_has_no_tls(server: PostgresServer) -> None:
    told = await _refusal(make_conninfo(server.url, sslmode="require"), PASSWORD)
    assert "SSL" in told
    assert "sslmode" in told


async def test_a_certificate_of_somebody_else(
    tls_server: PostgresServer, lab: Lab, tmp_path: Path
) -> None:
    foreign = lab.authority().ca
    told = await _refusal(
        make_conninfo(tls_server.url, sslmode="verify-ca", sslrootcert=str(foreign))
    )
    assert "certificate verify failed" in told
    assert "sslrootcert" in told
    missing = str(tmp_path / "missing.pem")
    told = await _refusal(make_conninfo(tls_server.url, sslmode="verify-ca", sslrootcert=missing))
    assert missing in told
    assert "sslrootcert" in told


def test_a_database_that_takes_no_writes_may_be_told_to() -> None:
    error = translate(psycopg.errors.ReadOnlySqlTransaction("read-only transaction"), "there")
    assert isinstance(error, DatabaseAwayError)
    assert str(error).startswith("there: read-only transaction. Make it writable")
