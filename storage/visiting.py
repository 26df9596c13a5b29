"""The database for a command: its own for a while, or that of the fleet which is running."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

from config.models import Config
from storage.cluster import conninfo_at, sockets_of
from storage.data_dir import InUseError
from storage.database import Database, open_database
from storage.spool_files import locked


@contextlib.asynccontextmanager
async def visit_database(
    config: Config, environ: Mapping[str, str] = os.environ, *, alone: bool = False
) -> AsyncIterator[Database]:
    """The configured database, or the embedded one, started where no fleet is running.

    Args:
        config: whose `[storage]` and `data_dir` are meant.
        environ: where `password_env` is looked up.
        alone: refuse to work beside a running fleet.

    Raises:
        InUseError, SpoolError: a fleet is running, and `alone` was asked for.
        EmbeddedServerError: there is no server to be had.
        DatabaseError: the URL is not one.
    """
    data_dir = config.fleet.data_dir
    async with contextlib.AsyncExitStack() as stack:
        if alone:
            stack.enter_context(no_fleet_running(data_dir))
        try:
            opening = open_database(config.storage, data_dir, environ)
            database = await stack.enter_async_context(opening)
        except InUseError:
            if alone:
                raise
            database = Database(conninfo_at(sockets_of(data_dir)), None, config.storage)
            stack.callback(database.close)
        yield database


@contextlib.asynccontextmanager
async def open_served(
    config: Config, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Database]:
    """The configured database, or the embedded one of a fleet that runs on this machine.

    No server is started: while there is none, it is away. Works on asyncio as well.

    Raises:
        DatabaseError: the URL is not one.
    """
    if config.storage.url is not None:
        async with open_database(config.storage, config.fleet.data_dir, environ) as database:
            yield database
        return
    conninfo = conninfo_at(sockets_of(config.fleet.data_dir))
    with contextlib.closing(Database(conninfo, None, config.storage)) as embedded:
        yield embedded


@contextlib.contextmanager
def no_fleet_running(data_dir: Path) -> Iterator[None]:
    """Keep a fleet from running with this data directory, for the length of the block.

    Raises:
        SpoolError: one is running.
    """
    spool = data_dir / "spool"
    with locked(spool) if os.path.isdir(spool) else contextlib.nullcontext():  # noqa: PTH112 - False where it may not be looked at
        yield
