"""Keeps the file of what is remembered close behind the table, whatever the disk does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

import msgspec
import trio

from fleet.revp.snapshot import write
from labels.routing.snapshot import Snapshot

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds between two saves at least
SELDOM = 20  # times as long as it takes to look at all routes, if that is more
AGAIN = 5.0  # after one that failed
OLDEST = 60.0  # seconds after which the same is saved again: it says when that was known
LAST = 5.0  # seconds that the first and the last one may take
# A kill loses the revisions since the last save. So many numbers are never used again: a reader
# that has seen one of them takes it for the same table for ever.
RESERVED = 1000


class Memory:
    """Saves snapshots: at most one a second while it runs, and a last one at the end.

    Args:
        path: The file.
        take: The snapshot now.

    Attributes:
        trouble: Why nothing can be remembered now, None if it can.
    """

    def __init__(self, path: Path, take: Callable[[], Snapshot]) -> None:
        self._path = path
        self._take = take
        self._changed = trio.Event()
        self._written: Snapshot | None = None
        self._one_at_a_time = threading.Lock()
        self.trouble: str | None = None

    def mark(self) -> None:
        """There may be something new to be saved."""
        self._changed.set()

    async def run(self, *, task_status: trio.TaskStatus[None]) -> NoReturn:
        """Save what is new. Started once the first one is on disk, or could not be written.

        The first one reserves revisions: nothing may be told to anybody before.
        """
        try:
            with trio.move_on_after(LAST):
                await self._save(self._take(), RESERVED)
            task_status.started()
            while True:
                await self._save_next()
        finally:
            with trio.move_on_after(LAST, shield=True):
                await self._save(self._take(), 0)

    async def _save_next(self) -> None:
        """Wait for something new, or until the time of the last one is long ago; save it."""
        with trio.move_on_after(OLDEST) as waited:
            await self._changed.wait()
        self._changed = trio.Event()
        begun = time.perf_counter()
        taken = self._take()
        known = not waited.cancelled_caught and self._is_written(taken)
        busy = time.perf_counter() - begun
        if known or await self._save(taken, RESERVED):
            await trio.sleep(max(EVERY, SELDOM * busy))
        else:
            self._changed.set()
            await trio.sleep(AGAIN)

    def _is_written(self, taken: Snapshot) -> bool:
        """Whether the file says the same, but for when that was."""
        written = self._written
        return written is not None and taken == msgspec.structs.replace(written, saved=taken.saved)

    async def _save(self, taken: Snapshot, reserved: int) -> bool:
        """Write the file; returns whether the disk took it."""
        numbered = msgspec.structs.replace(taken, revision=taken.revision + reserved)
        content = msgspec.json.encode(numbered)
        try:
            await trio.to_thread.run_sync(partial(self._write, content), abandon_on_cancel=True)
        except OSError as error:
            self._fail(error)
            return False
        self._written = taken
        if self.trouble is not None:
            log.info("routes are remembered again in %s", self._path)
            self.trouble = None
        return True

    def _write(self, content: bytes) -> None:
        """In a thread. One that was left behind on a slow disk comes first."""
        with self._one_at_a_time:
            write(self._path, content)

    def _fail(self, error: OSError) -> None:
        if self.trouble is None:
            log.warning(
                "routes are not remembered for the next start: %s cannot be written (%s); trying "
                "again every %g s",
                self._path,
                error.strerror,
                AGAIN,
            )
        self.trouble = f"{self._path} cannot be written ({error.strerror})"
