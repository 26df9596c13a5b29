"""What happens is written down: rows are offered one by one and kept in batches.

A row is kept when it is committed in the database, or on disk in the spool. That takes `batch_age`
seconds at most, whatever the database does: rows are collected for a part of that time, sent to the
database for another part, and put on disk in the rest if no answer came, or at once while the
database is away or busy.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
import trio

from config.models import Storage
from storage.batch import Batch
from storage.database import Database
from storage.direct import Attempt, Direct
from storage.errors import SpoolError, StorageError
from storage.outliving import outliving
from storage.replay import Replay
from storage.rows import Row
from storage.spool import Spool, SpoolStatus, Ticket, open_spool
from storage.spool_files import Part
from storage.tables import TABLES
from storage.tally import Tally
from storage.waiting import Waiting
from storage.writing import Refusal

_log = logging.getLogger(__name__)

State = Literal["writing", "replaying", "spooling", "waiting"]
Observe = Callable[[int, float], None]
"""Told of each batch that the database took: its rows, and the seconds it took."""

DRAIN_SECONDS = 5.0
LAST_SECONDS = 5.0  # for the spool to take what the database did not take at the end
BACKLOG_FACTOR = 10  # a backlog is kept, and replayed, in batches this much larger
COLLECT_SHARE = 0.65  # of `batch_age`
ANSWER_SHARE = 0.25  # of `batch_age`; what is left is the disk's
RETRY_SECONDS = 1.0  # while neither the database nor the disk takes rows
MEGABYTE = 2**20


class RecorderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the writing goes. Rows are counted by table, since the start.

    `state`: `writing`; `replaying`, the database takes rows, and older ones from the spool after
    them; `spooling`, the database is away and rows go to disk; `waiting`, the disk does not take
    them either.
    """

    state: State
    since: datetime  # of `state`
    error: str | None  # why it is not writing
    queued: dict[str, int]  # in memory
    written: dict[str, int]
    spooled: dict[str, int]  # put on disk first
    dropped: dict[str, int]  # for want of room, or of time at the end, or damaged on disk
    refused: dict[str, int]  # by the database, for what they held
    lost_lately: int  # dropped or refused in the last hour, of all tables
    last_write: datetime | None
    last_batch_seconds: float | None
    spool: SpoolStatus
    replayed_per_second: float  # rows, of late


