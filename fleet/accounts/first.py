"""The first account: a link that makes it, once, for who starts fleet at a terminal."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import anyio

from fleet.accounts.audit import told
from fleet.accounts.secret import hash_of, new_secret
from storage.accounts import (
    AccountRefusedError,
    LinkRecord,
    add_link,
    count_accounts,
)
from storage.database import Database
from storage.errors import DatabaseAwayError, StorageError
from web.access.people import Visitor

log = logging.getLogger(__name__)

HOLDS = timedelta(hours=1)
AGAIN = 5.0  # seconds, while the database is away


async def make_link(
    database: Database, account: str | None, by: str, visitor: Visitor | None = None
) -> str:
    """A link for an account's password, or, without one, for the first account; its secret.

    `visitor` is who asks for it, None for a command on this machine.

    Raises:
        AccountRefusedError: There is no such account, or there is a first one already.
        StorageError: As `Database.write`.
    """
    secret, now = new_secret(), datetime.now(UTC)
    hash_ = hash_of(secret)
    assert hash_ is not None  # noqa: S101 - it is a new secret
    link = LinkRecord(hash=hash_, account=account, created=now, created_by=by, expires=now + HOLDS)
    detail = "for the first account" if account is None else f"for the password of {account}"
    await add_link(database, link, told("link-created", by, visitor, detail, now))
    return secret


def path_of(secret: str) -> str:
    """Where a browser uses it. What is behind the # is not sent, so no log on the way has it."""
    return f"/welcome#{secret}"


async def welcome_first(database: Database, show: Callable[[str], None] | None) -> None:
    """Where there is no account yet, show how to make one.

    Args:
        database: Where accounts are kept.
        show: Shows the path of a link to a person at a terminal; None: there is none, and the log
            says what makes a link. The link itself never goes there.
    """
    while True:
        try:
            await database.prepare()
            if await count_accounts(database):
                return
            if show is None:
                log.info("nobody has an account yet: `fleet user link` shows how to make the first")
                return
            show(path_of(await make_link(database, None, "fleet up")))
        except DatabaseAwayError:
            await anyio.sleep(AGAIN)
        except (StorageError, AccountRefusedError):  # told of by who keeps sessions, or made now
            return
        else:
            return
