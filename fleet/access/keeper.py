"""Keeps the tokens of the database in memory, and ends what was begun with one that ended.

It looks for changes every two seconds, and when a token is shown that it does not know: one that
was made a moment ago works at once, and a revoked one stops within seconds. It runs on trio and on
asyncio.
"""

from __future__ import annotations

import hmac
import logging
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, Protocol

import anyio
import msgspec
from anyio import to_thread

from fleet.access.audit import Audit, Record
from fleet.access.copy import read_copy, write_copy
from fleet.access.leases import Leases
from fleet.access.tokens import hashed, id_of
from storage.access import TokenRecord, access_version, note_uses, tokens
from storage.database import Database
from storage.errors import StorageError
from web.access.model import Access, Refusal, Role
from web.access.static import STATIC, StaticAuthority
from web.selection import parse_labels

log = logging.getLogger(__name__)

EVERY = 2.0  # seconds between looks
SOONEST = 0.25  # seconds between looks that are asked for
PATIENCE = 2.0  # seconds that a token which is not known waits for a look
AT_START = 5.0  # seconds for the first look, before the copy has to do
FLUSH = 60.0  # seconds between what is written of uses and refusals
LAST = 2.0  # seconds for the last of it
MOST_STRANGERS = 1_000  # ids that are remembered to be nobody's


class Started(Protocol):
    """What both trio and anyio hand to a task that tells when it has started."""

    def started(self, value: Any = None) -> None:
        """It has."""
        ...


class SessionAuthority(Protocol):
    """Who knows the sessions of browsers: that part of `web.access.model.Authority`."""

    async def by_session(self, cookie: str) -> Access | None:
        """As `Authority` says."""
        ...

    def lease(self, access: Access, scope: anyio.CancelScope) -> AbstractContextManager[None]:
        """As `Authority` says, of a session."""
        ...


