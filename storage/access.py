"""Tokens as they are stored, and the audit of what was done with them and with accounts.

Who a token is for is read often and changes rarely: `access_version` tells whether to read again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from storage.asking import MOST_ROWS, ask, rows
from storage.database import Database
from storage.rows import AuditRow
from storage.sessions import Connection
from storage.statements import statements
from storage.tables import clean

MOST_TOKENS = 10_000  # that are valid at once


class TokenRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One token, also one that was revoked or has expired.

    `hash` is the SHA-256 of the whole token. `scope` has labels of hosts, KEY or KEY=VALUE. `used`
    is up to a minute old.
    """

    id: str
    name: str
    hash: bytes
    role: str
    scope: list[str]
    created: datetime
    created_by: str
    expires: datetime | None
    revoked: datetime | None = None
    revoked_by: str | None = None
    used: datetime | None = None
    used_from: str | None = None


class TokenRefusedError(Exception):
    """A token cannot be made; the message says why."""


async def access_version(database: Database) -> int:
    """Grows with every change of tokens, accounts and sessions.

    Raises:
        StorageError: the database is away, or refuses.
    """
    sql = statements()["access_version"]
    (found,) = await database.read(lambda connection: connection.execute(sql).fetchall())
    return int(str(found[0]))


async def tokens(database: Database) -> list[TokenRecord]:
    """All tokens, the oldest first.

    Raises:
        StorageError: as above.
    """
    return await ask(database, TokenRecord, "access_tokens", {"limit": 10 * MOST_TOKENS})


async def add_token(database: Database, token: TokenRecord, address: str) -> None:
    """Store a new token, and that it was made; `address` is where from, empty for this machine.

    Raises:
        TokenRefusedError: another one that is in use has its name, or there are very many.
        StorageError: as above.
    """
    hosts = " and ".join(token.scope) or "all hosts"
    until = "for ever" if token.expires is None else f"until {token.expires:%Y-%m-%d %H:%M} UTC"
    audit = AuditRow(
        time=token.created,
        kind="token-created",
        who=token.created_by,
        address=address,
        detail=f"{token.name} ({token.id}): {token.role} of {hosts}, {until}",
    )

    def work(connection: Connection) -> None:
        with connection.transaction():
            (found,) = connection.execute(statements()["count_tokens"]).fetchall()
            if int(str(found[0])) >= MOST_TOKENS:
                raise TokenRefusedError(f"There are {MOST_TOKENS:,} tokens. Revoke some first.")
            values = {**msgspec.structs.asdict(token), "scope": Jsonb(token.scope)}
            try:
                connection.execute(statements()["add_token"], values)
            except psycopg.errors.UniqueViolation:
                detail = f"There is a token called {token.name!r}. Take another name, or revoke it."
                raise TokenRefusedError(detail) from None
            write_down(connection, audit)

    await database.write(work)


async def revoke_token(database: Database, ref: str, by: str, address: str) -> TokenRecord | None:
    """Revoke the token of this id or name; None if there is none, or it was revoked before.

    `by` is who does it, `address` where from, as in `AuditRow`.

    Raises:
        StorageError: as above.
    """

    def work(connection: Connection) -> TokenRecord | None:
        with connection.transaction():
            wanted = {"ref": clean(ref), "by": by}
            revoked = rows(connection, TokenRecord, "revoke_token", wanted)
            for token in revoked:
                audit = AuditRow(
                    time=token.revoked or datetime.now(UTC),
                    kind="token-revoked",
                    who=by,
                    address=address,
                    detail=f"{token.name} ({token.id})",
                )
                write_down(connection, audit)
        return revoked[0] if revoked else None

    return await database.write(work)


def write_down(connection: Connection, audit: AuditRow) -> None:
    """In the transaction of what was done: the recorder's way would be another one."""
    values = {
        name: clean(value) if isinstance(value, str) else value
        for name, value in msgspec.structs.asdict(audit).items()
    }
    connection.execute(statements()["add_audit"], values)


async def note_uses(database: Database, uses: Mapping[str, tuple[datetime, str]]) -> None:
    """Write down when tokens (by id) were last used, and from which address.

    Raises:
        StorageError: as above.
    """
    wanted = [{"id": id_, "time": time, "address": at} for id_, (time, at) in sorted(uses.items())]

    def work(connection: Connection) -> None:
        with connection.transaction():
            connection.cursor().executemany(statements()["note_token_use"], wanted)

    await database.write(work)


async def audit(
    database: Database,
    *,
    kind: str | None = None,
    who: str | None = None,
    address: str | None = None,
    since: datetime | None = None,
    before: datetime | None = None,
    behind: tuple[datetime, str, str, str] | None = None,
    limit: int = 100,
) -> list[AuditRow]:
    """What was done, newest first; None means any. `since` is inclusive, `before` exclusive.

    `behind` is an entry's time, kind, who and address, for those that come after it here.

    Raises:
        StorageError: as above.
    """
    place = ("infinity", "", "", "") if behind is None else behind
    wanted = {
        **{
            name: None if value is None else clean(value)
            for name, value in {"kind": kind, "who": who, "address": address}.items()
        },
        "since": "-infinity" if since is None else since,
        "before": "infinity" if before is None else before,
        "behind_time": place[0],
        "behind_kind": clean(place[1]),
        "behind_who": clean(place[2]),
        "behind_address": clean(place[3]),
        "limit": min(limit, MOST_ROWS),
    }
    return await ask(database, AuditRow, "audit", wanted)
