"""The database that history goes to: where it is, how it is reached, and which edition it is."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
import psycopg
from psycopg.conninfo import conninfo_to_dict

from config.models import Storage
from config.secrets import SecretError, read_secret
from storage.edition import About, about
from storage.embedded import embedded_server
from storage.errors import DatabaseError
from storage.live_feed import LiveFeed
from storage.migrate import SCHEMA, upgrade
from storage.sessions import GRACE_SECONDS, Connection, Sessions
from storage.shape import Report, ignore
from storage.watching import Watch, unwatched

__all__ = ["About", "Database", "open_database"]

T = TypeVar("T")

WRITE_SECONDS = 30.0  # for one statement of the writer: a COPY of a batch
LOCK_SECONDS = 5.0
UPKEEP_SECONDS = 300.0  # rolling up an hour of tens of thousands of containers
MIGRATE_SECONDS = 3600.0  # a step over much history, or another process at it


Password = Callable[[], str | None]


class Database:
    """Reads side by side, writes one after the other; nothing is connected before it is used.

    `password` is one, or what tells it anew for each connection. `watch` is told of all work.
    """

    def __init__(self, conninfo: str, password: Password | str | None, settings: Storage) -> None:
        self.watch: Watch = unwatched
        self.where = _where(conninfo)
        self.conninfo = conninfo  # without the password
        self._password = password if callable(password) else lambda: password
        self._readers = self._sessions(
            settings.readers,
            settings.statement_timeout,
            # Those who ask come without limit; those who write are few, and what they have waits.
            patience=settings.statement_timeout + GRACE_SECONDS,
            default_transaction_read_only="on",
        )
        self._writer = self._sessions(1, WRITE_SECONDS)
        self._replayer = self._sessions(1, WRITE_SECONDS)
        self._upkeep = self._sessions(1, UPKEEP_SECONDS)
        self._publisher = self._sessions(1, WRITE_SECONDS)
        self._migrating = anyio.Lock()
        self._migrated = False

    async def read(self, query: Callable[[Connection], T], name: str | None = None) -> T:
        """Run `query` in a thread on a read-only connection in autocommit mode.

        `name` is what it is called where somebody watches.

        A cancel cancels the query at the server.

        Raises:
            DatabaseAwayError: it cannot be reached, is not ready, or is too busy; try later.
            DatabaseError: it refuses; the message says what to change.
        """
        with self.watch("db.read", _asked(query, name)):
            return await self._readers.run(query)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a thread on the writing connection; it opens its transactions."""
        await self.prepare()
        with self.watch("db.write", _asked(work)):
            return await self._writer.run(work)

    async def replay(self, work: Callable[[Connection], T]) -> T:
        """As `write`, but on a connection for what waited, which the writer does not wait for."""
        await self.prepare()
        with self.watch("db.replay", _asked(work)):
            return await self._replayer.run(work)

    async def maintain(self, work: Callable[[Connection], T]) -> T:
        """As `write`, but on a connection for upkeep, which the writer does not wait for."""
        await self.prepare()
        with self.watch("db.maintain", _asked(work)):
            return await self._upkeep.run(work)

    async def publish(self, work: Callable[[Connection], T]) -> T:
        """As `write`, but on a connection for live state, whose lock it holds."""
        await self.prepare()
        return await self._publisher.run(work)

    def feed(self) -> LiveFeed:
        """A connection of its own to be told of live state; on asyncio alone."""
        return LiveFeed(self.conninfo, self._password, self.where)

    async def prepare(self, report: Report = ignore) -> None:
        """Bring the schema up to date, once; `write` does so too.

        `report` is told, in a thread, how far rows have moved to a new shape of their table.

        Raises:
            DatabaseAwayError: not reachable now.
            DatabaseError: wrong password, no rights, a newer schema: nothing that waiting cures.
        """
        async with self._migrating:
            if not self._migrated:
                limit = f"{MIGRATE_SECONDS * 1000:.0f}"
                sessions = self._sessions(1, MIGRATE_SECONDS, lock_timeout=limit)
                with contextlib.closing(sessions):
                    await sessions.run(lambda connection: upgrade(connection, self.where, report))
                self._migrated = True

    def long_sessions(self, seconds: float) -> Sessions:
        """A connection of its own for work that takes up to `seconds`; close them afterwards."""
        return self._sessions(1, seconds)

    async def about(self) -> About:
        """The edition and the versions of the server."""
        return await self._readers.run(about)

    def close(self) -> None:
        """Close all connections that are not in use."""
        for sessions in (
            self._readers,
            self._writer,
            self._replayer,
            self._upkeep,
            self._publisher,
        ):
            sessions.close()

    def _sessions(
        self, size: int, seconds: float, patience: float = math.inf, **others: str
    ) -> Sessions:
        settings = {**_settings(seconds), **others}
        return Sessions(
            self.conninfo, self._password, self.where, size, seconds, settings, patience
        )


@contextlib.asynccontextmanager
async def open_database(
    settings: Storage, data_dir: Path, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Database]:
    """The configured database, or the embedded one under `data_dir` where none is configured.

    Does not connect: a database that is away now may come back.

    Raises:
        EmbeddedServerError: there is no server to be had.
        DatabaseError: the URL is not one.
    """
    async with contextlib.AsyncExitStack() as stack:
        password: Password | None = None
        if settings.url is None:
            conninfo = await stack.enter_async_context(embedded_server(data_dir))
        else:
            conninfo = settings.url
            password = partial(_password, settings, environ)
            password()  # what cannot be read is told at once
        database = Database(conninfo, password, settings)
        stack.callback(database.close)
        yield database


def _password(settings: Storage, environ: Mapping[str, str]) -> str | None:
    try:
        return read_secret(settings.password_file, settings.password_env, environ)
    except SecretError as error:
        raise DatabaseError(f"[storage] needs its password: {error}") from error


def _asked(work: Callable[..., object], name: str | None = None) -> dict[str, str | int]:
    called = str(name or getattr(work, "__name__", "")).lstrip("_")
    return {"db.system.name": "postgresql", "db.query.summary": called}


def _settings(statement_seconds: float) -> dict[str, str]:
    return {
        "search_path": f"{SCHEMA}, public",
        "statement_timeout": f"{statement_seconds * 1000:.0f}",
        "lock_timeout": f"{LOCK_SECONDS * 1000:.0f}",
        "idle_in_transaction_session_timeout": f"{statement_seconds * 1000:.0f}",
        "timezone": "UTC",
    }


def _where(conninfo: str) -> str:
    """The database's address for people, never with a password."""
    try:
        parts = conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError as error:
        raise DatabaseError(
            "[storage] url is not a PostgreSQL URL. It has the form"
            " postgresql://USER@HOST:5432/DATABASE."
        ) from error.with_traceback(None)
    host = str(parts.get("host") or "localhost")
    name = parts.get("dbname") or parts.get("user") or ""
    if host.startswith("/"):
        return f"PostgreSQL in {host}"
    user = f"{parts['user']}@" if parts.get("user") else ""
    return f"PostgreSQL at {user}{host}:{parts.get('port') or 5432}/{name}"
