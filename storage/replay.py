"""What is in the spool goes to the database, oldest first, beside what is written live."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import tenacity
import trio

from storage.errors import StorageError
from storage.spool import Spool
from storage.spool_files import Part
from storage.writing import Refusal, Writer, write_rows

ROWS_PER_SECOND = 20_000  # at most: the live rows and the readers come first
BACKOFF = tenacity.wait_random_exponential(multiplier=0.25, max=10.0)
_RATE_SECONDS = 10.0


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
        self._write = write
        self._batch_size = batch_size
        self._written = written
        self._failed = failed
        self._lately: deque[tuple[float, int]] = deque(maxlen=1000)  # when, and how many rows
        self._progress = trio.Event()
        self._failing = False

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
        retrying = tenacity.AsyncRetrying(
            sleep=trio.sleep,
            wait=BACKOFF,
            retry=tenacity.retry_if_exception_type(StorageError),
            reraise=True,
        )
        await retrying(self._write_once, part)

    async def _write_once(self, part: Part) -> None:
        began = trio.current_time()
        try:
            refused = await write_rows(self._write, part.batch)
        except StorageError as error:
            self._failing = True
            self._note_progress()
            self._failed(error)
            raise
        self._failing = False
        self._written(part, refused, trio.current_time() - began)

    def _note_progress(self) -> None:
        self._progress.set()
        self._progress = trio.Event()
