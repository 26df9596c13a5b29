"""A ledger to one client as server-sent events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from litestar.types import Receive, Scope, Send

from web.documents import GapDocument
from web.live.documents import SkippedDocument
from web.live.filters import Wanted
from web.live.follower import Follower
from web.live.ledger import Entry
from web.live.place import Resume, write_place
from web.live.source import Readable
from web.sse import RETRY_MS, Write, answer_stream
from web.streams import Streams


class LiveStream:
    """An ASGI application that answers one request with a stream of what changes."""

    def __init__(
        self, ledger: Readable, streams: Streams, wanted: Wanted | None, resume: Resume, run: str
    ) -> None:
        self._ledger = ledger
        self._streams = streams
        self._wanted = wanted
        self._resume = resume
        self._run = run

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Stream until the client leaves or the server ends."""
        await answer_stream(self._streams, receive, send, self._feed)

    async def _feed(self, write: Write) -> None:
        output = _Events(write, self._ledger.name, self._run)
        streams = self._streams
        follower = Follower(self._ledger, self._wanted, output, streams.heartbeat, streams.__len__)
        await write(f"retry: {RETRY_MS}\n\n".encode())
        await follower.run(self._resume, self._run)


class _Events:
    """Implements `web.live.follower.Output` as server-sent events."""

    def __init__(self, write: Write, name: str, run: str) -> None:
        self._write = write
        self._name = name
        self._run = run

    async def snapshot(self, entries: Iterator[Sequence[Entry]], version: int) -> None:
        """One event, written piece by piece; a client that leaves in between has none of it."""
        begin = self._id(version) + f'event: snapshot\ndata: {{"{self._name}":['.encode()
        for piece in entries:
            await self._write(begin + b",".join([entry.data for entry in piece]))
            begin = b","
        await self._write((b"" if begin == b"," else begin) + b"]}\n\n")

    async def changes(self, entries: Sequence[Entry]) -> None:
        """An event for each, all of them in one write."""
        await self._write(b"".join([self._event(entry) for entry in entries]))

    async def skipped(self, states: int | None) -> None:
        """An event without an id: it is no place to resume at."""
        data = msgspec.json.encode(SkippedDocument(skipped=states))
        await self._write(b"event: skipped\ndata: " + data + b"\n\n")

    async def gap(self, gap: GapDocument) -> None:
        """An event without an id, as above."""
        await self._write(b"event: gap\ndata: " + msgspec.json.encode(gap) + b"\n\n")

    async def heartbeat(self, version: int) -> None:
        """A comment that carries the place."""
        await self._write(b": heartbeat\n" + self._id(version) + b"\n")

    def _event(self, entry: Entry) -> bytes:
        word = b"event: removed\ndata: " if entry.gone else b"event: changed\ndata: "
        return self._id(entry.version) + word + entry.data + b"\n\n"

    def _id(self, version: int) -> bytes:
        return f"id: {write_place(version, self._run)}\n".encode()
