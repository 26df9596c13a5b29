"""What `fleet audit` does, directly on the database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import asdict

from config.models import Config
from fleet.cli.db_run import with_database
from fleet.cli.output import note, write_json
from fleet.cli.table import Cell, Column, Table, cell, write_table
from storage.access import audit
from storage.database import Database
from web.access.desk import AuditFilter
from web.access.documents import AuditDocument, AuditEntryDocument

_COLUMNS = (
    Column("TIME"),
    Column("KIND"),
    Column("WHO"),
    Column("FROM"),
    Column("COUNT", right=True),
    Column("WHAT", rank=1, least=20),
)


def show(explicit: Path | None, wanted: AuditFilter, limit: int, *, as_json: bool) -> None:
    """List entries: as JSON newest first, as a table oldest first.

    Raises:
        CommandError: The database is away.
    """

    async def work(_config: Config, database: Database) -> Sequence[AuditEntryDocument]:
        await database.prepare()
        rows = await audit(database, **asdict(wanted), limit=limit)
        return [AuditEntryDocument(**asdict(row)) for row in rows]

    found = with_database(explicit, work)
    if as_json:
        write_json(AuditDocument(entries=tuple(found)))
        return
    write_table(Table(_COLUMNS, [_row(entry) for entry in reversed(found)]))
    if not found:
        note("fleet: there are no such entries")


def _row(entry: AuditEntryDocument) -> list[Cell]:
    return [
        cell(f"{entry.time.astimezone():%Y-%m-%d %H:%M:%S}"),
        cell(entry.kind, "warn" if "refused" in entry.kind else ""),
        cell(entry.who),
        cell(entry.address),
        cell(entry.count if entry.count > 1 else None),
        cell(entry.detail),
    ]
