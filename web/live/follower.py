"""One reader of a ledger: what it is told, in which order, and how it falls behind safely."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import anyio

from web.documents import GapDocument
from web.live.filters import Wanted
from web.live.ledger import Entry
from web.live.place import Resume, read_place
from web.live.source import Readable

PIECE = 64 * 1024  # bytes that are written at once, about; a reader holds no more
PACE = 0.001  # seconds between what one reader is sent, for each reader there is


class Output(Protocol):
    """How a reader is told, in its protocol. A call returns when the client may take more.

    A reader who has everything up to an entry resumes at its version.
    """

    async def snapshot(self, entries: Iterator[Sequence[Entry]], version: int) -> None:
        """All that is there as of a version, piece by piece."""
        ...

    async def changes(self, entries: Sequence[Entry]) -> None:
        """New states, or what is gone, in the order of their versions."""
        ...

    async def skipped(self, states: int | None) -> None:
        """So many states were left out; see `SkippedDocument`."""
        ...

    async def gap(self, gap: GapDocument) -> None:
        """It is not known what changed; a snapshot follows if one is wanted."""
        ...

    async def heartbeat(self, version: int) -> None:
        """A sign of life; the reader has everything up to a version."""
        ...


class Follower:
    """Tells one reader of a ledger until it is cancelled.

    Args:
        ledger: What is read.
        wanted: Which of it, None for all.
        output: Where it goes.
        heartbeat: Seconds of silence before a sign of life.
        readers: How many readers there are now. Each waits so much longer between what it is
            sent that all together take no more than a part of the program's time.
    """

    def __init__(
        self,
        ledger: Readable,
        wanted: Wanted | None,
        output: Output,
        heartbeat: float,
        readers: Callable[[], int],
    ) -> None:
        self._ledger = ledger
        self._wanted = wanted
        self._output = output
        self._heartbeat = heartbeat
        self._readers = readers
        self._version = ledger.version
        self._snapshot = True
        self._silent_since = anyio.current_time()

    async def run(self, resume: Resume, run: str) -> None:
        """Begin with a snapshot or where the reader left off, and go on for ever."""
        self._snapshot = resume.snapshot
        await self._begin(resume.place, run)
        while True:
            if self._version < self._ledger.oldest:
                await self._start_anew("too slow")
            await self._catch_up()
            with anyio.CancelScope(deadline=self._silent_since + self._heartbeat):
                await anyio.sleep(PACE * self._readers())
                await self._ledger.beyond(self._version)
            if anyio.current_time() >= self._silent_since + self._heartbeat:
                await self._output.heartbeat(self._version)
                self._spoke()

    async def _begin(self, place: str | None, run: str) -> None:
        if place is None:
            await self._send_snapshot()
            return
        known = read_place(place, run)
        if known is None or known > self._ledger.version:
            await self._start_anew("fleet was restarted, or the place is none of this stream")
        elif known < self._ledger.oldest:
            await self._start_anew("away too long")
        else:
            self._version = known

    async def _start_anew(self, reason: str) -> None:
        self._version = self._ledger.version
        await self._output.gap(GapDocument(missed=None, reason=reason))
        await self._send_snapshot()

    async def _send_snapshot(self) -> None:
        if self._snapshot:
            self._version = self._ledger.version
            chosen = self._choose(self._ledger.present())
            await self._output.snapshot(pieces(chosen), self._version)
        self._spoke()

    async def _catch_up(self) -> None:
        """Send what changed, leaving out what has changed again before it could be sent."""
        before, self._version = self._version, self._ledger.version
        if self._version == before:
            return
        changed = self._ledger.since(before)
        chosen = self._choose(changed)
        if not chosen:
            return
        left_out = self._ledger.skipped(before, len(changed), chosen)
        if left_out != 0:
            await self._output.skipped(left_out)
        for piece in pieces(chosen):
            newest = [entry for entry in piece if self._ledger.is_newest(entry)]
            if newest:
                await self._output.changes(newest)
            if len(newest) < len(piece):
                await self._output.skipped(len(piece) - len(newest))
        self._spoke()

    def _choose(self, entries: list[Entry]) -> list[Entry]:
        if self._wanted is None:
            return entries
        wanted = self._wanted
        return [entry for entry in entries if wanted(entry.subject)]

    def _spoke(self) -> None:
        self._silent_since = anyio.current_time()


def pieces(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """The entries in groups of about `PIECE` bytes, encoded only as they are reached."""
    begin, size = 0, 0
    for end, entry in enumerate(entries, 1):
        size += len(entry.data)
        if size >= PIECE:
            yield entries[begin:end]
            begin, size = end, 0
    if begin < len(entries):
        yield entries[begin:]
