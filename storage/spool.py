"""Rows on disk that the database does not have yet: appended when it is away, replayed later.

First in, first out; under a limit of bytes, beyond which the oldest are dropped and counted. What
is here after a kill is found by the next process. Nothing says on disk which records are written
already: they may be written again, which changes nothing in the tables.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import msgspec
import trio

from storage import spool_files as files
from storage.batch import Batch
from storage.errors import SpoolError
from storage.spool_files import Part, locked, segment_numbers, segment_path
from storage.spool_records import Damage, encode
from storage.tally import Tally

_log = logging.getLogger(__name__)
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

SEGMENT_BYTES = 8 * 2**20
DISK_SECONDS = 30.0  # a disk that gives no answer for so long counts as failed
SHORTAGE_SECONDS = 1.0  # before a file is read again for which this machine had nothing left
_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # no fault of the file


class SpoolStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in the spool. Damage is counted since the start of the program."""

    rows: int
    bytes: int
    oldest: datetime | None  # when the oldest record was made
    damaged_bytes: int
    damaged_rows: int  # as far as could be told


@dataclass(eq=False)
class _Segment:
    number: int
    path: Path
    size: int = 0
    counts: dict[str, int] = field(default_factory=dict)  # rows beyond `offset`, not yet written
    oldest: float | None = None
    offset: int = 0  # all before is written, or taken to be
    done: set[int] = field(default_factory=set)  # beyond `offset`, but written otherwise
    held: set[int] = field(default_factory=set)  # beyond `offset`, and being written otherwise
    held_counts: dict[str, int] = field(default_factory=dict)  # rows; among `counts`, too
    damaged: bool = False
    dropped: bool = False  # for want of room

    def change(self, counts: dict[str, int], sign: int) -> None:
        _change(self.counts, counts, sign)

    def hold(self, offsets: list[int], counts: dict[str, int]) -> None:
        self.held.update(offsets)
        _change(self.held_counts, counts, 1)

    def let_go(self, offsets: list[int], counts: dict[str, int]) -> None:
        self.held.difference_update(offsets)
        _change(self.held_counts, counts, -1)


class Ticket(msgspec.Struct, frozen=True):
    """Where a batch lies in the spool. `refused` are rows by table that no record can hold."""

    segment: _Segment | None
    offsets: list[int]
    counts: dict[str, int]
    refused: dict[str, int]


