"""`fleet db`: look after the database that history is in."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from fleet.cli.options import config_option, json_option
from fleet.cli.times import Point

KINDS = (
    *("samples", "logs", "events", "health", "image_versions", "audit"),
    *("minutes", "hours", "days"),
)


@click.group(
    "db",
    epilog="""\b
Examples:
  fleet db status                     what is in it, and how large it is
  fleet db backup history.fleet       all of it, into one file
  fleet db restore history.fleet      back, or into another database

They act on the database of hosts.toml: the one of [storage] url, or the embedded one, which is
started for the command where no fleet is running.""",
)
@config_option
@click.pass_context
def command(ctx: click.Context, config: Path | None) -> None:
    """Look after the database: status, backup, restore, upgrade, prune."""
    ctx.obj = config


@command.command(
    "status",
    epilog="""\b
Examples:
  fleet db status
  fleet db status --json | jq '.tables[] | {name, rows, bytes}'

Rows are estimates of the database's own.""",
)
@json_option
@config_option
@click.pass_obj
def status_command(outer: Path | None, as_json: bool, config: Path | None) -> None:
    """Show which database it is, the size of each table, and what waits."""
    from fleet.cli.db_status import show_status

    show_status(config or outer, as_json=as_json)


@command.command(
    "migrate",
    epilog="""\b
Examples:
  fleet db migrate           what `fleet up` would do at its start, with progress
  fleet db migrate --check   only tell; exit code 1 where something is pending""",
)
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 if something is pending.")
@json_option
@config_option
@click.pass_obj
def migrate_command(outer: Path | None, check: bool, as_json: bool, config: Path | None) -> int:
    """Bring the schema up to date."""
    from fleet.cli.db_migrate import migrate

    return migrate(config or outer, check=check, as_json=as_json)


@command.command(
    "backup",
    epilog="""\b
Examples:
  fleet db backup history.fleet                     fleet may go on running
  fleet db backup - | ssh vault 'cat > history.fleet'

The file is there when it is whole, and not before. It holds the rows as of one moment, and goes
into any database: embedded, PostgreSQL or TimescaleDB, of this version or another.""",
)
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@json_option
@config_option
@click.pass_obj
def backup_command(outer: Path | None, file: str, as_json: bool, config: Path | None) -> None:
    """Write all history into FILE, or to stdout as `-`."""
    from fleet.cli.db_archive import back_up

    back_up(config or outer, file, as_json=as_json)


@command.command(
    "restore",
    epilog="""\b
Examples:
  fleet db restore history.fleet

The file is looked through first. Rows that are there already stay as they are, so it does no harm
to restore twice, or to run it again after it was broken off.""",
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
@config_option
@click.pass_obj
def restore_command(outer: Path | None, file: Path, as_json: bool, config: Path | None) -> None:
    """Bring the history in FILE into the database."""
    from fleet.cli.db_archive import bring_back

    bring_back(config or outer, file, as_json=as_json)


@command.command(
    "upgrade",
    epilog="""\b
Examples:
  fleet db upgrade                   after TimescaleDB was installed, or with a newer fleet
  fleet db upgrade --from embedded   after [storage] url was set: history comes along

Stop fleet first. What rows come from is not touched; that they all came is counted.""",
)
@click.option(
    "--from",
    "source",
    type=click.Choice(["embedded"]),
    help="Bring the history of the embedded database into the one of [storage] url.",
)
@json_option
@config_option
@click.pass_obj
def upgrade_command(
    outer: Path | None, source: str | None, as_json: bool, config: Path | None
) -> None:
    """Bring history along to another server, edition or version of PostgreSQL.

    A plain database that has got TimescaleDB is reshaped in place. An embedded one that an older
    PostgreSQL made is moved into a new one.
    """
    from fleet.cli.db_upgrade import upgrade

    upgrade(config or outer, source, as_json=as_json)


@command.command(
    "prune",
    epilog="""\b
Examples:
  fleet db prune --dry-run                        what is older than [storage.retention] says
  fleet db prune --table logs --older-than 12h    logs of the last twelve hours stay
  fleet db prune --older-than 90d --yes

fleet does this by itself every hour, a partition at a time; here it is to the row. Samples stay
until they are rolled up.""",
)
@click.option(
    "--older-than", type=Point(), metavar="AGE", help="Instead of what [storage.retention] says."
)
@click.option(
    "--table",
    "kinds",
    multiple=True,
    type=click.Choice(KINDS),
    help="Only this kind of history, named as in [storage.retention]; repeat it for several.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would go.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
@config_option
@click.pass_obj
def prune_command(
    outer: Path | None,
    older_than: datetime | None,
    kinds: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    as_json: bool,
    config: Path | None,
) -> int:
    """Delete old history now."""
    from fleet.cli.db_prune import clear_out

    return clear_out(config or outer, kinds, older_than, dry_run=dry_run, yes=yes, as_json=as_json)
