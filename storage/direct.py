"""The direct way of a batch into the database: one at a time, and only while it is quick.

A batch that is not acknowledged soon is put on disk as well (by the recorder). If that went on, a
merely slow database would have everything written twice. So after a failure, or an answer that came
late, nothing is sent this way for a while, ever longer, until the database is quick again.
"""

from __future__ import annotations

import random

import trio

from storage.batch import Batch
from storage.errors import StorageError
from storage.spool import Ticket
from storage.writing import Refusal, Writer, write_rows

PAUSE_SECONDS = 0.25  # after the first failure; then doubled
LONGEST_PAUSE_SECONDS = 10.0
SILENT_SECONDS = 3.0  # after so long without an answer the database counts as away


class Attempt:
    """A batch on its way.

    Attributes:
        batch: what is written.
        over: set when it has ended.
        written: whether all of it is in the database, but for what is `refused`.
        ticket: of the same batch on disk, if it was put there.
        putting: around putting it there, which is not waited for once it is written.
    """

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.over = trio.Event()
        self.written = False
        self.ticket: Ticket | None = None
        self.putting = trio.CancelScope()
        self.refused: list[Refusal] = []
        self.began = trio.current_time()

    async def ended(self, seconds: float) -> bool:
        """Wait for the end, at most so long; tells whether it is written."""
        with trio.move_on_after(seconds):
            await self.over.wait()
        return self.written


class Direct:
    """Sends batches and judges how quick the answers are.

    Args:
        write: `Database.write`.
        soon: seconds within which an answer is quick.
    """

    def __init__(self, write: Writer, soon: float) -> None:
        self._write = write
        self._soon = soon
        self._current: Attempt | None = None
        self._strikes = 0
        self._paused_until = 0.0
        self._error: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why the database takes nothing; None while it does, be it slowly."""
        if self._error is None and self._current is not None:
            waited = trio.current_time() - self._current.began
            if waited > SILENT_SECONDS:
                return f"no answer for {waited:.0f} s"
        return self._error

    @property
    def open(self) -> bool:
        """Whether a batch may be sent now."""
        return self._current is None and trio.current_time() >= self._paused_until

    def begin(self, batch: Batch) -> Attempt:
        """Take on `batch`, to be passed to `carry_out`; only while `open`."""
        self._current = Attempt(batch)
        return self._current

    async def carry_out(self, attempt: Attempt) -> None:
        """Write it; every failure becomes the state of this object."""
        try:
            attempt.refused = await write_rows(self._write, attempt.batch)
        except StorageError as error:
            self.failed(error)
            self._strike()
        else:
            attempt.written = True
            seconds = trio.current_time() - attempt.began
            self.answered(seconds)
            if seconds > self._soon:
                self._strike()
        finally:
            self._current = None
            attempt.over.set()

    def answered(self, seconds: float) -> None:
        """The database took a batch, this way or another, in `seconds`."""
        self._error = None
        if seconds <= self._soon:
            self._strikes, self._paused_until = 0, 0.0

    def failed(self, error: StorageError) -> None:
        """The database did not take a batch, this way or another."""
        self._error = str(error)

    async def idle(self) -> None:
        """Wait until nothing is on its way."""
        if self._current is not None:
            await self._current.over.wait()

    def _strike(self) -> None:
        longest = min(LONGEST_PAUSE_SECONDS, PAUSE_SECONDS * 2**self._strikes)
        self._strikes = min(self._strikes + 1, 10)
        self._paused_until = trio.current_time() + random.uniform(longest / 2, longest)  # noqa: S311 - jitter
