"""Runs a command's work on the database, and turns what it may meet into errors for people."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from config.models import Config, Storage
from fleet.cli.errors import CommandError
from fleet.cli.running import run
from fleet.cli.settings import load_config
from storage.archive_file import ArchiveError
from storage.data_dir import InUseError
from storage.database import Database
from storage.errors import (
    DatabaseAwayError,
    DatabaseError,
    EmbeddedServerError,
    SpoolError,
    StorageError,
)
from storage.visiting import visit_database

T = TypeVar("T")


def with_database(
    explicit: Path | None,
    work: Callable[[Config, Database], Awaitable[T]],
    *,
    alone: bool = False,
) -> T:
    """Do `work` with the configured database.

    Args:
        explicit: `--config`.
        work: What to do.
        alone: A running fleet may not use the embedded database meanwhile.

    Raises:
        CommandError: The configuration, the database or a file is at fault.
    """

    async def visit(config: Config) -> T:
        async with visit_database(config, alone=alone) as database:
            return await work(config, database)

    return attempt(visit, load_config(explicit))


def attempt(work: Callable[[Config], Awaitable[T]], config: Config) -> T:
    """Run `work`, and explain what it met.

    Raises:
        CommandError: As told.
    """
    # What the embedded server says when it is stopped is of no interest here.
    logging.getLogger("storage.postmaster").setLevel(logging.ERROR)
    try:
        return run(work, config, expected=(StorageError,))
    except StorageError as error:
        raise CommandError(str(error), hint(error, config.storage)) from error


def hint(error: StorageError, storage: Storage) -> str:
    """The next step, or an empty string where the error tells it."""
    if isinstance(error, InUseError | SpoolError):
        return "stop that fleet first, and start it again afterwards"
    if isinstance(error, DatabaseAwayError):
        if storage.url is None:
            return "try again; the log of `fleet up` tells what the embedded PostgreSQL says"
        return "check that the database runs and [storage] url is right, then try again"
    if isinstance(error, EmbeddedServerError | ArchiveError | DatabaseError):
        return ""  # they say what to do themselves
    return "`fleet db status` shows what is there"