class AccessKeeper:
    """Implements `web.access.model.Authority`.

    Args:
        database: Where tokens are kept.
        path: Where a copy of them is kept, for when the database is away at the start.
        static: The token of the configuration, and what may be done without one.
        record: Takes rows of the audit, and never waits.
        now: The time, in UTC.
        sessions: Who knows the sessions of browsers; None: there are none.
    """

    def __init__(
        self,
        database: Database,
        path: Path,
        static: StaticAuthority,
        record: Record,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sessions: SessionAuthority | None = None,
    ) -> None:
        self._database = database
        self._path = path
        self._static = static
        self._audit = Audit(record)
        self._sessions = sessions
        self._now = now
        self._tokens: dict[str, TokenRecord] = {}
        self._version: int | None = None
        self._known = False
        self._begun = self._ended = 0  # looks
        self._asked = anyio.Event()
        self._looked = anyio.Event()
        self._leases = Leases(self._holds)
        self._strangers: OrderedDict[str, None] = OrderedDict()
        self._trouble: str | None = None

    # Authority

    async def by_token(self, token: str) -> Access | Refusal:
        """Whose token this is, or why it is nobody's any more: told only to who has all of it."""
        if self._static.is_static(token):
            return STATIC
        id_ = id_of(token)
        if id_ is None:
            return "unknown"
        if id_ not in self._tokens and id_ not in self._strangers:
            await self._look_for(id_)
        known = self._tokens.get(id_)
        if known is None:
            return "unknown" if self._known else "unavailable"
        if not hmac.compare_digest(known.hash, hashed(token)):
            return "unknown"
        if known.revoked is not None:
            return "revoked"
        return "expired" if self._is_over(known) else _access(known)

    async def by_session(self, cookie: str) -> Access | None:
        """Whose session this is."""
        return None if self._sessions is None else await self._sessions.by_session(cookie)

    def anonymous(self) -> Access | None:
        """What may be done without a token."""
        return self._static.anonymous()

    def lease(self, access: Access, scope: anyio.CancelScope) -> AbstractContextManager[None]:
        """Cancel `scope` once the access holds no more."""
        if access.kind == "session" and self._sessions is not None:
            return self._sessions.lease(access, scope)
        return self._leases.take(access, scope)

    def used(self, access: Access, address: str) -> None:
        """A token was used."""
        self._audit.used(access, address, self._now())

    def refused(self, why: Refusal, token: str, address: str) -> None:
        """A token was refused."""
        id_ = id_of(token) or ""
        self._audit.refused(why, id_ if id_ in self._tokens else "", address)

    # Keeping up

    async def run(self, *, task_status: Started) -> None:
        """Follow the database until cancelled. Started once it is known which tokens there are."""
        self._take_copy()
        with anyio.move_on_after(AT_START):
            await self._look()
        task_status.started()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._follow)
            tasks.start_soon(self._flush_often)
            while True:
                await anyio.sleep(EVERY / 2)
                self._leases.end()  # for those that expire

    def _take_copy(self) -> None:
        copied = read_copy(self._path)
        if copied is not None:
            self._tokens = {token.id: token for token in copied}
            self._known = True

    async def _follow(self) -> NoReturn:
        while True:
            await anyio.sleep(SOONEST)
            with anyio.move_on_after(EVERY - SOONEST):
                await self._asked.wait()
            await self._look()

    async def _look_for(self, id_: str) -> None:
        """Wait for a look that begins from now on, for a while.

        Who is asked for before it is made is nobody: ids are chosen by chance. So an id that is not
        there is not looked for again, until something changes.
        """
        wanted = self._begun + 1
        self._asked.set()
        with anyio.move_on_after(PATIENCE):
            while self._ended < wanted:
                await self._looked.wait()
            if self._trouble is None and id_ not in self._tokens:
                self._strangers[id_] = None
                if len(self._strangers) > MOST_STRANGERS:
                    self._strangers.popitem(last=False)

    async def _look(self) -> None:
        self._asked = anyio.Event()
        self._begun += 1
        begun = self._begun
        try:
            version = await access_version(self._database)
            if version != self._version:
                await self._take(await tokens(self._database))
                self._version = version
        except StorageError as error:
            self._tell_of(str(error))
        else:
            self._tell_of(None)
        finally:
            self._ended = begun
            self._looked.set()
            self._looked = anyio.Event()

    async def _take(self, found: list[TokenRecord]) -> None:
        self._tokens = {token.id: token for token in found}
        self._known = True
        self._strangers.clear()
        self._leases.end()
        kept = tuple(
            msgspec.structs.replace(token, used=None, used_from=None)
            for token in found
            if token.revoked is None and not self._is_over(token)
        )
        try:
            await to_thread.run_sync(write_copy, self._path, kept)
        except OSError as error:
            log.warning("%s cannot be written (%s)", self._path, error.strerror)

    def _tell_of(self, trouble: str | None) -> None:
        if (trouble is None) != (self._trouble is None):
            if trouble is not None:
                log.warning("tokens are not read anew, those that are known hold: %s", trouble)
            else:
                log.info("tokens are read anew again")
        self._trouble = trouble

    def _is_over(self, token: TokenRecord) -> bool:
        return token.expires is not None and token.expires <= self._now()

    def _holds(self, access: Access) -> bool:
        if access.kind != "token":
            return True
        known = self._tokens.get(access.id)
        if known is None or known.revoked is not None or self._is_over(known):
            return False
        return _access(known) == access

    async def _flush_often(self) -> NoReturn:
        try:
            while True:
                await anyio.sleep(FLUSH)
                await self._flush()
        finally:
            with anyio.move_on_after(LAST, shield=True):
                await self._flush()

    async def _flush(self) -> None:
        uses = self._audit.flush(self._now())
        if not uses:
            return
        try:
            await note_uses(self._database, uses)
        except StorageError:  # told of by the look; the audit has it in any case
            self._audit.keep_uses(uses)


def _access(token: TokenRecord) -> Access:
    role: Role = token.role  # type: ignore[assignment]  # only roles are stored
    return Access(
        kind="token",
        id=token.id,
        name=token.name,
        role=role,
        scope=parse_labels(token.scope),
        expires=token.expires,
    )