class Recorder:
    """Takes rows at any time and keeps them; make it with `open_recorder`."""

    def __init__(
        self,
        database: Database,
        settings: Storage,
        spool: Spool,
        dropped: Tally,
        observe: Observe | None = None,
    ) -> None:
        self._observe = observe
        self._watch = database.watch
        self._settings = settings
        self._answer_seconds = settings.batch_age * ANSWER_SHARE
        self._spool = spool
        self._dropped = dropped
        self._refused = Tally()
        self._waiting = Waiting(settings.queue_rows, dropped)
        self._direct = Direct(database.write, self._answer_seconds)
        self._attempt: Attempt | None = None  # to write the batch that is being kept
        self._backlog = settings.batch_size * BACKLOG_FACTOR
        self._replay = Replay(
            spool, database.replay, self._backlog, self._replayed, self._not_replayed
        )
        self._arrived = trio.Event()
        self._arrived_at = 0.0
        self._enough = trio.Event()
        self._closing = False
        self._hurrying = False
        self._kept = trio.Event()
        self._ended = trio.Event()
        self._spool_error: str | None = None
        self._state: State = "writing"
        self._since = datetime.now(UTC)
        self._written = {table.name: 0 for table in TABLES.values()}
        self._spooled = dict(self._written)
        self._last_write: datetime | None = None
        self._last_seconds: float | None = None

    def offer(self, row: Row) -> None:
        """Have `row` kept; never waits. Call from the trio thread."""
        self._waiting.add(row)
        if not self._arrived.is_set():
            self._arrived_at = trio.current_time()
            self._arrived.set()
        if self._waiting.is_enough(self._settings.batch_size):
            self._enough.set()

    def has_room(self) -> bool:
        """Whether less than half of the queue and of the spool is full.

        Without it, what can be read later, such as logs, had better not be read now.
        """
        if self._waiting.is_half_full:
            return False
        return self._spool.bytes * 2 < self._settings.spool_megabytes * MEGABYTE

    def status(self) -> RecorderStatus:
        """How it goes now."""
        self._judge()
        return RecorderStatus(
            state=self._state,
            since=self._since,
            error=self._error(),
            queued=self._waiting.counts(),
            written=dict(self._written),
            spooled=dict(self._spooled),
            dropped=dict(self._dropped.totals),
            refused=dict(self._refused.totals),
            lost_lately=self._dropped.lately() + self._refused.lately(),
            last_write=self._last_write,
            last_batch_seconds=self._last_seconds,
            spool=self._spool.status(),
            replayed_per_second=self._replay.rows_per_second(),
        )

    async def run(self) -> None:
        """Keep rows until closed and empty."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._replay.run)
            while True:
                await self._due()
                if self._closing and not self._waiting:
                    break
                if batch := self._take():  # what came may have been dropped again
                    await self._keep(batch, nursery)
                    self._waiting.settled(batch)
            self._kept.set()
            await self._direct.idle()
            await self._replay.caught_up()
            self._ended.set()
            nursery.cancel_scope.cancel()

    async def drain(self, seconds: float) -> None:
        """Keep what waits, in the database if it takes it within `seconds`, else on disk.

        What is on disk already is written too, as far as there is time. What neither takes is
        dropped, counted and logged.
        """
        self._closing = True
        self._arrived.set()
        self._enough.set()
        with trio.move_on_after(seconds, shield=True):
            await self._ended.wait()
            return
        self._hurrying = True
        with trio.move_on_after(LAST_SECONDS, shield=True):
            await self._kept.wait()
            return
        lost = self._waiting.abandon()  # with what is under way: nobody will hear of its end
        _log.error("Neither database nor disk took all rows before the end; dropped: %s", lost)

    async def _due(self) -> None:
        """Wait for a row, then for a batch of them or until the row is old enough."""
        if self._closing:
            await trio.lowlevel.checkpoint()
            return
        await self._arrived.wait()
        with trio.move_on_at(self._arrived_at + self._settings.batch_age * COLLECT_SHARE):
            await self._enough.wait()

    def _take(self) -> Batch:
        batch = self._waiting.take(self._backlog)
        if not self._closing:
            if not self._waiting:
                self._arrived = trio.Event()
            if not self._waiting.is_enough(self._settings.batch_size):
                self._enough = trio.Event()
        return batch

    async def _keep(self, batch: Batch, nursery: trio.Nursery) -> None:
        """Return when `batch` is in the database or on disk, however long that takes."""
        while True:
            if self._may_attempt():
                attempt = self._begin(batch, nursery)
                if await attempt.ended(self._answer_seconds):
                    break
            if await self._put_on_disk(batch, nursery):
                break
            if self._attempt is None:
                await trio.sleep(RETRY_SECONDS)
            elif await self._attempt.ended(RETRY_SECONDS):
                break
            elif self._attempt.over.is_set():
                self._attempt = None
        self._attempt = None
        self._spool_error = None  # nothing waits for the disk any more
        self._judge()

    def _may_attempt(self) -> bool:
        attempt = self._attempt
        if attempt is not None and (attempt.written or not attempt.over.is_set()):
            return False
        return self._direct.open and not self._hurrying

    def _begin(self, batch: Batch, nursery: trio.Nursery) -> Attempt:
        self._attempt = self._direct.begin(batch)
        nursery.start_soon(self._carry_out, self._attempt)
        return self._attempt

    async def _carry_out(self, attempt: Attempt) -> None:
        with self._watch("storage.batch", {"fleet.rows": len(attempt.batch)}):
            await self._direct.carry_out(attempt)
        if attempt.written:
            self._last_seconds = trio.current_time() - attempt.began
            self._tell(attempt.batch, self._last_seconds)
            self._count(attempt.batch.counts(), attempt.refused)
            self._replay.note_taken(attempt.batch.counts(), attempt.refused)
            attempt.putting.deadline = trio.current_time() + RETRY_SECONDS
        self._judge()
        self._release(attempt.ticket, written=attempt.written)

    async def _put_on_disk(self, batch: Batch, nursery: trio.Nursery) -> bool:
        """Whether `batch` is in the spool; if it is still under way, for the case that it fails."""
        scope, ticket = trio.CancelScope(), None
        if self._attempt is not None:
            self._attempt.putting = scope
        async with trio.open_nursery() as beside:
            beside.start_soon(self._attempt_beside, batch, scope, nursery)
            try:
                with scope:
                    ticket = await self._spool.append(batch, held=True)
            except SpoolError as error:
                self._spool_error = str(error)
                self._judge()
            beside.cancel_scope.cancel()
        if ticket is None:
            return False
        for name, count in ticket.counts.items():
            self._spooled[name] += count
        attempt = self._attempt
        if attempt is None or attempt.over.is_set():
            self._release(ticket, written=attempt is not None and attempt.written)
        else:
            attempt.ticket = ticket
        return True

    async def _attempt_beside(
        self, batch: Batch, putting: trio.CancelScope, nursery: trio.Nursery
    ) -> None:
        """The disk may hang while the database is back: send `batch` once that may be."""
        while True:
            await trio.sleep(RETRY_SECONDS)
            if self._may_attempt():
                self._begin(batch, nursery).putting = putting

    def _release(self, ticket: Ticket | None, *, written: bool) -> None:
        if ticket is not None:
            self._spool.release(ticket, written=written)
            if not written:
                self._refuse(ticket.refused, "no record on disk can hold that")

    def _replayed(self, part: Part, refused: list[Refusal], seconds: float) -> None:
        if part.batch:
            self._direct.answered(seconds)
            self._tell(part.batch, seconds)
            self._count(part.batch.counts(), refused)
        self._refuse(part.refused, "not readable on disk")
        self._judge()

    def _not_replayed(self, error: StorageError) -> None:
        self._direct.failed(error)
        self._judge()

    def _tell(self, batch: Batch, seconds: float) -> None:
        if self._observe is not None:
            self._observe(len(batch), seconds)

    def _count(self, counts: Mapping[str, int], refused: Iterable[Refusal]) -> None:
        self._last_write = datetime.now(UTC)
        for name, count in counts.items():
            self._written[name] += count
        for refusal in refused:
            self._written[refusal.table] -= 1
            self._refuse({refusal.table: 1}, refusal.reason)

    def _refuse(self, counts: Mapping[str, int], reason: str) -> None:
        self._refused.add(counts)
        for name, count in counts.items():
            _log.error("%d row(s) for %s refused and lost: %s", count, name, reason)

    def _error(self) -> str | None:
        if self._state == "waiting":
            return "; ".join(filter(None, (self._spool_error, self._direct.trouble)))
        return self._direct.trouble

    def _judge(self) -> None:
        """Find the state, and say so when it changes."""
        before, self._state = self._state, self._state_now()
        if before == self._state:
            return
        self._since = datetime.now(UTC)
        if self._state == "waiting":
            _log.error("Neither database nor disk takes rows, which wait: %s", self._error())
        elif self._state == "spooling":
            _log.error("The database takes no rows, which go to disk: %s", self._error())
        elif before in ("waiting", "spooling"):
            _log.warning("The database takes rows again")

    def _state_now(self) -> State:
        if self._spool_error is not None:
            return "waiting"
        if self._direct.trouble is not None:
            return "spooling"
        return "replaying" if self._spool.rows else "writing"


@contextlib.asynccontextmanager
async def open_recorder(
    database: Database,
    settings: Storage,
    folder: Path,
    *,
    drain_seconds: float = DRAIN_SECONDS,
    observe: Observe | None = None,
) -> AsyncIterator[Recorder]:
    """A recorder that keeps rows for the length of the block, and then what is still waiting.

    Args:
        database: where they go.
        settings: `[storage]`.
        folder: of the spool; what is in it is written too.
        drain_seconds: that the database has at the end.
        observe: see `Observe`.

    Raises:
        SpoolError: the spool is another process's, or cannot be made.
    """
    dropped = Tally()
    async with open_spool(folder, settings.spool_megabytes * MEGABYTE, dropped) as spool:
        recorder = Recorder(database, settings, spool, dropped, observe)
        async with outliving(recorder.run):
            try:
                yield recorder
            finally:
                await recorder.drain(drain_seconds)
