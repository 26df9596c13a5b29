"""What `fleet user` does, directly on the database."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO, TypeVar

import click

from config.models import Config
from fleet.access.making import check_labels
from fleet.accounts.audit import told
from fleet.accounts.first import make_link, path_of
from fleet.accounts.names import MOST, checked_name, checked_password
from fleet.accounts.passwords import Passwords
from fleet.accounts.roster import user_of
from fleet.cli.db_run import with_database
from fleet.cli.errors import FAILED, OK, CommandError
from fleet.cli.output import note, write, write_json
from fleet.cli.settings import FROM_ELSEWHERE, is_everywhere, load_config, url_of
from fleet.cli.table import Cell, Column, Table, cell, write_table
from fleet.cli.token_work import who
from fleet.cli.user_guard import agreed, warn_unseen
from storage.account_sessions import end_sessions
from storage.accounts import (
    AccountRecord,
    AccountRefusedError,
    accounts,
    add_account,
    change_account,
    is_last_admin,
    remove_account,
)
from storage.database import Database
from storage.rows import AuditRow
from web.access.desk import DeskRefusedError
from web.access.documents import UserDocument, UsersDocument
from web.access.model import Role
from web.access.people import PasswordRefusedError

T = TypeVar("T")

_COLUMNS = (
    Column("NAME"),
    Column("ROLE"),
    Column("HOSTS", rank=1),
    Column("LOGS IN"),
    Column("LAST LOGIN", rank=1),
    Column("CREATED", rank=2),
)


def add(
    explicit: Path | None,
    name: str,
    role: Role,
    labels: tuple[str, ...],
    password_file: TextIO | None,
    *,
    by_link: bool,
) -> None:
    """Make an account, with a password or a link to set one.

    Raises:
        CommandError: It is not made, or the database is away.
    """
    if by_link and password_file is not None:
        raise CommandError("--link and --password-file do not go together")
    name = _checked(lambda: checked_name(name))
    _checked(lambda: check_labels(role, labels))
    password = None if by_link else _read_password(name, password_file)
    now = datetime.now(UTC)

    async def work(config: Config, database: Database) -> None:
        record = AccountRecord(
            name=name,
            password=None if password is None else await Passwords().hash(password),
            role=role,
            scope=list(labels),
            created=now,
            created_by=who(),
            changed=now,
        )
        hosts = " and ".join(labels) or "all hosts"
        await add_account(database, record, _told("account-created", f"{name}: {role} of {hosts}"))
        warn_unseen(config.hosts, labels)

    _run(explicit, work)
    note(f"fleet: made the account {name}: {role} of {' '.join(labels) or 'all hosts'}")
    if by_link:
        link(explicit, name)


def show_all(explicit: Path | None, *, as_json: bool) -> None:
    """List accounts.

    Raises:
        CommandError: The database is away.
    """

    async def work(_config: Config, database: Database) -> list[AccountRecord]:
        await database.prepare()
        return await accounts(database)

    found = [user_of(record) for record in _run(explicit, work)]
    if as_json:
        write_json(UsersDocument(users=tuple(found)))
        return
    write_table(Table(_COLUMNS, [_row(user) for user in found]))
    if not found:
        note("fleet: there are no accounts; `fleet user add NAME` makes one")


def passwd(explicit: Path | None, name: str, password_file: TextIO | None) -> None:
    """Set another password.

    Raises:
        CommandError: There is no such account, or the database is away.
    """
    password = _read_password(name, password_file)

    async def work(_config: Config, database: Database) -> bool:
        stored = await Passwords().hash(password)
        audit = _told("password-changed", name)
        return await change_account(database, name, audit, password=stored)

    _known(_run(explicit, work), name)
    note(f"fleet: {name} has another password; all sessions ended")


def set_role(
    explicit: Path | None, name: str, role: Role, labels: tuple[str, ...], *, yes: bool
) -> int:
    """Set role and scope.

    Raises:
        CommandError: There is no such account, or the database is away; or there is nobody to ask.
    """
    _checked(lambda: check_labels(role, labels))
    hosts = " and ".join(labels) or "all hosts"

    async def work(config: Config, database: Database) -> bool:
        audit = _told("account-changed", f"{name}: {role} of {hosts}")
        found = await change_account(database, name, audit, role=role, scope=list(labels))
        if found:
            warn_unseen(config.hosts, labels)
        return found

    if not yes and role != "admin" and not _may_shut_out(explicit, name, f"make it {role}"):
        return FAILED
    _known(_run(explicit, work), name)
    note(f"fleet: {name} is {role} of {hosts}")
    return OK


def link(explicit: Path | None, name: str | None) -> None:
    """Print a one-time link.

    Raises:
        CommandError: There is no such account, or one already; or the database is away.
    """

    async def work(_config: Config, database: Database) -> str:
        return await make_link(database, name, who())

    path = path_of(_run(explicit, work))
    config = load_config(explicit, check_files=False)
    write((config.access.public_url or url_of(config.fleet)).rstrip("/") + path)
    if config.access.public_url is None and is_everywhere(config.fleet.listen):
        note(f"fleet: {FROM_ELSEWHERE}")
    what = "makes the first account, an admin's" if name is None else f"sets the password of {name}"
    note(f"fleet: this link {what}: once, within an hour. Give it to nobody else.")


def logout(explicit: Path | None, name: str) -> None:
    """End all sessions.

    Raises:
        CommandError: The database is away.
    """

    async def work(_config: Config, database: Database) -> int:
        return await end_sessions(
            database, name, lambda many: _told("logout", f"{many} sessions of {name}")
        )

    many = _run(explicit, work)
    note(f"fleet: {many} session{'' if many == 1 else 's'} of {name} ended")


def disable(explicit: Path | None, name: str, *, yes: bool) -> int:
    """Disable an account.

    Raises:
        CommandError: There is no such account, or the database is away; or there is nobody to ask.
    """
    if not yes and not _may_shut_out(explicit, name, "disable it"):
        return FAILED
    _known(_set_disabled(explicit, name, disabled=True), name)
    note(f"fleet: {name} cannot log in any more; all sessions ended")
    return OK


def enable(explicit: Path | None, name: str) -> None:
    """Undo `disable`.

    Raises:
        CommandError: There is no such account, or the database is away.
    """
    _known(_set_disabled(explicit, name, disabled=False), name)
    note(f"fleet: {name} may log in")


def remove(explicit: Path | None, name: str, *, yes: bool) -> int:
    """Remove an account.

    Raises:
        CommandError: There is no such account, or the database is away; or there is nobody to ask.
    """

    async def work(_config: Config, database: Database) -> bool:
        return await remove_account(database, name, _told("account-removed", name))

    if not yes and not _may_shut_out(explicit, name, "remove it", always=True):
        return FAILED
    _known(_run(explicit, work), name)
    note(f"fleet: removed the account {name}")
    return OK


def _set_disabled(explicit: Path | None, name: str, *, disabled: bool) -> bool:
    kind = "account-disabled" if disabled else "account-enabled"

    async def work(_config: Config, database: Database) -> bool:
        return await change_account(database, name, _told(kind, name), disabled=disabled)

    return _run(explicit, work)


def _may_shut_out(explicit: Path | None, name: str, what: str, *, always: bool = False) -> bool:
    """Whether it was agreed to, where `name` is the last admin; or `always` asked."""

    async def look(_config: Config, database: Database) -> list[AccountRecord]:
        await database.prepare()
        return await accounts(database)

    found = _run(explicit, look)
    _known(any(one.name == name for one in found), name)
    if is_last_admin(found, name):
        return agreed(f"{name} is the last admin who can log in: {what} nevertheless?")
    return not always or agreed(f"The account {name} and its sessions: {what}?")


def _run(explicit: Path | None, work: Callable[[Config, Database], Awaitable[T]]) -> T:
    try:
        return with_database(explicit, work)
    except AccountRefusedError as error:
        raise CommandError(str(error), "`fleet user list` shows all accounts") from error


def _checked(check: Callable[[], T]) -> T:
    try:
        return check()
    except (PasswordRefusedError, DeskRefusedError) as error:
        raise CommandError(str(error)) from error


def _known(found: bool, name: str) -> None:
    if not found:
        raise CommandError(
            f"there is no account called {name!r}", "`fleet user list` shows all accounts"
        )


def _read_password(name: str, file: TextIO | None) -> str:
    """A password that is fit to be one; never an argument, which other users could see."""
    if file is not None:
        password = file.read(MOST + 2).removesuffix("\n").removesuffix("\r")
    elif sys.stdin.isatty():
        password = click.prompt(
            f"Password for {name}", hide_input=True, confirmation_prompt=True, err=True
        )
    else:
        raise CommandError(
            "there is nobody to ask for the password",
            "use --password-file FILE, or - for stdin; or --link with `fleet user add`",
        )
    return _checked(lambda: checked_password(password, name))


def _told(kind: str, detail: str) -> AuditRow:
    return told(kind, who(), None, detail, datetime.now(UTC))


def _row(user: UserDocument) -> list[Cell]:
    how = "with a password" if user.has_password else user.issuer or "by a link, once"
    return [
        cell(user.name, "dim" if user.disabled else "strong"),
        cell(user.role),
        cell(" ".join(user.labels) or "all hosts"),
        cell("disabled" if user.disabled else how, "warn" if user.disabled else ""),
        cell(f"{user.last_login.astimezone():%Y-%m-%d %H:%M}" if user.last_login else "never"),
        cell(f"{user.created.astimezone():%Y-%m-%d %H:%M}"),
    ]
