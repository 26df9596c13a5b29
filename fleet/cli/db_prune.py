"""`fleet db prune`: old history goes now."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import msgspec

from config.models import Config
from fleet.cli.db_run import with_database
from fleet.cli.errors import FAILED, OK, CommandError
from fleet.cli.format import count, size
from fleet.cli.output import note, write, write_json
from fleet.cli.table import Column, Table, cell, write_table
from storage.database import Database
from storage.layout import LAYOUT
from storage.prune import Old, Pruned, old_rows, prune

_COLUMNS = (
    Column("TABLE"),
    Column("OLDER THAN"),
    Column("ROWS", right=True),
    Column("SIZE", right=True),
)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The document of `fleet db prune --json`. `pruned` is None where nothing was deleted."""

    old: list[Old]
    pruned: Pruned | None


def clear_out(
    explicit: Path | None,
    kinds: tuple[str, ...],
    older_than: datetime | None,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Show what is old, ask, and delete it.

    Raises:
        CommandError: The database is away or refuses, or there is nobody to ask.
    """
    names = [name for name, layout in LAYOUT.items() if not kinds or layout.kept in kinds]
    age = None if older_than is None else datetime.now(UTC) - older_than
    if age is not None and age <= timedelta(0):
        raise CommandError("--older-than is in the future", "write an age, such as 30d")

    async def look(config: Config, database: Database) -> list[Old]:
        return await old_rows(database, config.storage.retention, names, age)

    async def delete(_config: Config, database: Database) -> Pruned:
        return await prune(database, old)

    old = with_database(explicit, look)
    rows = sum(each.rows for each in old)
    if not as_json:
        _show(old)
    agreed = rows > 0 and not dry_run and (yes or _agreed(rows))
    pruned = with_database(explicit, delete) if agreed else None
    if as_json:
        write_json(Outcome(old=old, pruned=pruned))
    elif pruned is not None:
        note(f"fleet: deleted {deleted(pruned)}")
        note(f"fleet: {size(max(0, pruned.freed_bytes))} are free on the disk")
    return OK if agreed or dry_run or not rows else FAILED


def deleted(pruned: Pruned) -> str:
    """What is gone, in words, without what was none."""
    rows, partitions = sum(pruned.rows.values()), sum(pruned.partitions.values())
    parts = [f"{count(rows)} rows"] if rows or not partitions else []
    if partitions:
        parts.append(f"{count(partitions)} partitions{' of others' if rows else ''}")
    return " and ".join(parts)


def _show(old: list[Old]) -> None:
    found = [each for each in old if each.rows]
    if not found:
        write("nothing is that old")
        return
    rows = [
        [
            cell(each.table, "strong"),
            cell(f"{each.limit:%Y-%m-%dT%H:%M:%SZ}"),
            cell(count(each.rows)),
            cell(size(each.bytes)),
        ]
        for each in found
    ]
    write_table(Table(_COLUMNS, rows))


def _agreed(rows: int) -> bool:
    if not sys.stdin.isatty():
        raise CommandError(
            f"there is nobody to ask whether {count(rows)} rows may be deleted",
            "look at them with --dry-run, then use --yes",
        )
    sys.stdout.flush()
    if not click.confirm(f"Delete these {count(rows)} rows for good?", err=True):
        note("fleet: nothing was deleted")
        return False
    return True
