"""What is in the spool goes to the database, oldest first, beside what is written live.

A row that the database can never take must not hold up all others. Where the error does not say
whether it lies in the rows, they are tried again; if other rows of the same tables are taken
between the failures, the rows are halved, until the one at fault is alone and set aside.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping

import tenacity
import trio

from storage.batch import Batch
from storage.errors import StorageError, UnclearError
from storage.spool import Spool
from storage.spool_files import Part
from storage.writing import Refusal, Writer, write_rows

ROWS_PER_SECOND = 20_000  # at most: the live rows and the readers come first
BACKOFF = tenacity.wait_random_exponential(multiplier=0.25, max=10.0)
SUSPECT_FAILURES = 4  # of the same rows, while others are taken in between
_RATE_SECONDS = 10.0


class _Trial:
    """Whether rows are at fault, or the database: told by what it takes between their failures."""

    def __init__(self, taken: Mapping[str, int], batch: Batch, failures: int) -> None:
        self._taken = taken
        self._tables = batch.counts()
        self._failures = failures
        self._left = failures
        self._before = -1

    def is_over(self, state: tenacity.RetryCallState) -> bool:
        """Count one more failure; True when it must be the rows."""
        error = state.outcome and state.outcome.exception()
        others = sum(self._taken[name] for name in self._tables)
        if not isinstance(error, UnclearError):
            self._left = self._failures  # the database has troubles of its own
        elif others != self._before:
            self._left -= 1
        self._before = others
        return self._left <= 0


class Replay:
    """Drains the spool.

    Args:
        spool: where from.
        write: `Database.replay`.
        batch_size: rows of a transaction.
        written: told of what is written, of the rows that are refused, and the seconds it took.
        failed: told why the database did not take it.
    """

    def __init__(
        self,
        spool: Spool,
        write: Writer,
        batch_size: int,
        written: Callable[[Part, list[Refusal], float], None],
        failed: Callable[[StorageError], None],
    ) -> None:
        self._spool = spool
        self._writer = write
        self._batch_size = batch_size
        self._written = written
        self._failed = failed
        self._lately: deque[tuple[float, int]] = deque(maxlen=1000)  # when, and how many rows
        self._taken: Counter[str] = Counter()
        self._last_seconds = 0.0
        self._progress = trio.Event()
        self._failing = False

    def note_taken(self, counts: Mapping[str, int], refused: list[Refusal]) -> None:
        """The database took these rows by table, here or elsewhere, but for the refused ones."""
        self._taken.update(counts)
        self._taken.subtract(refusal.table for refusal in refused)

    async def caught_up(self) -> bool:
        """Wait until the spool is empty (True), or the database does not take what is in it."""
        while self._spool.rows and not self._failing:
            await self._progress.wait()
        return not self._spool.rows

    def rows_per_second(self) -> float:
        """How many went through in the last ten seconds, on average."""
        since = trio.current_time() - _RATE_SECONDS
        return sum(rows for at, rows in self._lately if at >= since) / _RATE_SECONDS

    async def run(self) -> None:
        """Replay whatever is in the spool, until cancelled."""
        while True:
            part = await self._spool.next(self._batch_size)
            began = trio.current_time()
            await self._until_written(part)
            self._spool.end()
            self._note_progress()
            rows = len(part.batch)
            self._lately.append((trio.current_time(), rows))
            await trio.sleep_until(began + rows / ROWS_PER_SECOND)

    async def _until_written(self, part: Part) -> None:
        if not part.batch:
            self._written(part, [], 0.0)
            return
        refused = await self._write(part.batch, SUSPECT_FAILURES)
        self._written(part, refused, self._last_seconds)

    async def _write(self, batch: Batch, failures: int) -> list[Refusal]:
        """Write `batch` but for what is refused; it is halved after so many failures of its own."""
        retrying = tenacity.AsyncRetrying(
            sleep=trio.sleep,
            wait=BACKOFF,
            retry=tenacity.retry_if_exception_type(StorageError),
            stop=_Trial(self._taken, batch, failures).is_over,
            reraise=True,
        )
        try:
            return await retrying(self._write_once, batch)
        except UnclearError as error:
            if len(batch) == 1:
                (table,) = batch.counts()
                return [Refusal(table, str(error))]
        halves = batch.halves()
        return [
            refusal
            for half in halves
            for refusal in await self._write(half, SUSPECT_FAILURES if len(half) == 1 else 1)
        ]

    async def _write_once(self, batch: Batch) -> list[Refusal]:
        began = trio.current_time()
        try:
            refused = await write_rows(self._writer, batch)
        except StorageError as error:
            self._failing = True
            self._note_progress()
            self._failed(error)
            raise
        self._failing = False
        self._last_seconds = trio.current_time() - began
        self.note_taken(batch.counts(), refused)
        return refused

    def _note_progress(self) -> None:
        self._progress.set()
        self._progress = trio.Event()
