"""`fleet db migrate`."""

from __future__ import annotations

import functools
from pathlib import Path

import msgspec

from config.models import Config
from fleet.cli.db_progress import Tables
from fleet.cli.db_run import with_database
from fleet.cli.errors import FAILED, OK
from fleet.cli.output import note, write_json
from storage.archive_tables import being_reshaped
from storage.database import Database
from storage.schema import SchemaState, schema_state
from storage.sessions import Connection


class Migrated(msgspec.Struct, frozen=True, kw_only=True):
    """The document of `fleet db migrate --json`.

    Attributes:
        version: Of the schema before, 0 of an empty database.
        known: The version that this fleet knows up to.
        steps: That were pending.
        reshaping: Tables whose rows were on their way to a new shape.
        applied: Whether it was done; not with `--check`.
    """

    version: int
    known: int
    steps: list[str]
    reshaping: list[str]
    applied: bool


def migrate(explicit: Path | None, *, check: bool, as_json: bool) -> int:
    """Apply what is pending, or with `check` only tell.

    Raises:
        CommandError: The database is away, refuses, or holds a schema that is not ours.
    """
    with Tables() as tables:

        async def work(_config: Config, database: Database) -> Migrated:
            look = functools.partial(_look, where=database.where)
            state, reshaping = await database.read(look)
            if not check:
                await database.prepare(tables.reshaped)
            return Migrated(
                version=state.applied,
                known=state.known,
                steps=state.pending,
                reshaping=reshaping,
                applied=not check,
            )

        done = with_database(explicit, work)
    if as_json:
        write_json(done)
    else:
        _tell(done)
    return FAILED if check and (done.steps or done.reshaping) else OK


def _look(connection: Connection, where: str) -> tuple[SchemaState, list[str]]:
    return schema_state(connection, where), being_reshaped(connection)


def _tell(done: Migrated) -> None:
    word = "applied" if done.applied else "pending"
    for step in done.steps:
        note(f"fleet: {word} {step}")
    for table in done.reshaping:
        note(f"fleet: {'reshaped' if done.applied else 'on its way to a new shape:'} {table}")
    if not done.steps and not done.reshaping:
        note(f"fleet: version {done.known}, nothing to do")
