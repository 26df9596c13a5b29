"""What `fleet token` does, directly on the database."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from pathlib import Path

from config.models import Config
from fleet.access.making import document_of, make_token
from fleet.cli.db_run import with_database
from fleet.cli.errors import CommandError
from fleet.cli.output import note, write, write_json
from fleet.cli.table import Cell, Column, Table, cell, write_table
from fleet.cli.user_guard import warn_unseen
from storage.access import revoke_token, tokens
from storage.database import Database
from web.access.desk import DeskRefusedError, TokenWanted
from web.access.documents import NewTokenDocument, TokenDocument, TokensDocument
from web.access.model import Role

HERE = ""  # the address of a command on fleet's machine
_COLUMNS = (
    Column("NAME"),
    Column("ID"),
    Column("ROLE"),
    Column("HOSTS", rank=1),
    Column("EXPIRES", rank=1),
    Column("LAST USED"),
    Column("FROM", rank=2),
)


def create(
    explicit: Path | None,
    name: str,
    role: Role,
    labels: tuple[str, ...],
    expires: str,
    *,
    as_json: bool,
) -> None:
    """Make a token and print it.

    Raises:
        CommandError: It is not made, or the database is away.
    """
    wanted = TokenWanted(name=name, role=role, labels=labels, expires=expires)

    async def work(config: Config, database: Database) -> NewTokenDocument:
        made = await make_token(database, wanted, who(), HERE)
        warn_unseen(config.hosts, labels)
        return made

    try:
        made = with_database(explicit, work)
    except DeskRefusedError as error:
        raise CommandError(str(error)) from error
    if as_json:
        write_json(made)
        return
    write(made.token)
    note(f"fleet: the token {made.name} ({made.id}): {made.role} of {_hosts(made)}, {_until(made)}")
    note("  It is shown this once. Send it as `Authorization: Bearer TOKEN`, or set FLEET_TOKEN.")


def show_all(explicit: Path | None, *, also_ended: bool, as_json: bool) -> None:
    """List tokens.

    Raises:
        CommandError: The database is away.
    """

    async def work(_config: Config, database: Database) -> list[TokenDocument]:
        await database.prepare()
        return [document_of(record) for record in await tokens(database)]

    now = datetime.now(UTC)
    found = [one for one in with_database(explicit, work) if also_ended or _ended(one, now) is None]
    if as_json:
        write_json(TokensDocument(tokens=tuple(found)))
        return
    write_table(Table(_COLUMNS, [_row(token, now) for token in found]))
    if not found:
        note("fleet: there are no tokens; `fleet token create NAME` makes one")


def _row(token: TokenDocument, now: datetime) -> list[Cell]:
    ended = _ended(token, now)
    return [
        cell(token.name, "dim" if ended else "strong"),
        cell(token.id),
        cell(token.role),
        cell(_hosts(token)),
        cell(ended or (_day(token.expires) if token.expires else "never"), "warn" if ended else ""),
        cell(_day(token.used) if token.used else "never"),
        cell(token.used_from),
    ]


def revoke(explicit: Path | None, ref: str, *, as_json: bool) -> None:
    """Revoke a token.

    Raises:
        CommandError: There is none, or the database is away.
    """

    async def work(_config: Config, database: Database) -> TokenDocument | None:
        revoked = await revoke_token(database, ref, who(), HERE)
        return None if revoked is None else document_of(revoked)

    revoked = with_database(explicit, work)
    if revoked is None:
        raise CommandError(
            f"no token that is in use has the name or id {ref!r}", "`fleet token list` shows them"
        )
    if as_json:
        write_json(revoked)
    else:
        note(f"fleet: revoked the token {revoked.name} ({revoked.id})")


def who() -> str:
    """Who runs the command, as the audit has it."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (OSError, KeyError):  # the user has no name
        return "command line"


def _hosts(token: TokenDocument) -> str:
    return " ".join(token.labels) or "all hosts"


def _until(token: TokenDocument) -> str:
    return "for ever" if token.expires is None else f"until {_day(token.expires)}"


def _day(time: datetime) -> str:
    return f"{time.astimezone():%Y-%m-%d %H:%M}"


def _ended(token: TokenDocument, now: datetime) -> str | None:
    """How it ended; None while it holds."""
    if token.revoked is not None:
        return f"revoked {_day(token.revoked)}"
    is_over = token.expires is not None and token.expires <= now
    return f"expired {_day(token.expires)}" if is_over and token.expires else None