class Spool:
    """Make it with `open_spool`. Use it from the trio thread.

    Args:
        folder: of its segments.
        limit: bytes of all segments.
        lost: where rows that are dropped, or were in what is damaged, are counted.
    """

    def __init__(self, folder: Path, limit: int, lost: Tally) -> None:
        self._folder = folder
        self._limit = limit
        self._segment_bytes = min(SEGMENT_BYTES, limit // 4)
        self._lost = lost
        self._segments: list[_Segment] = []
        self._next_number = 1
        self._descriptor: int | None = None  # of the last segment, while it is appended to
        self._under_way = 0  # rows of the part that is being written
        self._changing = trio.Lock()
        self._changed = trio.Event()
        self._disk = trio.CapacityLimiter(1)
        self._damaged_bytes = 0
        self._damaged_rows = 0

    def status(self) -> SpoolStatus:
        """What is in it now."""
        oldest = next((one.oldest for one in self._segments if one.oldest is not None), None)
        rows = self.rows
        return SpoolStatus(
            rows=rows,
            bytes=self.bytes,
            oldest=datetime.fromtimestamp(oldest, UTC) if rows and oldest is not None else None,
            damaged_bytes=self._damaged_bytes,
            damaged_rows=self._damaged_rows,
        )

    @property
    def rows(self) -> int:
        """Rows that are here and, as far as is known, not in the database."""
        return self._under_way + sum(sum(one.counts.values()) for one in self._segments)

    @property
    def bytes(self) -> int:
        """Of all its files."""
        return sum(segment.size for segment in self._segments)

    async def append(self, batch: Batch, *, held: bool = False) -> Ticket:
        """Put `batch` on disk; it is there when this returns.

        Args:
            batch: at least one row.
            held: it is being written to the database as well, and not to be replayed until it is
                released.

        Raises:
            SpoolError: it is not, for want of room or because the disk fails.
        """
        try:
            with trio.fail_after(DISK_SECONDS):
                async with self._changing:  # whoever holds it may wait for the disk, too
                    return await self._append_or_give_up(batch, held=held)
        except trio.TooSlowError as error:
            raise SpoolError(f"{self._folder}: the disk gives no answer") from error

    def release(self, ticket: Ticket, *, written: bool) -> None:
        """A held batch is written, and need not be replayed; or it could not be."""
        segment = ticket.segment
        if segment is None:
            return
        segment.let_go(ticket.offsets, ticket.counts)
        if segment.dropped and not written:
            self._lost.add(ticket.counts)
        if written:
            segment.done.update(ticket.offsets)
            segment.change(ticket.counts, -1)
        self._notify()

    async def next(self, most: int) -> Part:
        """Wait for records, and read the oldest: about `most` rows. One caller, which ends each."""
        while True:
            await self._remove_written()
            end = 0
            if self._segments:
                head = self._segments[0]
                end = min((one for one in head.held if one >= head.offset), default=head.size)
            if not self._segments or end <= head.offset:
                await self._changed.wait()
            elif (part := await self._read(head, end, most)) is not None:
                return part

    def end(self) -> None:
        """What `next` returned is written."""
        self._under_way = 0

    async def find(self) -> None:
        """Take up what an earlier process left here."""
        for number in await self._in_thread(segment_numbers, self._folder):
            path = segment_path(self._folder, number)
            found = await self._in_thread(files.survey, path)
            self._segments.append(_Segment(number, path, found.size, found.counts, found.oldest))
            self._next_number = number + 1
        if self._segments:
            status = self.status()
            _log.info("Found %d rows in the spool since %s", status.rows, status.oldest)

    def close(self) -> None:
        """Close the files; what they hold stays."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    async def _append_or_give_up(self, batch: Batch, *, held: bool) -> Ticket:
        try:
            return await self._append(batch, held=held)
        except OSError as error:
            await self._give_up_segment()
            raise SpoolError(f"{self._folder} takes no rows: {error.strerror}") from error
        except trio.Cancelled:
            self._descriptor = None  # in use by the thread that hangs
            raise

    async def _append(self, batch: Batch, *, held: bool) -> Ticket:
        now = time.time()
        encoded = await self._in_thread(encode, batch, now)
        counts = {
            name: count - encoded.refused.get(name, 0) for name, count in batch.counts().items()
        }
        if not encoded.records:
            return Ticket(None, [], counts, encoded.refused)
        data = b"".join(encoded.records)
        await self._make_room(len(data))
        segment, descriptor = await self._open_segment()
        await self._in_thread(files.append, descriptor, data)
        sizes = accumulate((len(record) for record in encoded.records[:-1]), initial=segment.size)
        ticket = Ticket(segment, list(sizes), counts, encoded.refused)
        segment.size += len(data)
        segment.change(counts, 1)
        if segment.oldest is None:
            segment.oldest = now
        if held:
            segment.hold(ticket.offsets, counts)
        self._notify()
        return ticket

    async def _make_room(self, size: int) -> None:
        while self._segments and self.bytes + size > self._limit:
            oldest = self._segments.pop(0)
            if not self._segments:
                self.close()
            oldest.dropped = True
            oldest.change(oldest.held_counts, -1)  # may be in the database yet: see `release`
            rows = {name: count for name, count in oldest.counts.items() if count}
            self._lost.add(rows)
            _log.error("The spool is full, [storage] spool_megabytes; dropped the oldest: %s", rows)
            await self._in_thread(_remove, oldest.path)

    async def _open_segment(self) -> tuple[_Segment, int]:
        await self._put_back_if_removed()
        if self._descriptor is not None and self._segments[-1].size >= self._segment_bytes:
            self.close()
        if self._descriptor is None:
            number, self._next_number = self._next_number, self._next_number + 1
            path = segment_path(self._folder, number)
            self._descriptor = await self._in_thread(files.create, path)
            self._segments.append(_Segment(number, path))
        return self._segments[-1], self._descriptor

    async def _put_back_if_removed(self) -> None:
        if self._descriptor is None or not await self._in_thread(
            files.is_removed, self._descriptor
        ):
            return
        segment = self._segments[-1]
        _log.error("%s was removed by somebody; it is written once more", segment.path)
        self._descriptor = await self._in_thread(
            files.put_back, self._descriptor, segment.path, segment.size
        )

    async def _give_up_segment(self) -> None:
        """After an error, of which nobody knows what it left in the file, begin a new one."""
        if self._descriptor is None:
            return
        segment, descriptor = self._segments[-1], self._descriptor
        self._descriptor = None
        if not segment.size:
            self._segments.pop()
        with trio.move_on_after(DISK_SECONDS), contextlib.suppress(OSError):
            await self._in_thread(files.cut, descriptor, segment.path, segment.size)

    async def _read(self, segment: _Segment, end: int, most: int) -> Part | None:
        done = frozenset(segment.done)
        try:
            part = await self._in_thread(
                files.read_part, segment.path, segment.offset, end, done, most
            )
        except OSError as error:
            _log.error("%s cannot be read: %s", segment.path, error.strerror)
            if error.errno in _SHORTAGES:
                await trio.sleep(SHORTAGE_SECONDS)
                return None
            rest = Damage(segment.offset, end, dict(segment.counts), torn=False)
            part = Part(end, Batch({}), {}, {}, [rest], None)
        if segment not in self._segments:
            return None  # dropped meanwhile
        segment.offset = part.end
        segment.done = {offset for offset in segment.done if offset >= part.end}
        segment.oldest = part.time or segment.oldest
        segment.change(part.counts, -1)
        self._under_way = sum(part.counts.values())
        await self._settle_damages(segment, [one for one in part.damages if not one.torn])
        return part

    async def _settle_damages(self, segment: _Segment, damages: list[Damage]) -> None:
        for damage in damages:
            self._damaged_bytes += damage.end - damage.start
            self._damaged_rows += sum(damage.counts.values())
            self._lost.add(damage.counts)
            segment.change(damage.counts, -1)
        if not damages or segment.damaged:
            return
        segment.damaged = True
        _log.error(
            "%s is damaged: at least %d bytes are lost; what is intact is written, a copy is kept"
            " in the folder damaged beside it. Check the disk.",
            segment.path,
            sum(damage.end - damage.start for damage in damages),
        )
        with contextlib.suppress(OSError):  # it is a courtesy
            await self._in_thread(files.set_aside, segment.path)

    def _count_missing(self, segment: _Segment) -> None:
        missing = {name: count for name, count in segment.counts.items() if count}
        if missing:
            self._damaged_rows += sum(missing.values())
            self._lost.add(missing)
            _log.error("%s ended too early; these rows were in it: %s", segment.path, missing)

    async def _remove_written(self) -> None:
        async with self._changing:
            while self._segments and self._segments[0].offset >= self._segments[0].size:
                written = self._segments.pop(0)
                if not self._segments:
                    self.close()
                self._count_missing(written)
                await self._in_thread(_remove, written.path)

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def _in_thread(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        return await trio.to_thread.run_sync(
            work, *args, limiter=self._disk, abandon_on_cancel=True
        )


@contextlib.asynccontextmanager
async def open_spool(folder: Path, limit: int, lost: Tally) -> AsyncIterator[Spool]:
    """The spool in `folder` for the length of the block, with what an earlier process left in it.

    Args:
        folder: made where it is missing.
        limit: bytes of all its segments.
        lost: where rows that are dropped, or were in what is damaged, are counted.

    Raises:
        SpoolError: another process uses it, or it cannot be made.
    """
    with locked(folder):
        spool = Spool(folder, limit, lost)
        await spool.find()
        try:
            yield spool
        finally:
            spool.close()


def _change(counts: dict[str, int], by: dict[str, int], sign: int) -> None:
    for name, count in by.items():
        counts[name] = max(0, counts.get(name, 0) + sign * count)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:  # its rows are written again at the next start, which is harmless
        _log.warning("%s is done with, but cannot be removed: %s", path, error.strerror)
