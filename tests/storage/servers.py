"""The kinds of server that storage is tested on."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import trio
from psycopg.conninfo import make_conninfo

from config.models import Storage
from storage.database import Database

URL_VARIABLE = "FLEET_TEST_TIMESCALE_URL"
"""Names a TimescaleDB Community; its user may create databases and the extension."""

COMMUNITY = "timescaledb-community"
KINDS = [
    *("embedded", "plain", "timescaledb-apache"),
    *([COMMUNITY] if os.environ.get(URL_VARIABLE) else []),
]
EDITIONS = [kind for kind in KINDS if kind != "plain"]
"""Where only the edition makes a difference: the embedded server is a plain one."""

_EMPTY = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()",
    "SET lock_timeout = '5s'",
    "DROP SCHEMA IF EXISTS fleet CASCADE",
)


@dataclass(frozen=True)
class Server:
    """A running server and a database there that is the tests' own."""

    kind: str
    conninfo: str

    def emptied(self) -> str:
        """Empty the database; returns its conninfo.

        To make a new one costs ten times as much, in TimescaleDB half a second.
        """
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            for statement in _EMPTY:
                connection.execute(statement.encode())
        return self.conninfo

    def fresh(self) -> str:
        """A database without rows for who prepares it anyway; returns its conninfo.

        It may be prepared already: on PostgreSQL alone a copy costs a tenth of what the schema
        does. In TimescaleDB it saves nothing.
        """
        if self.kind != "embedded":
            return self.emptied()
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            made = connection.execute("SELECT FROM pg_database WHERE datname = 'made'").fetchone()
            if made is None:
                connection.execute("CREATE DATABASE made")
                trio.run(_prepare, make_conninfo(self.conninfo, dbname="made"))
            connection.execute("DROP DATABASE IF EXISTS copied WITH (FORCE)")
            connection.execute("CREATE DATABASE copied TEMPLATE made STRATEGY file_copy")
        return make_conninfo(self.conninfo, dbname="copied")


async def _prepare(conninfo: str) -> None:
    with contextlib.closing(Database(conninfo, None, Storage())) as database:
        await database.prepare()


@contextlib.contextmanager
def community_server() -> Iterator[Server]:
    """The server that the environment names, with a database for the length of the block."""
    url = os.environ[URL_VARIABLE]
    name = f"fleet_test_{secrets.token_hex(4)}"
    conninfo = make_conninfo(url, dbname=name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        try:
            with psycopg.connect(conninfo) as inside:
                inside.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
            yield Server(COMMUNITY, conninfo)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
