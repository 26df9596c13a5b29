"""The lines of one container to one client as server-sent events: those stored, then live ones.

A line is stored a little after it comes in. So what comes in is listened to first, then the stored
tail is sent; after a moment, in which everything from before is stored, so is what had not been by
then. What is heard of these lines meanwhile is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

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


class LogStream:
    """An ASGI application that answers one request with a stream of lines.

    Args:
        source: Where lines come in.
        history: Where they are stored.
        streams: Places for live streams.
        following: Which lines.
        settle: Seconds after which a line that came in is stored.
    """

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
        self._last = following.after
        self._sent: set[tuple[int, str, int]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Stream until the client leaves or the server ends."""
        await answer_stream(self._streams, receive, send, self._feed)

    async def _feed(self, write: Write) -> None:
        wanted = self._following
        with self._source.subscribe(wanted.host, wanted.container_id) as subscription:
            await write(f"retry: {RETRY_MS}\n\n".encode())
            try:
                await self._send_stored(write)
            except HistoryUnavailable:
                told = GapDocument(missed=None, reason="the database is away")
                await write(_gap(told))
            except HistoryRefused:  # the span is longer than is read at once
                await write(_gap(GapDocument(missed=None, reason="too far behind")))
            await self._pass_on(subscription, write)

    async def _send_stored(self, write: Write) -> None:
        if self._last is None:
            tail = await self._history.logs(
                self._following.wanted, self._span(), self._following.tail, "backward", None
            )
            await self._send(tail.lines, write)
        await anyio.sleep(self._settle)
        for _ in range(_MOST_PAGES):
            page = await self._history.logs(
                self._following.wanted, self._span(), _PAGE, "forward", self._last
            )
            await self._send(page.lines, write)
            if page.newer is None:
                return
        await write(_gap(GapDocument(missed=None, reason="too far behind")))

    def _span(self) -> Span:
        since = self._following.since
        begin = since if self._last is None else min(since, self._last.time)
        return Span(begin, datetime.now(UTC) + _AHEAD)

    async def _send(self, lines: Sequence[LogLineDocument], write: Write) -> None:
        if lines:
            self._sent.update((line.time_nano, line.stream, line.sequence) for line in lines)
            self._last = place_of(lines[-1])
            await write(b"".join(map(_message, lines)))

    async def _pass_on(self, subscription: LogSubscription, write: Write) -> None:
        dropped = 0
        while True:
            line: LogLineDocument | None = None
            with anyio.move_on_after(self._streams.heartbeat):
                line = await subscription.next()
            if line is None:
                await write(b": heartbeat\n\n")
                continue
            if subscription.dropped > dropped:
                missed, dropped = subscription.dropped - dropped, subscription.dropped
                await write(_gap(GapDocument(missed=missed, reason="too slow")))
            new = (line.time_nano, line.stream, line.sequence) not in self._sent
            if new and line_matches(line, self._following.wanted):
                await write(_message(line))


def line_matches(line: LogLineDocument, wanted: LogFilter) -> bool:
    """Whether a line is wanted, all but the regular expression, which is the database's."""
    return (
        (not wanted.levels or line.level in wanted.levels)
        and (not wanted.streams or line.stream in wanted.streams)
        and (wanted.text is None or wanted.text.lower() in line.line.lower())
    )


def _message(line: LogLineDocument) -> bytes:
    cursor = write_cursor(place_of(line)).encode()
    return b"id: " + cursor + b"\ndata: " + msgspec.json.encode(line) + b"\n\n"


def _gap(gap: GapDocument) -> bytes:
    return b"event: gap\ndata: " + msgspec.json.encode(gap) + b"\n\n"
