"""`fleet db status`: which database, what is in it, and how far its upkeep is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import trio

from config.models import Config
from fleet.cli.db_run import with_database
from fleet.cli.errors import CommandError
from fleet.cli.format import count, size
from fleet.cli.output import write, write_json
from fleet.cli.table import Cell, Column, Table, cell, write_table
from storage.database import Database
from storage.schema import SchemaState
from storage.sizes import Holdings, RollupState, TableSize, holdings
from storage.spool_glance import Waiting, glance

_COLUMNS = (
    Column("TABLE"),
    Column("SHAPE", rank=3),
    Column("PARTS", rank=4, right=True),
    Column("ROWS", right=True),
    Column("SIZE", right=True),
    Column("INDEXES", rank=2, right=True),
    Column("COMPRESSED", rank=2, right=True),
    Column("OLDEST", rank=1),
    Column("NEWEST", rank=1),
    Column("KEPT", rank=1, right=True),
)


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The document of `fleet db status --json`.

    Attributes:
        database: Its address.
        edition: `plain`, `timescaledb-apache` or `timescaledb-community`.
        postgresql: Its version.
        timescaledb: The extension's version, None without it.
        schema: The version there and the version of this fleet.
        tables: By name, current state first.
        rollups: How far samples are rolled up, by their table.
        bytes: Of all tables with their indexes, and what is compressed.
        spool: Rows on disk that wait for the database; what was written of them counts until its
            file goes.
    """

    database: str
    edition: str
    postgresql: str
    timescaledb: str | None
    schema: SchemaState
    tables: list[TableSize]
    rollups: list[RollupState]
    bytes: int
    spool: Waiting


def show_status(explicit: Path | None, *, as_json: bool) -> None:
    """Show it.

    Raises:
        CommandError: The database is away, refuses, or holds a schema that is not ours.
    """
    status = with_database(explicit, _look)
    if as_json:
        write_json(status)
    else:
        _show(status)


async def _look(config: Config, database: Database) -> Status:
    found = await holdings(database, config.storage.retention)
    folder = config.fleet.data_dir / "spool"
    try:
        spool = await trio.to_thread.run_sync(glance, folder)
    except OSError as error:
        raise CommandError(f"{folder} cannot be looked into: {error.strerror}") from error
    return _status(found, spool)


def _status(found: Holdings, spool: Waiting) -> Status:
    sizes = (table.bytes + table.index_bytes + table.compressed_bytes for table in found.tables)
    return Status(
        database=found.where,
        edition=found.server.edition,
        postgresql=found.server.version,
        timescaledb=found.server.timescaledb,
        schema=found.schema,
        tables=found.tables,
        rollups=found.rollups,
        bytes=sum(sizes),
        spool=spool,
    )


def _show(status: Status) -> None:
    extension = f", TimescaleDB {status.timescaledb}" if status.timescaledb else ""
    write(f"{status.database}")
    write(f"PostgreSQL {status.postgresql}{extension} ({status.edition})")
    write(_schema(status.schema))
    for rollup in status.rollups:
        write(_rollup(rollup))
    write(_spool(status.spool))
    if not status.tables:
        return
    write("")
    write_table(Table(_COLUMNS, list(map(_row, status.tables))))
    write("")
    write(f"{size(status.bytes)} in all")


def _schema(schema: SchemaState) -> str:
    if not schema.applied:
        return "schema: none yet; fleet makes it when it starts, or `fleet db migrate`"
    if schema.pending:
        steps = ", ".join(schema.pending)
        return f"schema: version {schema.applied} of {schema.known}, pending: {steps}"
    return f"schema: version {schema.applied}, up to date"


def _rollup(rollup: RollupState) -> str:
    late = f"; {count(rollup.late_hours)} hours with late samples wait" if rollup.late_hours else ""
    to = "the database does it" if rollup.by_itself else _time(rollup.rolled_up_to) or "not yet"
    return f"rolled up: {rollup.name} {to}{late}"


def _spool(spool: Waiting) -> str:
    if not spool.rows:
        return "spool: empty"
    since = f" since {_time(spool.oldest)}" if spool.oldest else ""
    return f"spool: {count(spool.rows)} rows, {size(spool.bytes)}{since}"


def _row(table: TableSize) -> list[Cell]:
    return [
        cell(table.name, "strong"),
        cell(table.shape),
        cell(count(table.parts) if table.parts else None),
        cell(None if table.rows is None else count(table.rows)),
        cell(size(table.bytes)),
        cell(size(table.index_bytes)),
        cell(size(table.compressed_bytes) if table.compressed_bytes else None),
        cell(_time(table.oldest)),
        cell(_time(table.newest)),
        cell(f"{table.retention_days}d" if table.retention_days else None),
    ]


def _time(time: datetime | None) -> str:
    return "" if time is None else f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
