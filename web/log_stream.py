"""The lines of a container to one reader, and as server-sent events: those stored, then live ones.

A line is stored a little after it comes in. So what comes in is listened to first, then the stored
tail is sent; after a moment, in which everything from before is stored, so is what had not been by
then. What is heard of these lines meanwhile is left out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import anyio
import msgspec
from litestar.types import Receive, Scope, Send

from storage.queries_logs import LogPlace
from web.documents import GapDocument
from web.history import History, HistoryRefused, HistoryUnavailable, LogFilter, Span
from web.history_documents import LogLineDocument
from web.log_cursor import place_of, write_cursor
from web.log_source import LogSource, LogSubscription
from web.sse import RETRY_MS, Write, answer_stream
from web.streams import Streams

_PAGE = 1000
_MOST_PAGES = 10  # caught up with after a client was away; what is more is told as a gap
_AHEAD = timedelta(days=1)  # an Engine's clock may be ahead of ours


class Following(msgspec.Struct, frozen=True, kw_only=True):
    """What is followed: `tail` lines since `since`, or all `after` a place; then what comes."""

    host: str
    container_id: str
    wanted: LogFilter
    since: datetime
    tail: int
    after: LogPlace | None


class LogOutput(Protocol):
    """How a reader is told, in its protocol. A call returns when the client may take more."""

    async def lines(self, lines: Sequence[LogLineDocument]) -> None:
        """Lines, oldest first; who has one resumes at its cursor."""
        ...

    async def gap(self, gap: GapDocument) -> None:
        """Lines that were not sent."""
        ...

    async def heartbeat(self) -> None:
        """A sign of life."""
        ...


class LogFollower:
    """Tells one reader of the lines of a container until it is cancelled.

    Args:
        source: Where lines come in.
        history: Where they are stored.
        following: Which lines.
        output: Where they go.
        settle: Seconds after which a line that came in is stored.
        heartbeat: Seconds of silence before a sign of life.
    """

    def __init__(
        self,
        source: LogSource,
        history: History,
        following: Following,
        output: LogOutput,
        *,
        settle: float,
        heartbeat: float,
    ) -> None:
        self._source = source
        self._history = history
        self._following = following
        self._output = output
        self._settle = settle
        self._heartbeat = heartbeat
        self._last = following.after
        self._sent: set[tuple[int, str, int]] = set()

    async def run(self, begin: Callable[[], Awaitable[None]]) -> None:
        """Send what is stored, then what comes; `begin` is called once it is listened to."""
        wanted = self._following
        with self._source.subscribe(wanted.host, wanted.container_id) as subscription:
            await begin()
            try:
                await self._send_stored()
            except HistoryUnavailable:
                await self._output.gap(GapDocument(missed=None, reason="the database is away"))
            except HistoryRefused:  # the span is longer than is read at once
                await self._output.gap(GapDocument(missed=None, reason="too far behind"))
            await self._pass_on(subscription)

    async def _send_stored(self) -> None:
        if self._last is None:
            tail = await self._history.logs(
                self._following.wanted, self._span(), self._following.tail, "backward", None
            )
            await self._send(tail.lines)
        await anyio.sleep(self._settle)
        for _ in range(_MOST_PAGES):
            page = await self._history.logs(
                self._following.wanted, self._span(), _PAGE, "forward", self._last
            )
            await self._send(page.lines)
            if page.newer is None:
                return
        await self._output.gap(GapDocument(missed=None, reason="too far behind"))

    def _span(self) -> Span:
        since = self._following.since
        begin = since if self._last is None else min(since, self._last.time)
        return Span(begin, datetime.now(UTC) + _AHEAD)

    async def _send(self, lines: Sequence[LogLineDocument]) -> None:
        if lines:
            self._sent.update((line.time_nano, line.stream, line.sequence) for line in lines)
            self._last = place_of(lines[-1])
            await self._output.lines(lines)

    async def _pass_on(self, subscription: LogSubscription) -> None:
        dropped = 0
        while True:
            line: LogLineDocument | None = None
            with anyio.move_on_after(self._heartbeat):
                line = await subscription.next()
            if line is None:
                await self._output.heartbeat()
                continue
            if subscription.dropped > dropped:
                missed, dropped = subscription.dropped - dropped, subscription.dropped
                await self._output.gap(GapDocument(missed=missed, reason="too slow"))
            new = (line.time_nano, line.stream, line.sequence) not in self._sent
            if new and line_matches(line, self._following.wanted):
                await self._output.lines([line])


def line_matches(line: LogLineDocument, wanted: LogFilter) -> bool:
    """Whether a line is wanted, all but the regular expression, which is the database's."""
    return (
        (not wanted.levels or line.level in wanted.levels)
        and (not wanted.streams or line.stream in wanted.streams)
        and (wanted.text is None or wanted.text.lower() in line.line.lower())
    )


class LogStream:
    """An ASGI application that answers one request with a stream of lines; see `LogFollower`."""

    def __init__(
        self,
        source: LogSource,
        history: History,
        streams: Streams,
        following: Following,
        settle: float,
    ) -> None:
        self._source = source
        self._history = history
        self._streams = streams
        self._following = following
        self._settle = settle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Stream until the client leaves or the server ends."""
        await answer_stream(self._streams, receive, send, self._feed)

    async def _feed(self, write: Write) -> None:
        follower = LogFollower(
            self._source,
            self._history,
            self._following,
            _Lines(write),
            settle=self._settle,
            heartbeat=self._streams.heartbeat,
        )

        async def begin() -> None:
            await write(f"retry: {RETRY_MS}\n\n".encode())

        await follower.run(begin)


class _Lines:
    """Implements `LogOutput` as server-sent events."""

    def __init__(self, write: Write) -> None:
        self._write = write

    async def lines(self, lines: Sequence[LogLineDocument]) -> None:
        await self._write(b"".join(map(_message, lines)))

    async def gap(self, gap: GapDocument) -> None:
        await self._write(b"event: gap\ndata: " + msgspec.json.encode(gap) + b"\n\n")

    async def heartbeat(self) -> None:
        await self._write(b": heartbeat\n\n")


def _message(line: LogLineDocument) -> bytes:
    cursor = write_cursor(place_of(line)).encode()
    return b"id: " + cursor + b"\ndata: " + msgspec.json.encode(line) + b"\n\n"
