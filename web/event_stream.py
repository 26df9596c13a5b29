"""Live events to one client as server-sent events."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import anyio
import msgspec
from litestar.types import Receive, Scope, Send

from web.documents import EventDocument, GapDocument
from web.read_model import ReadModel, Subscription
from web.sse import RETRY_MS, Write, answer_stream
from web.streams import Streams

_ID = re.compile(r"([0-9]{1,18})(?:-([0-9a-f]{1,16}))?")


class Resume(msgspec.Struct, frozen=True):
    """Where a client left off: after this number, or from an earlier run of the program."""

    after: int | None = None
    restarted: bool = False


def run_of(model: ReadModel) -> str:
    """This run of the program in an id, since numbers start again with each."""
    return f"{int(model.fleet().started.timestamp() * 1000):x}"


def newest_id(model: ReadModel, held: Sequence[EventDocument]) -> str:
    """Where the stream goes on after these newest events, whatever of them was wanted."""
    return f"{held[-1].number if held else 0}-{run_of(model)}"


def parse_last_event_id(header: str | None, run: str, newest: int) -> Resume:
    """Read `Last-Event-ID`: `NUMBER-RUN` as sent, or a bare number of this run.

    What cannot be of this run counts as from an earlier one, so the client is told of a gap.
    """
    if not header:
        return Resume()
    match = _ID.fullmatch(header.strip())
    if match is None or match[2] not in (None, run) or int(match[1]) > newest:
        return Resume(after=0, restarted=True)
    return Resume(after=int(match[1]))


class EventStream:
    """An ASGI application that answers one request with a stream of events."""

    def __init__(
        self,
        model: ReadModel,
        streams: Streams,
        matches: Callable[[EventDocument], bool],
        last_event_id: str | None,
    ) -> None:
        self._model = model
        self._streams = streams
        self._matches = matches
        self._run = run_of(model)
        self._resume = parse_last_event_id(last_event_id, self._run, model.newest_event())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Stream until the client leaves or the server ends."""
        await answer_stream(self._streams, receive, send, self._feed)

    async def _feed(self, write: Write) -> None:
        async with self._model.events(self._resume.after) as subscription:
            await self._pass_on(subscription, write)

    async def _pass_on(self, subscription: Subscription, write: Write) -> None:
        gaps = Gaps(self._resume.after)
        await write(f"retry: {RETRY_MS}\n\n".encode())
        if self._resume.restarted:
            await write(self._gap(GapDocument(missed=None, reason="restarted"), 0))
        while True:
            event: EventDocument | None = None
            with anyio.move_on_after(self._streams.heartbeat):
                event = await subscription.next()
            if event is None:
                await write(b": heartbeat\n" + self._id(gaps.last) + b"\n")
                continue
            if missed := gaps.before(event.number, subscription.dropped):
                told = GapDocument(missed=missed, reason="too slow or away too long")
                await write(self._gap(told, event.number - 1))
            if event.host and self._matches(event):
                data = msgspec.json.encode(event)
                await write(self._id(event.number) + b"data: " + data + b"\n\n")

    def _id(self, number: int | None) -> bytes:
        return b"" if number is None else f"id: {number}-{self._run}\n".encode()

    def _gap(self, gap: GapDocument, number: int) -> bytes:
        return self._id(number) + b"event: gap\ndata: " + msgspec.json.encode(gap) + b"\n\n"


class Gaps:
    """Finds what a reader missed: numbers are consecutive, so a jump is a gap."""

    def __init__(self, last: int | None) -> None:
        self.last = last

    def before(self, number: int, dropped: int) -> int:
        """How many events are missing before this one.

        `dropped` is the subscription's count; it tells of a gap before the very first event.
        """
        missed = dropped if self.last is None else number - self.last - 1
        self.last = number
        return missed
