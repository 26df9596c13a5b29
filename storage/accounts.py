"""Accounts of people as they are stored, and links that set a password once.

Each change is made together with its row of the audit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
from psycopg.types.json import Jsonb

from storage.access import write_down
from storage.asking import ask, rows
from storage.database import Database
from storage.rows import AuditRow
from storage.sessions import Connection
from storage.statements import statements
from storage.tables import clean

T = TypeVar("T")

MOST_ACCOUNTS = 10_000


class AccountRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One account. `scope` has labels of hosts, KEY or KEY=VALUE.

    `password` is what argon2 makes of one. Who logs in elsewhere has none, but an `issuer`, and a
    `subject` there.
    """

    name: str
    password: str | None
    issuer: str | None = None
    subject: str | None = None
    role: str
    scope: list[str]
    created: datetime
    created_by: str
    changed: datetime
    disabled: datetime | None = None
    last_login: datetime | None = None


class LinkRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A link that sets the password of `account`, or, without one, makes the first account."""

    hash: bytes
    account: str | None
    created: datetime
    created_by: str
    expires: datetime


class AccountRefusedError(Exception):
    """An account cannot be made; the message says why."""


class LastAdminError(Exception):
    """Nobody could log in as an admin any more."""


def is_last_admin(accounts: Sequence[AccountRecord], name: str) -> bool:
    """Whether `name` is an admin that may log in, and nobody else is who can."""
    admins = {one.name: one for one in accounts if one.role == "admin" and one.disabled is None}
    if name not in admins:
        return False
    return not any(one.password or one.issuer for one in admins.values() if one.name != name)


async def accounts(database: Database) -> list[AccountRecord]:
    """All accounts, by name.

    Raises:
        StorageError: as `Database.read`.
    """
    return await ask(database, AccountRecord, "accounts", {"name": None, "limit": MOST_ACCOUNTS})


async def find_account(database: Database, name: str) -> AccountRecord | None:
    """The account of this name.

    Raises:
        StorageError: as above.
    """
    found = await ask(database, AccountRecord, "accounts", {"name": clean(name), "limit": 1})
    return found[0] if found else None


async def account_of_subject(database: Database, issuer: str, subject: str) -> AccountRecord | None:
    """The account of who is `subject` at `issuer`.

    Raises:
        StorageError: as above.
    """
    wanted = {"issuer": clean(issuer), "subject": clean(subject)}
    found = await ask(database, AccountRecord, "account_of_subject", wanted)
    return found[0] if found else None


async def count_accounts(database: Database) -> int:
    """How many accounts there are.

    Raises:
        StorageError: as above.
    """
    return await database.read(_count)


def _count(connection: Connection) -> int:
    (found,) = connection.execute(statements()["count_accounts"]).fetchall()
    return int(str(found[0]))


async def add_account(
    database: Database, account: AccountRecord, audit: AuditRow, link: bytes | None = None
) -> None:
    """Store a new account.

    Args:
        database: Where.
        account: What to store.
        audit: What is told of it.
        link: The hash of the link that makes the first one; it must hold, and is used up.

    Raises:
        AccountRefusedError: Its name is taken, there are very many, or the link holds no more.
        StorageError: as `Database.write`.
    """

    def work(connection: Connection) -> None:
        connection.execute(statements()["lock_accounts"])
        many = _count(connection)
        if link is not None and (many or not _use(connection, link)):
            raise AccountRefusedError("This link was used, is too old, or is not needed any more.")
        if many >= MOST_ACCOUNTS:
            raise AccountRefusedError(f"There are {many:,} accounts. Remove some first.")
        _insert(connection, account)
        connection.execute(statements()["end_links"], {"account": None})  # it is the first no more
        write_down(connection, audit)

    await change(database, work)


def _insert(connection: Connection, account: AccountRecord) -> None:
    values = {
        **msgspec.structs.asdict(account),
        "name": clean(account.name),
        "scope": Jsonb([clean(label) for label in account.scope]),
    }
    if not connection.execute(statements()["add_account"], values).rowcount:
        raise AccountRefusedError(f"There is an account called {account.name!r}.")


def _use(connection: Connection, link: bytes) -> list[LinkRecord]:
    return rows(connection, LinkRecord, "use_link", {"hash": link})


async def change_account(
    database: Database,
    name: str,
    audit: AuditRow,
    *,
    password: str | None = None,
    role: str | None = None,
    scope: list[str] | None = None,
    disabled: bool | None = None,
    keep_session: str | None = None,
    link: bytes | None = None,
    keep_admin: bool = False,
) -> bool:
    """Change what is given; returns whether there is such an account, and the link holds.

    A new password ends all sessions but that with the id `keep_session`, and all links. So does
    disabling. `link` is the hash of the link that allows it, which is used up. `keep_admin`: not
    if that shuts out the last admin.

    Raises:
        LastAdminError: It would.
        StorageError: as `Database.write`.
    """
    wanted = {
        "name": clean(name),
        "password": password,
        "role": role,
        "scope": None if scope is None else Jsonb([clean(label) for label in scope]),
        "disabled": disabled,
    }

    def work(connection: Connection) -> bool:
        if link is not None and [used.account for used in _use(connection, link)] != [name]:
            return False
        if keep_admin and (disabled or role not in (None, "admin")):
            _check_admins(connection, name)
        if not connection.execute(statements()["change_account"], wanted).rowcount:
            return False
        if password is not None or disabled:
            ended = {"account": clean(name), "but": keep_session or ""}
            connection.execute(statements()["end_sessions"], ended)
            connection.execute(statements()["end_links"], ended)
        write_down(connection, audit)
        return True

    return await change(database, work)


async def rehash_password(database: Database, name: str, before: str, password: str) -> None:
    """Store the same password hashed with other parameters, unless it was changed meanwhile.

    Raises:
        StorageError: as `Database.write`.
    """
    wanted = {"name": clean(name), "before": before, "password": password}
    await change(
        database, lambda connection: connection.execute(statements()["rehash_password"], wanted)
    )


def _check_admins(connection: Connection, name: str) -> None:
    """Under the lock that all who make or shut out accounts take."""
    connection.execute(statements()["lock_accounts"])
    found = rows(connection, AccountRecord, "accounts", {"name": None, "limit": MOST_ACCOUNTS})
    if is_last_admin(found, name):
        raise LastAdminError(name)


async def remove_account(
    database: Database, name: str, audit: AuditRow, *, keep_admin: bool = False
) -> bool:
    """Remove an account with its sessions; returns whether there was one.

    `keep_admin`: not if it is the last admin who can log in.

    Raises:
        LastAdminError: It is.
        StorageError: as `Database.write`.
    """

    def work(connection: Connection) -> bool:
        if keep_admin:
            _check_admins(connection, name)
        removed = connection.execute(statements()["remove_account"], {"name": clean(name)})
        if removed.rowcount:
            write_down(connection, audit)
        return bool(removed.rowcount)

    return await change(database, work)


async def add_link(database: Database, link: LinkRecord, audit: AuditRow) -> None:
    """Store a new link, in place of those that did the same.

    Raises:
        AccountRefusedError: There is an account already, or none of the link's.
        StorageError: as `Database.write`.
    """

    def work(connection: Connection) -> None:
        connection.execute(statements()["lock_accounts"])
        if link.account is None and _count(connection):
            raise AccountRefusedError("There is an account already.")
        wanted = {"name": link.account, "limit": 1}
        if link.account is not None and not rows(connection, AccountRecord, "accounts", wanted):
            raise AccountRefusedError(f"There is no account called {link.account!r}.")
        connection.execute(statements()["end_links"], {"account": link.account})
        connection.execute(statements()["add_link"], msgspec.structs.asdict(link))
        write_down(connection, audit)

    await change(database, work)


async def find_link(database: Database, hash_: bytes) -> LinkRecord | None:
    """The link with this hash, if it holds.

    Raises:
        StorageError: as `Database.read`.
    """
    found = await ask(database, LinkRecord, "links", {"hash": hash_})
    return found[0] if found else None


async def change(database: Database, work: Callable[[Connection], T]) -> T:
    """Do `work` in one transaction.

    Raises:
        StorageError: as `Database.write`.
    """

    def together(connection: Connection) -> T:
        with connection.transaction():
            return work(connection)

    return await database.write(together)
