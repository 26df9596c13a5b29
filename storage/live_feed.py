"""Live state as others publish it: all of it at first, then what changes, as soon as it does.

On asyncio, with a connection of its own that is told by NOTIFY. Where none comes through (some
poolers keep them), it looks every two seconds.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import anyio
import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import class_row

from storage.errors import DatabaseAwayError, translate
from storage.live import CHANNEL, LOCK, Item, Key, RunRecord, unpack
from storage.sessions import TRANSPORT
from storage.statements import statements

LOOK_SECONDS = 2.0
ANSWER_SECONDS = 5.0  # for a look
WHOLE_SECONDS = 30.0  # for all there is, of tens of thousands of containers

_Connection = psycopg.AsyncConnection[tuple[Any, ...]]
_WHOLE = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class News(msgspec.Struct, frozen=True, kw_only=True):
    """What a look found.

    Attributes:
        run: Who publishes; None where nobody ever did.
        items: What changed since the last look, in the order in which it did.
        whole: `items` is all there is.
    """

    run: RunRecord | None
    items: list[Item]
    whole: bool


class LiveFeed:
    """See `storage.database.Database.feed`."""

    def __init__(self, conninfo: str, password: Callable[[], str | None], where: str) -> None:
        self._conninfo = make_conninfo("", **{**TRANSPORT, **conninfo_to_dict(conninfo)})
        self._password = password
        self._where = where
        self._run = ""
        self._revision = -1

    def forget(self) -> None:
        """Begin with all there is at the next look: what was read could not be used."""
        self._run = ""

    async def news(self) -> AsyncGenerator[News, None]:
        """Look now, whenever there is news, and every two seconds. Never ends by itself.

        After it was broken off it may be begun anew: it goes on where it was.

        Raises:
            DatabaseAwayError: It cannot be reached, or gives no answer; begin anew later.
            DatabaseError: It refuses; the message says what to change.
        """
        try:
            async with self._connected() as connection:
                while True:
                    yield await self._look(connection)
                    async for _ in connection.notifies(timeout=LOOK_SECONDS, stop_after=1):
                        pass
        except psycopg.Error as error:
            raise translate(error, self._where) from error
        except TimeoutError as error:
            raise DatabaseAwayError(f"{self._where}: no answer in time") from error

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[_Connection]:
        secret = self._password()
        conninfo = (
            self._conninfo if secret is None else make_conninfo(self._conninfo, password=secret)
        )
        with anyio.fail_after(ANSWER_SECONDS):
            connection = await psycopg.AsyncConnection.connect(
                conninfo, autocommit=True, prepare_threshold=None
            )
        try:
            with anyio.fail_after(ANSWER_SECONDS):
                await connection.execute("SELECT set_config('search_path', 'fleet, public', false)")
                await connection.execute(f"LISTEN {CHANNEL}".encode())
            yield connection
        finally:
            with anyio.CancelScope(shield=True):
                await connection.close()

    async def _look(self, connection: _Connection) -> News:
        with anyio.fail_after(ANSWER_SECONDS):
            run = await _run(connection)
        if run is None or (run.run == self._run and run.revision == self._revision):
            return News(run=run, items=[], whole=False)
        if run.run == self._run and run.revision > self._revision:
            with anyio.fail_after(ANSWER_SECONDS):
                items = await self._since(connection, run)
            if items is not None:
                self._revision = run.revision
                return News(run=run, items=items, whole=False)
        with anyio.fail_after(WHOLE_SECONDS):
            return await self._whole(connection)

    async def _since(self, connection: _Connection, run: RunRecord) -> list[Item] | None:
        """What changed up to this revision; None where not all of it is kept and understood."""
        wanted = {"revision": self._revision}
        cursor = connection.cursor(binary=True)
        await cursor.execute(statements()["live_since"], wanted)
        found = [(int(revision), bytes(packed)) for revision, packed in await cursor.fetchall()]
        kept = [each for each in found if each[0] <= run.revision]
        if [revision for revision, _ in kept] != [*range(self._revision + 1, run.revision + 1)]:
            return None
        try:
            return [item for _, packed in kept for item in unpack(packed)]
        except ValueError:  # another version of fleet packs them otherwise, which the format tells
            return None

    async def _whole(self, connection: _Connection) -> News:
        async with connection.cursor(binary=True) as cursor:
            await cursor.execute(_WHOLE)
            run = await _run(connection)
            await cursor.execute(statements()["live_whole"])
            rows = await cursor.fetchall()
            await cursor.execute("COMMIT")
        if run is not None:
            self._run, self._revision = run.run, run.revision
        items = [Item(Key(kind, host, key), bytes(document)) for kind, host, key, document in rows]
        return News(run=run, items=items, whole=True)


async def _run(connection: _Connection) -> RunRecord | None:
    cursor = connection.cursor(row_factory=class_row(RunRecord))
    await cursor.execute(statements()["live_run"], {"lock": LOCK})
    return await cursor.fetchone()
