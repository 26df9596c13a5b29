"""`fleet db backup` and `fleet db restore`."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from config.models import Config
from fleet.cli.db_progress import Tables
from fleet.cli.db_run import with_database
from fleet.cli.errors import USAGE, CommandError
from fleet.cli.format import count, size
from fleet.cli.output import note, write_json
from storage.archive import backup, write_archive
from storage.archive_file import Manifest
from storage.database import Database
from storage.restoring import Restored, restore


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """The document of `fleet db backup --json`. `bytes` is None where stdout was written to."""

    file: str
    rows: dict[str, int]
    bytes: int | None


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """The document of `fleet db restore --json`: rows of the archive, and those that were new."""

    file: str
    rows: dict[str, int]
    new: dict[str, int]


def back_up(explicit: Path | None, file: str, *, as_json: bool) -> None:
    """Write all history into `file`, or to stdout where that is `-`.

    Raises:
        CommandError: The database or the file is at fault.
    """
    if file == "-" and (as_json or sys.stdout.isatty()):
        raise CommandError(
            "an archive goes into a file or a pipe, and nothing else with it",
            "fleet db backup FILE, or fleet db backup - | ...",
            USAGE,
        )
    target = Path(file).absolute()
    with Tables() as tables:

        async def work(_config: Config, database: Database) -> Manifest:
            if file == "-":
                return await write_archive(database, sys.stdout.buffer, tables.moved)
            return await backup(database, target, tables.moved)

        manifest = with_database(explicit, work)
    if file == "-":
        note(f"fleet: {count(sum(manifest.rows.values()))} rows")
        return
    length = target.stat().st_size
    if as_json:
        write_json(Backup(file=str(target), rows=manifest.rows, bytes=length))
    else:
        note(f"fleet: {count(sum(manifest.rows.values()))} rows, {size(length)} in {target}")


def bring_back(explicit: Path | None, file: Path, *, as_json: bool) -> None:
    """Bring the rows of an archive into the database.

    Raises:
        CommandError: The database or the file is at fault.
    """
    with Tables() as tables:

        async def work(_config: Config, database: Database) -> Restored:
            return await restore(database, file, tables.moved, tables.reshaped)

        restored = with_database(explicit, work, alone=True)
    if as_json:
        rows, new = dict(restored.rows), dict(restored.written)
        write_json(Taken(file=str(file), rows=rows, new=new))
    else:
        tell(restored)


def tell(restored: Restored) -> None:
    """Say in one line what was brought."""
    rows, new = sum(restored.rows.values()), sum(restored.written.values())
    note(f"fleet: {count(rows)} rows, {count(new)} of them new here or newer than what was here")
