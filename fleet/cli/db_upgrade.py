"""`fleet db upgrade`: history comes along to a newer or another server."""

from __future__ import annotations

from pathlib import Path

import msgspec

from config.models import Config
from fleet.cli.db_progress import Tables
from fleet.cli.db_run import attempt
from fleet.cli.errors import CommandError
from fleet.cli.format import count
from fleet.cli.output import note, write_json
from fleet.cli.settings import load_config
from storage.binaries import MAJOR
from storage.database import Database
from storage.edition import About
from storage.major import Upgraded, embedded_source, embedded_version, upgrade_major
from storage.restoring import Restored
from storage.transfer import transfer
from storage.visiting import no_fleet_running, visit_database


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The document of `fleet db upgrade --json`.

    Attributes:
        database: Its address.
        before: What the server was, None of an embedded one that was too old to be asked.
        now: What it is.
        rows: By table, that were brought from another database; None where none were.
        kept: Where the old database still is, None where it is the same one.
    """

    database: str
    before: About | None
    now: About
    rows: dict[str, int] | None
    kept: str | None


def upgrade(explicit: Path | None, source: str | None, *, as_json: bool) -> None:
    """Bring the database, or with `source` what is in another, to where it should be.

    Raises:
        CommandError: A fleet is running, or one of the databases is at fault.
    """
    config = load_config(explicit)
    if source == "embedded" and config.storage.url is None:
        raise CommandError(
            "the embedded database is the configured one already",
            "set [storage] url to the server that history shall go to",
        )
    with Tables() as tables:

        async def work(config: Config) -> Outcome:
            with no_fleet_running(config.fleet.data_dir):
                if source == "embedded":
                    return await _from_embedded(config, tables)
                return await _in_place(config, tables)

        outcome = attempt(work, config)
    if as_json:
        write_json(outcome)
    else:
        _tell(outcome)


async def _from_embedded(config: Config, tables: Tables) -> Outcome:
    data_dir = config.fleet.data_dir
    async with (
        embedded_source(data_dir, config.storage) as embedded,
        visit_database(config) as database,
    ):
        before = await database.about()
        restored = await transfer(embedded, database, tables.moved, tables.reshaped)
        return await _outcome(database, before, restored, data_dir / "postgres")


async def _in_place(config: Config, tables: Tables) -> Outcome:
    moved: Upgraded | None = None
    data_dir = config.fleet.data_dir
    if config.storage.url is None and embedded_version(data_dir) not in (None, str(MAJOR)):
        moved = await upgrade_major(data_dir, config.storage, tables.moved, tables.reshaped)
    async with visit_database(config) as database:
        before = None if moved else await database.about()
        await database.prepare(tables.reshaped)
        if moved is None:
            return await _outcome(database, before, None, None)
        return await _outcome(database, None, moved.restored, moved.kept)


async def _outcome(
    database: Database, before: About | None, restored: Restored | None, kept: Path | None
) -> Outcome:
    return Outcome(
        database=database.where,
        before=before,
        now=await database.about(),
        rows=dict(restored.rows) if restored else None,
        kept=str(kept) if kept else None,
    )


def _tell(outcome: Outcome) -> None:
    now = outcome.now
    extension = f", TimescaleDB {now.timescaledb}" if now.timescaledb else ""
    if outcome.rows is not None:
        note(f"fleet: {count(sum(outcome.rows.values()))} rows came along, and were counted there")
    note(f"fleet: {outcome.database} is PostgreSQL {now.version}{extension} ({now.edition})")
    if outcome.kept:
        note(f"  next: look at it with `fleet db status`; the old database is in {outcome.kept},")
        note("  as it was: remove it when you are content")
