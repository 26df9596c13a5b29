"""Container logs as lines: frames taken apart, lines joined, bounds kept; no I/O.

Without a TTY the Engine multiplexes: each message is a frame of an 8-byte header (stream, three
zeros, big-endian length) and the payload. Messages are at most 16 KiB, a longer line comes as
several, and each of them carries a timestamp of its own when asked for. With a TTY there are no
frames, but long lines are cut and stamped just the same.
"""

from __future__ import annotations

import re
from typing import Literal

from connectors.models import LogFrame
from connectors.wire import MalformedError

MAX_LINE = 64 * 1024
MAX_FRAME = 64 * 1024 * 1024
MESSAGE = 16 * 1024

StreamName = Literal["stdout", "stderr"]
_STREAMS: dict[int, StreamName] = {0: "stdout", 1: "stdout", 2: "stderr"}
_SYSTEM_ERROR = 3
_HEADER = 8
_LONGEST_STAMP = 40
_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d) ")


class _Line:
    """The line that is being joined, of one stream."""

    def __init__(self, limit: int) -> None:
        self.time = b""
        self.is_begun = False
        self._limit = limit
        self._text = bytearray()
        self._is_cut = False

    def add(self, text: bytes) -> None:
        """Append, up to the limit."""
        self.is_begun = True
        room = self._limit - len(self._text)
        self._is_cut = self._is_cut or len(text) > room
        self._text += text[:room]

    def end(self, stream: StreamName) -> LogFrame:
        """Return the line and begin the next."""
        time = self.time.decode("ascii", "replace")
        line = LogFrame(stream, time, bytes(self._text), self._is_cut)
        self.time, self.is_begun, self._is_cut = b"", False, False
        self._text.clear()
        return line


class FramedLogs:
    """Multiplexed logs: `feed` bytes, take lines, `finish` at the end.

    A line belongs to one stream, may span frames, and carries the time of its first message.
    """

    def __init__(self, *, timestamps: bool, limit: int = MAX_LINE) -> None:
        """Cut lines at `limit` bytes; `timestamps` says whether messages begin with one."""
        self._timestamps = timestamps
        self._lines: dict[StreamName, _Line] = {"stdout": _Line(limit), "stderr": _Line(limit)}
        self._stream: StreamName = "stdout"
        self._left = 0  # bytes of the present frame that have not come yet
        self._header = b""
        self._stamp: bytes | None = None  # the frame's beginning, while it may be a timestamp

    def feed(self, data: bytes) -> list[LogFrame]:
        """Return the lines that `data` completes.

        Raises:
            MalformedError: No frame header where one must be, or the Engine's own error.
        """
        found: list[LogFrame] = []
        at = 0
        while at < len(data):
            if self._left:
                payload = data[at : at + self._left]
                at += len(payload)
                self._left -= len(payload)
                self._payload(payload, found)
            else:
                needed = _HEADER - len(self._header)
                self._header += data[at : at + needed]
                at += needed
                if len(self._header) == _HEADER:
                    self._begin(self._header)
                    self._header = b""
        return found

    def finish(self) -> list[LogFrame]:
        """Return what never got its line end."""
        return [line.end(stream) for stream, line in self._lines.items() if line.is_begun]

    def _begin(self, header: bytes) -> None:
        size = int.from_bytes(header[4:], "big")
        if header[0] > _SYSTEM_ERROR or header[1:4] != b"\0\0\0" or size > MAX_FRAME:
            raise MalformedError("sent a malformed log frame", header)
        if header[0] == _SYSTEM_ERROR:
            raise MalformedError("broke off the log with an error of its own")
        self._stream = _STREAMS[header[0]]
        self._left = size
        self._stamp = b"" if self._timestamps else None

    def _payload(self, payload: bytes, found: list[LogFrame]) -> None:
        line = self._lines[self._stream]
        if self._stamp is not None:
            self._stamp += payload
            if self._left and len(self._stamp) < _LONGEST_STAMP and b" " not in self._stamp:
                return
            time, payload = split_time(self._stamp)
            self._stamp = None
            line.time = line.time or time
        time = line.time
        *complete, rest = payload.split(b"\n")
        for text in complete:
            line.time = time
            line.add(text)
            found.append(line.end(self._stream))
        if rest:
            line.time = time
            line.add(rest)


class RawLogs:
    """Logs of a container with a TTY: one stream, no frames, lines end in CR LF."""

    def __init__(self, *, timestamps: bool, limit: int = MAX_LINE) -> None:
        """Cut lines at `limit` bytes; `timestamps` says whether messages begin with one."""
        self._timestamps = timestamps
        stamps = (limit // MESSAGE + 1) * _LONGEST_STAMP if timestamps else 0
        self._raw = _Line(limit + stamps)
        self._limit = limit

    def feed(self, data: bytes) -> list[LogFrame]:
        """Return the lines that `data` completes."""
        *complete, rest = data.split(b"\n")
        found = []
        for text in complete:
            self._raw.add(text)
            found.append(self._end())
        if rest:
            self._raw.add(rest)
        return found

    def finish(self) -> list[LogFrame]:
        """Return what never got its line end."""
        return [self._end()] if self._raw.is_begun else []

    def _end(self) -> LogFrame:
        raw = self._raw.end("stdout")
        text, time = raw.line, b""
        if self._timestamps:
            time, text = split_time(text)
            text = _without_inner_times(text)
        is_cut = raw.truncated or len(text) > self._limit
        text = text[: self._limit] if is_cut else text.removesuffix(b"\r")
        return LogFrame("stdout", time.decode("ascii"), text, is_cut)


def split_time(text: bytes) -> tuple[bytes, bytes]:
    """Split `2026-11-21T07:27:08.846901745Z text`; no time is an empty one."""
    stamp = _STAMP.match(text)
    return (stamp[0][:-1], text[stamp.end() :]) if stamp else (b"", text)


def _without_inner_times(text: bytes) -> bytes:
    """Take out the times that the Engine writes where it cuts a long line."""
    parts, at = [], 0
    while len(text) - at > MESSAGE and (stamp := _STAMP.match(text, at + MESSAGE)):
        parts.append(text[at : at + MESSAGE])
        at = stamp.end()
    return b"".join((*parts, text[at:])) if parts else text
