"""Sessions of people in browsers, as they are stored: what proves one is not among it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from storage.access import write_down
from storage.accounts import change
from storage.asking import ask
from storage.database import Database
from storage.rows import AuditRow
from storage.sessions import Connection
from storage.statements import statements
from storage.tables import clean

MOST_SESSIONS = 20  # of one account; one more ends the oldest
MOST_ALL_SESSIONS = 20_000  # that are read at once


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One session that may be used, with the role and scope of its account as they are now.

    `hash` is the SHA-256 of what its cookie holds; `seen` is up to a minute old.
    """

    id: str
    hash: bytes
    account: str
    role: str
    scope: list[str]
    has_password: bool
    created: datetime
    seen: datetime
    expires: datetime
    address: str
    agent: str


async def sessions(database: Database, idle: timedelta) -> list[SessionRecord]:
    """The sessions that may be used now, the last used first; `idle` is how long one may be quiet.

    Raises:
        StorageError: as `Database.read`.
    """
    wanted = {"idle": idle, "hash": None, "limit": MOST_ALL_SESSIONS}
    return await ask(database, SessionRecord, "sessions", wanted)


async def find_session(database: Database, hash_: bytes, idle: timedelta) -> SessionRecord | None:
    """The one session with this hash, if it may be used.

    Raises:
        StorageError: as above.
    """
    wanted = {"idle": idle, "hash": hash_, "limit": 1}
    found = await ask(database, SessionRecord, "sessions", wanted)
    return found[0] if found else None


async def add_session(
    database: Database,
    session: SessionRecord,
    password: str | None,
    audit: AuditRow,
    replaces: bytes | None = None,
) -> bool:
    """Begin a session, unless the account was removed, disabled or got another password meanwhile.

    `password` is the hash that was looked at; `replaces` the hash of the session that the browser
    had before.

    Raises:
        StorageError: as `Database.write`.
    """
    values = {
        **msgspec.structs.asdict(session),
        "address": clean(session.address),
        "agent": clean(session.agent),
    }

    def work(connection: Connection) -> bool:
        login = {"name": session.account, "time": session.created, "password": password}
        if not connection.execute(statements()["note_login"], login).rowcount:
            return False
        if replaces is not None:
            connection.execute(statements()["end_session"], {"hash": replaces})
        connection.execute(statements()["add_session"], values)
        most = {"account": session.account, "most": MOST_SESSIONS}
        connection.execute(statements()["end_old_sessions"], most)
        write_down(connection, audit)
        return True

    return await change(database, work)


async def end_session(database: Database, hash_: bytes, audit: AuditRow) -> bool:
    """End one session; returns whether there was one.

    Raises:
        StorageError: as `Database.write`.
    """

    def work(connection: Connection) -> bool:
        ended = connection.execute(statements()["end_session"], {"hash": hash_})
        if ended.rowcount:
            write_down(connection, audit)
        return bool(ended.rowcount)

    return await change(database, work)


async def end_sessions(
    database: Database, name: str, audit: Callable[[int], AuditRow], but: str = ""
) -> int:
    """End all sessions of an account, but that with the id `but`; returns how many.

    `audit` makes the row of the audit from how many they were.

    Raises:
        StorageError: as `Database.write`.
    """
    wanted = {"account": clean(name), "but": but}

    def work(connection: Connection) -> int:
        ended = connection.execute(statements()["end_sessions"], wanted).rowcount
        if ended:
            write_down(connection, audit(ended))
        return ended

    return await change(database, work)


async def note_seen(database: Database, seen: Mapping[str, datetime]) -> None:
    """Write down when sessions, by id, were last used.

    Raises:
        StorageError: as `Database.write`.
    """
    wanted = [{"id": id_, "time": time} for id_, time in sorted(seen.items())]
    await change(
        database,
        lambda connection: connection.cursor().executemany(statements()["note_seen"], wanted),
    )
