"""Rows of who serves, such as those of the audit, written without a recorder."""

from __future__ import annotations

import logging
from collections import deque
from typing import NoReturn

import anyio

from storage.batch import batch_of, write_batch
from storage.database import Database
from storage.errors import StorageError
from storage.rows import Row
from web.exposition.text import Family

log = logging.getLogger(__name__)

MOST = 10_000  # rows that wait while the database is away
EVERY = 1.0  # seconds between writes
LAST = 2.0  # seconds for the last one


class DirectRows:
    """Holds rows until they are written.

    Attributes:
        dropped: Rows for which there was no room; the oldest go first.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[Row] = deque()
        self._is_away = False
        self.dropped = 0

    def offer(self, row: Row) -> None:
        """Have a row written; never waits."""
        self._waiting.append(row)
        if len(self._waiting) > MOST:
            self._waiting.popleft()
            self.dropped += 1

    def families(self) -> list[Family]:
        """What is counted of it."""
        text = "Rows of the audit for which there was no room while the database was away."
        return [Family("fleet_serve_rows_dropped", "counter", text).add(self.dropped)]

    async def run(self) -> NoReturn:
        """Write until cancelled, and once more then."""
        try:
            while True:
                await anyio.sleep(EVERY)
                await self._write()
        finally:
            with anyio.move_on_after(LAST, shield=True):
                await self._write()

    async def _write(self) -> None:
        rows = list(self._waiting)
        if not rows:
            return
        self._waiting.clear()
        is_written = False
        try:
            await self._database.write(lambda connection: write_batch(connection, batch_of(rows)))
            is_written = True
        except StorageError as error:
            self._tell(f"{error}")
        else:
            self._tell(None)
        finally:  # also where it is broken off: what is written twice is there once
            if not is_written:
                self._put_back(rows)

    def _put_back(self, rows: list[Row]) -> None:
        room = MOST - len(self._waiting)
        self.dropped += max(0, len(rows) - room)
        self._waiting.extendleft(reversed(rows[-room:] if room else ()))

    def _tell(self, trouble: str | None) -> None:
        if trouble is not None and not self._is_away:
            log.warning("rows of the audit wait for the database: %s", trouble)
        self._is_away = trouble is not None
