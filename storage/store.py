"""All of storage, opened and closed in the right order."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import AsyncIterator, Mapping

import msgspec

from config.models import Config
from storage.database import Database, open_database
from storage.errors import DatabaseAwayError
from storage.outliving import outliving
from storage.recorder import DRAIN_SECONDS, Observe, Recorder, open_recorder
from storage.upkeep import Upkeep
from storage.watching import Watch, unwatched

_log = logging.getLogger(__name__)


class Store(msgspec.Struct, frozen=True):
    """Where history is written to and read from."""

    database: Database
    recorder: Recorder
    upkeep: Upkeep


@contextlib.asynccontextmanager
async def open_store(
    config: Config,
    environ: Mapping[str, str] = os.environ,
    *,
    drain_seconds: float = DRAIN_SECONDS,
    observe: Observe | None = None,
    watch: Watch = unwatched,
) -> AsyncIterator[Store]:
    """The configured database with its schema up to date, the recorder and the upkeep.

    A database that is away does not keep fleet from starting: rows go to disk for it. At the end
    the recorder drains, for at most `drain_seconds`, before the database stops. `observe` is told
    of the recorder's batches, `watch` of these and of queries.

    Raises:
        DatabaseError: the database refuses (password, rights, newer schema, no such database).
        EmbeddedServerError: the embedded server cannot be set up or started.
        SpoolError: the spool in the data directory is another process's, or cannot be made.
    """
    settings, spool = config.storage, config.fleet.data_dir / "spool"
    async with open_database(settings, config.fleet.data_dir, environ) as database:
        database.watch = watch
        try:
            await database.prepare()
        except DatabaseAwayError as error:
            _log.warning("Starting without the database, history waits for it: %s", error)
        upkeep = Upkeep(database, settings.retention)
        async with (
            outliving(upkeep.run),
            open_recorder(
                database, settings, spool, drain_seconds=drain_seconds, observe=observe
            ) as recorder,
        ):
            yield Store(database, recorder, upkeep)
