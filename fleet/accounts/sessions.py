"""The sessions of browsers in memory: who asks is known without asking the database.

They are read anew when something changed, told by the version that all of access shares, every two
seconds. A cookie that is not known is looked for once: another process may have made it just now.
While the database is away, those that are known hold. It runs on trio and on asyncio.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import anyio
import msgspec

from fleet.access.keeper import Started
from fleet.access.leases import Leases
from fleet.accounts.secret import hash_of
from storage.access import access_version
from storage.account_sessions import SessionRecord, find_session, note_seen, sessions
from storage.database import Database
from storage.errors import StorageError
from web.access.model import Access, Role
from web.access.people import OwnAccount, SessionFacts
from web.selection import parse_labels

log = logging.getLogger(__name__)

EVERY = 2.0  # seconds between looks for changes
PATIENCE = 2.0  # seconds that a cookie which is not known waits for a look
LOOKS = 2  # for such cookies at once
AT_START = 5.0
FLUSH = 60.0  # seconds between what is written of uses
LAST = 2.0  # seconds for the last of it


class SessionKeeper:
    """Knows whose session a cookie is, and ends what was begun with one that ended.

    Args:
        database: Where they are kept.
        idle: How long one may not be used before it ends.
        seen: Told of each session, by account and address, as it is read.
        now: The time, in UTC.
    """

    def __init__(
        self,
        database: Database,
        idle: timedelta,
        seen: Callable[[str, str], None] = lambda _name, _address: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._idle = idle
        self._told = seen
        self._now = now
        self._sessions: dict[bytes, SessionRecord] = {}
        self._by_id: dict[str, SessionRecord] = {}
        self._seen: dict[str, datetime] = {}  # that is not written yet
        self._version: int | None = None
        self._changes = 0  # made here
        self._looks = anyio.CapacityLimiter(LOOKS)
        self._leases = Leases(self._is_as_it_was)
        self._is_away = False

    # For the authority

    async def by_session(self, cookie: str) -> Access | None:
        """Whose session this is, by the value of its cookie; None for nobody's."""
        hash_ = hash_of(cookie)
        if hash_ is None:
            return None
        found = self._sessions.get(hash_)
        if found is None or not self._holds(found):  # another process may know more of it
            found = await self._find(hash_)
        if found is None or not self._holds(found):
            return None
        self._use(found)
        return _access(found)

    def lease(self, access: Access, scope: anyio.CancelScope) -> AbstractContextManager[None]:
        """Cancel `scope` once the session holds no more, or means something else."""
        return self._leases.take(access, scope)

    # For people

    def add(self, session: SessionRecord) -> Access:
        """One that has begun here."""
        self._changes += 1
        self._keep(session)
        return _access(session)

    def forget(self, ended: Callable[[SessionRecord], bool]) -> None:
        """Those that have ended here; what was begun with them ends."""
        self._changes += 1
        for each in [session for session in self._sessions.values() if ended(session)]:
            del self._sessions[each.hash], self._by_id[each.id]
            self._seen.pop(each.id, None)
        self._leases.end()

    def own(self, access: Access) -> OwnAccount:
        """The account of a session."""
        found = [each for each in self._by_id.values() if each.account == access.name]
        found.sort(key=lambda each: each.seen, reverse=True)
        facts = tuple(
            SessionFacts(
                id=each.id,
                created=each.created,
                seen=each.seen,
                address=each.address,
                agent=each.agent,
            )
            for each in found
            if self._holds(each)
        )
        return OwnAccount(has_password=any(each.has_password for each in found), sessions=facts)

    # Keeping up

    async def run(self, *, task_status: Started) -> None:
        """Follow the database until cancelled. Started once the sessions are known."""
        with anyio.move_on_after(AT_START):
            await self._look()
        task_status.started()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._flush_often)
            while True:
                await anyio.sleep(EVERY)
                await self._look()
                self._leases.end()  # of those that expire, too

    async def _look(self) -> None:
        try:
            version = await access_version(self._database)
            changes = self._changes
            if version != self._version:
                found = await sessions(self._database, self._idle)
                if changes == self._changes:  # else it may be older than what was done here
                    self._take(found)
                    self._version = version
        except StorageError as error:
            self._tell(str(error))
        else:
            self._tell(None)

    async def _find(self, hash_: bytes) -> SessionRecord | None:
        with anyio.move_on_after(PATIENCE):
            async with self._looks:
                try:
                    found = await self._asked(hash_)
                except StorageError as error:
                    self._tell(str(error))
                    return None
            if found is not None:
                self._keep(found)
            return found
        return None

    async def _asked(self, hash_: bytes) -> SessionRecord | None:
        """What the database knows now: if one ended here meanwhile, that may be this one."""
        while True:
            changes = self._changes
            found = await find_session(self._database, hash_, self._idle)
            if changes == self._changes:
                return found

    def _take(self, found: list[SessionRecord]) -> None:
        before, self._sessions, self._by_id = self._by_id, {}, {}
        for session in found:
            known = before.get(session.id)
            if known is not None and known.seen > session.seen:  # more is known here than there
                session = msgspec.structs.replace(session, seen=known.seen)
            self._keep(session)
        self._seen = {id_: seen for id_, seen in self._seen.items() if id_ in self._by_id}
        self._leases.end()

    def _keep(self, session: SessionRecord) -> None:
        self._sessions[session.hash] = self._by_id[session.id] = session
        self._told(session.account, session.address)

    def _use(self, session: SessionRecord) -> None:
        now = self._now()
        self._seen[session.id] = now
        used = msgspec.structs.replace(session, seen=now)
        self._sessions[session.hash] = self._by_id[session.id] = used

    def _holds(self, session: SessionRecord) -> bool:
        now = self._now()
        return now < session.expires and now < session.seen + self._idle

    def _is_as_it_was(self, access: Access) -> bool:
        known = self._by_id.get(access.id)
        return known is not None and self._holds(known) and _access(known) == access

    def _tell(self, trouble: str | None) -> None:
        if (trouble is not None) != self._is_away:
            self._is_away = trouble is not None
            if trouble is not None:
                log.warning("sessions are not read anew, those that are known hold: %s", trouble)
            else:
                log.info("sessions are read anew again")

    async def _flush_often(self) -> NoReturn:
        try:
            while True:
                await anyio.sleep(FLUSH)
                self.forget(lambda session: not self._holds(session))
                await self._flush()
        finally:
            with anyio.move_on_after(LAST, shield=True):
                await self._flush()

    async def _flush(self) -> None:
        seen, self._seen = self._seen, {}
        if not seen:
            return
        try:
            await note_seen(self._database, seen)
        except StorageError:  # told of by the look
            self._seen = {**seen, **self._seen}


def _access(session: SessionRecord) -> Access:
    role: Role = session.role  # type: ignore[assignment]  # only roles are stored
    return Access(
        kind="session",
        id=session.id,
        name=session.account,
        role=role,
        scope=parse_labels(session.scope),
        expires=session.expires,
    )
