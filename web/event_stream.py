"""Live events to one reader, and as server-sent events."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

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


class EventOutput(Protocol):
    """How a reader is told, in its protocol. A call returns when the client may take more."""

    async def event(self, event: EventDocument, place: str) -> None:
        """An event; who has it resumes at the place."""
        ...

    async def gap(self, gap: GapDocument, place: str) -> None:
        """Events that were not sent, up to a place."""
        ...

    async def heartbeat(self, place: str | None) -> None:
        """A sign of life; None where there is no place yet."""
        ...


class EventFollower:
    """Tells one reader of events until it is cancelled.

    Args:
        model: Where they come in.
        matches: Which are wanted.
        output: Where they go.
        heartbeat: Seconds of silence before a sign of life.
    """

    def __init__(
        self,
        model: ReadModel,
        matches: Callable[[EventDocument], bool],
        output: EventOutput,
        heartbeat: float,
    ) -> None:
        self._model = model
        self._matches = matches
        self._output = output
        self._heartbeat = heartbeat
        self._run = run_of(model)

    async def run(self, last_event_id: str | None, begin: Callable[[], Awaitable[None]]) -> None:
        """Go on after a place, or from now; `begin` is called once nothing is missed any more."""
        resume = parse_last_event_id(last_event_id, self._run, self._model.newest_event())
        async with self._model.events(resume.after) as subscription:
            await begin()
            await self._pass_on(subscription, resume)

    async def _pass_on(self, subscription: Subscription, resume: Resume) -> None:
        gaps = Gaps(resume.after)
        if resume.restarted:
            await self._output.gap(GapDocument(missed=None, reason="restarted"), self._place(0))
        while True:
            event: EventDocument | None = None
            with anyio.move_on_after(self._heartbeat):
                event = await subscription.next()
            if event is None:
                await self._output.heartbeat(None if gaps.last is None else self._place(gaps.last))
                continue
            if missed := gaps.before(event.number, subscription.dropped):
                told = GapDocument(missed=missed, reason="too slow or away too long")
                await self._output.gap(told, self._place(event.number - 1))
            if event.host and self._matches(event):
                await self._output.event(event, self._place(event.number))

    def _place(self, number: int) -> str:
        return f"{number}-{self._run}"


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
        self._last_event_id = last_event_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Stream until the client leaves or the server ends."""
        await answer_stream(self._streams, receive, send, self._feed)

    async def _feed(self, write: Write) -> None:
        follower = EventFollower(
            self._model, self._matches, _Events(write), self._streams.heartbeat
        )

        async def begin() -> None:
            await write(f"retry: {RETRY_MS}\n\n".encode())

        await follower.run(self._last_event_id, begin)


class _Events:
    """Implements `EventOutput` as server-sent events."""

    def __init__(self, write: Write) -> None:
        self._write = write

    async def event(self, event: EventDocument, place: str) -> None:
        data = msgspec.json.encode(event)
        await self._write(f"id: {place}\n".encode() + b"data: " + data + b"\n\n")

    async def gap(self, gap: GapDocument, place: str) -> None:
        data = msgspec.json.encode(gap)
        await self._write(f"id: {place}\nevent: gap\n".encode() + b"data: " + data + b"\n\n")

    async def heartbeat(self, place: str | None) -> None:
        told = "" if place is None else f"id: {place}\n"
        await self._write(f": heartbeat\n{told}\n".encode())


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
