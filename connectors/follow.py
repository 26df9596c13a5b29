"""Events and logs as they come: a stream of the Engine, read into typed values."""

from __future__ import annotations

from collections import deque
from typing import Self

import msgspec
import trio

from connectors.http import Http, Stream
from connectors.logs import FramedLogs, RawLogs
from connectors.models import Event, LogFrame
from connectors.streams import Lines
from connectors.wire import MalformedError

TURN = 64  # of what was received at once, so many are told before others have their turn

_decode_event = msgspec.json.Decoder(Event).decode


class EventStream:
    """The Engine's events, in its order; the iteration ends when the Engine ends the stream.

    Their times may go back, as the Engine's clock may be set back.
    """

    def __init__(self, http: Http, stream: Stream, unasked: range) -> None:
        """Read from an open `/events`; leave out what is of the `unasked` nanoseconds."""
        self._http = http
        self._stream = stream
        self._unasked = unasked
        self._lines = Lines()
        self._ready: deque[Event] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        if len(self._ready) % TURN == 0:
            await trio.lowlevel.checkpoint()
        while not self._ready:
            data = await self._stream.receive()
            if not data:
                raise StopAsyncIteration
            with self._http.reading():
                found = map(read_event, self._lines.feed(data))
                self._ready.extend(event for event in found if event.time_nano not in self._unasked)
        return self._ready.popleft()


class LogStream:
    """A container's log, line by line; it ends with the log, or when following ends."""

    def __init__(self, http: Http, stream: Stream, reader: FramedLogs | RawLogs) -> None:
        """Read from an open `/containers/ID/logs`."""
        self._http = http
        self._stream = stream
        self._reader = reader
        self._ready: deque[LogFrame] = deque()
        self._is_over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> LogFrame:
        if len(self._ready) % TURN == 0:
            await trio.lowlevel.checkpoint()
        while not self._ready:
            if self._is_over:
                raise StopAsyncIteration
            self._ready.extend(await self.batch() or self.rest())
        return self._ready.popleft()

    async def batch(self) -> list[LogFrame]:
        """The lines that came together, as soon as there is one; none at the end.

        A cancelled wait loses nothing. Not to be mixed with iterating.
        """
        found: list[LogFrame] = []
        while not found and not self._is_over:
            data = await self._stream.receive()
            self._is_over = not data
            with self._http.reading():
                found = self._reader.feed(data)
        return found

    def rest(self) -> list[LogFrame]:
        """At the end: what never got its line end."""
        with self._http.reading():
            return self._reader.finish()


def read_event(line: bytes) -> Event:
    """Read one line of `/events`.

    Raises:
        MalformedError: It is no event.
    """
    try:
        found = _decode_event(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError("sent a malformed event", line) from error
    if not found.type or not found.action:
        raise MalformedError("sent an event without type or action", line)
    return found
