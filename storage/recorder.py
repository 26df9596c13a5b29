"""What happens is written down: rows are offered one by one and written in batches."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from typing import Literal

import msgspec
import tenacity
import trio

from config.models import Storage
from storage.batch import Batch, write_batch
from storage.database import Database
from storage.errors import RefusedRowsError, StorageError
from storage.outliving import outliving
from storage.rows import Row
from storage.tables import TABLES
from storage.waiting import Waiting

_log = logging.getLogger(__name__)

DRAIN_SECONDS = 5.0
BACKLOG_FACTOR = 10  # a backlog is written in batches this much larger
BACKOFF = tenacity.wait_random_exponential(multiplier=0.25, max=10.0)


class RecorderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the writing goes. Rows are counted by table, since the start."""

    state: Literal["writing", "away"]
    since: datetime  # of `state`
    error: str | None  # why it is away
    queued: dict[str, int]
    written: dict[str, int]
    dropped: dict[str, int]  # for want of room, or of time at the end
    refused: dict[str, int]  # by the database, for what they held
    last_write: datetime | None
    last_batch_seconds: float | None


class Recorder:
    """Takes rows at any time and writes them when it can; make it with `open_recorder`."""

    def __init__(self, database: Database, settings: Storage) -> None:
        self._database = database
        self._settings = settings
        self._waiting = Waiting(settings.queue_rows)
        self._arrived = trio.Event()
        self._enough = trio.Event()
        self._closing = False
        self._drained = trio.Event()
        self._error: str | None = None
        self._since = datetime.now(UTC)
        self._written = {table.name: 0 for table in TABLES.values()}
        self._refused = dict(self._written)
        self._last_write: datetime | None = None
        self._last_seconds: float | None = None

    def offer(self, row: Row) -> None:
        """Have `row` written; never waits. Call from the trio thread."""
        self._waiting.add(row)
        self._arrived.set()
        if len(self._waiting) >= self._settings.batch_size:
            self._enough.set()

    def offer_many(self, rows: Iterable[Row]) -> None:
        """Have all `rows` written."""
        for row in rows:
            self.offer(row)

    def status(self) -> RecorderStatus:
        """How it goes now."""
        return RecorderStatus(
            state="writing" if self._error is None else "away",
            since=self._since,
            error=self._error,
            queued=self._waiting.counts(),
            written=dict(self._written),
            dropped=dict(self._waiting.dropped),
            refused=dict(self._refused),
            last_write=self._last_write,
            last_batch_seconds=self._last_seconds,
        )

    async def run(self) -> None:
        """Write until closed and empty."""
        while True:
            await self._due()
            if not self._waiting:
                break
            await self._write(self._take())
        self._drained.set()

    async def drain(self, seconds: float) -> None:
        """Write what waits, for at most `seconds`; the rest is dropped, counted and logged."""
        self._closing = True
        self._arrived.set()
        self._enough.set()
        with trio.move_on_after(seconds, shield=True):
            await self._drained.wait()
            return
        self._waiting.abandon()
        dropped = {name: count for name, count in self._waiting.dropped.items() if count}
        _log.error("The database did not take all rows before the end; dropped: %s", dropped)

    async def _due(self) -> None:
        """Wait for a row, then for a batch of them or until the row is old enough."""
        if self._closing:
            await trio.lowlevel.checkpoint()
            return
        await self._arrived.wait()
        with trio.move_on_after(self._settings.batch_age):
            await self._enough.wait()

    def _take(self) -> Batch:
        batch = self._waiting.take(self._settings.batch_size * BACKLOG_FACTOR)
        if not self._closing:
            if not self._waiting:
                self._arrived = trio.Event()
            if len(self._waiting) < self._settings.batch_size:
                self._enough = trio.Event()
        return batch

    async def _write(self, batch: Batch) -> None:
        """Write `batch` however long it takes; rows that are refused are found and given up."""
        try:
            await self._until_written(batch)
        except RefusedRowsError as error:
            if len(batch) > 1:
                for half in batch.halves():
                    await self._write(half)
                return
            for name, count in batch.counts().items():
                self._refused[name] += count
                _log.error("A row for %s is refused and lost. %s", name, error)
            self._waiting.settled(batch)

    async def _until_written(self, batch: Batch) -> None:
        retrying = tenacity.AsyncRetrying(
            sleep=trio.sleep,
            wait=BACKOFF,
            retry=tenacity.retry_if_exception(_worth_a_retry),
            before_sleep=self._away,
            reraise=True,
        )
        began = time.monotonic()
        await retrying(self._database.write, lambda connection: write_batch(connection, batch))
        self._last_seconds = time.monotonic() - began
        self._last_write = datetime.now(UTC)
        self._waiting.settled(batch)
        for name, count in batch.counts().items():
            self._written[name] += count
        if self._error is not None:
            self._error, self._since = None, self._last_write
            _log.warning("The database takes rows again")

    def _away(self, attempt: tenacity.RetryCallState) -> None:
        error = attempt.outcome.exception() if attempt.outcome else None
        if self._error is None:
            self._since = datetime.now(UTC)
            _log.error("The database takes no rows, which wait: %s", error)
        self._error = str(error)


@contextlib.asynccontextmanager
async def open_recorder(
    database: Database, settings: Storage, *, drain_seconds: float = DRAIN_SECONDS
) -> AsyncIterator[Recorder]:
    """A recorder that writes for the length of the block, and then what is still waiting."""
    recorder = Recorder(database, settings)
    async with outliving(recorder.run):
        try:
            yield recorder
        finally:
            await recorder.drain(drain_seconds)


def _worth_a_retry(error: BaseException) -> bool:
    return isinstance(error, StorageError) and not isinstance(error, RefusedRowsError)
