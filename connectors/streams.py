"""JSON lines out of pieces of any size; no I/O."""

from __future__ import annotations

from connectors.wire import MalformedError

MAX_LINE = 1024 * 1024


class Lines:
    """Cuts a byte stream into lines. A line may be at most `limit` bytes long."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        """Begin with an empty line."""
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes, without their ends; empty lines are left out.

        Raises:
            MalformedError: A line is longer than the limit.
        """
        *complete, rest = data.split(b"\n")
        if complete:
            complete[0] = b"".join((*self._parts, complete[0]))
            self._parts.clear()
            self._size = 0
        if rest:
            self._parts.append(rest)
            self._size += len(rest)
        if self._size > self._limit or any(len(line) > self._limit for line in complete):
            raise MalformedError(f"sent a line of more than {self._limit} bytes", data)
        return [stripped for line in complete if (stripped := line.strip())]
