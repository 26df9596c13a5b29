"""Lines of containers to one reader as server-sent events; see `web.log_follower`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from litestar.types import Receive, Scope, Send

from web.documents import GapDocument
from web.history import History
from web.log_follower import Following, LogFollower, Told
from web.log_source import LogSource
from web.sse import RETRY_MS, Write, answer_stream
from web.streams import Streams


class LogStream:
    """An ASGI application that answers one request with a stream of lines."""

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

    async def lines(self, lines: Sequence[Told]) -> None:
        await self._write(b"".join(map(_message, lines)))

    async def gap(self, gap: GapDocument) -> None:
        await self._write(b"event: gap\ndata: " + msgspec.json.encode(gap) + b"\n\n")

    async def heartbeat(self) -> None:
        await self._write(b": heartbeat\n\n")


def _message(told: Told) -> bytes:
    line, place = told
    id_ = b"" if place is None else f"id: {place}\n".encode()
    return id_ + b"data: " + msgspec.json.encode(line) + b"\n\n"
