"""Lines go to a file descriptor by a thread of their own: who reads them slowly stalls nobody."""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Callable

MOST_LINES = 10_000
MOST_BYTES = 8 * 2**20
CLOSE_SECONDS = 2.0
_TAKE = 64 * 1024  # bytes of whole lines written at once


class LineWriter:
    """A bounded queue of lines, and the thread that writes them.

    Args:
        descriptor: Where lines go; it stays open at the end.
        lost: Makes the line that tells how many were dropped.
    """

    def __init__(self, descriptor: int, lost: Callable[[int], bytes]) -> None:
        self._descriptor = descriptor
        self._lost = lost
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._told = 0  # of those that were dropped
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="own log", daemon=True)
        self.dropped = 0
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Have a line written, from any thread and at once; without room it is dropped, counted."""
        with self._changed:
            if len(self._lines) >= MOST_LINES or self._bytes + len(line) > MOST_BYTES:
                self.dropped += 1
                return
            self._lines.append(line)
            self._bytes += len(line)
            self._changed.notify()

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Write what waits, for at most `seconds`; the rest is left behind."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(seconds)

    def _run(self) -> None:
        while (data := self._take()) is not None:
            if not self._write(data):
                with self._changed:
                    self.dropped += data.count(b"\n")
                    self._told = self.dropped  # telling would fail as well

    def _take(self) -> bytes | None:
        """The next lines; None once closed and empty."""
        with self._changed:
            while not self._lines and self._told == self.dropped:
                if self._closing:
                    return None
                self._changed.wait()
            taken = []
            size = 0
            while self._lines and size < _TAKE:
                taken.append(self._lines.popleft())
                size += len(taken[-1])
            self._bytes -= size
            missing, self._told = self.dropped - self._told, self.dropped
        if missing:
            taken.append(self._lost(missing))
        return b"".join(taken)

    def _write(self, data: bytes) -> bool:
        """Whether somebody took it: the reader of a pipe may be gone, a disk full."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:  # whoever shares the descriptor made it so
                writable = select.poll()
                writable.register(self._descriptor, select.POLLOUT)
                writable.poll()
            except OSError:
                return False
        return True
