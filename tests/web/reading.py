"""A reader of event streams, over h11 on a plain socket; every wait has a deadline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import h11
import msgspec
import trio

from tests.web.fleet_in_memory import START
from tests.web.raw import connect

RUN = f"{int(START.timestamp() * 1000):x}"  # of a `FleetInMemory`
DEADLINE = 20.0


class EndOfStreamError(Exception):
    """The server ended its answer as HTTP wants it."""


class Message(msgspec.Struct):
    """One message as a browser would see it; `heartbeat` when it was a comment."""

    event: str
    id: str
    data: dict[str, object]
    heartbeat: bool = False


class Reader:
    """Reads one stream."""

    def __init__(
        self, stream: trio.SocketStream, path: str, query: str, last_event_id: str | None
    ) -> None:
        self.headers: dict[bytes, bytes] = {}
        self._stream = stream
        self._http = h11.Connection(h11.CLIENT)
        self._text = ""
        self._request = h11.Request(
            method="GET",
            target=f"{path}?{query}",
            headers=[("host", "localhost")]
            + ([("last-event-id", last_event_id)] if last_event_id else []),
        )

    async def start(self) -> None:
        """Ask, and read the head and the first block, which is sent once subscribed."""
        await self._stream.send_all(self._http.send(self._request) or b"")
        await self._stream.send_all(self._http.send(h11.EndOfMessage()) or b"")
        await self.next_block()

    async def next(self) -> Message:
        """The next message that carries data."""
        while not (message := await self.next_block()).data:
            pass
        return message

    async def numbers(self, count: int) -> list[object]:
        """The numbers of the next events."""
        return [(await self.next()).data["number"] for _ in range(count)]

    async def next_block(self) -> Message:
        """The next block, heartbeats included."""
        with trio.fail_after(DEADLINE):
            while "\n\n" not in self._text:
                await self._receive()
        block, _, self._text = self._text.partition("\n\n")
        fields = {"event": "message", "id": "", "data": "{}", "": ""}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            fields[name] = value.strip()
        data = msgspec.json.decode(fields["data"], type=dict[str, object])
        return Message(fields["event"], fields["id"], data, fields[""] == "heartbeat")

    async def _receive(self) -> None:
        event = self._http.next_event()
        if event is h11.NEED_DATA:
            self._http.receive_data(await self._stream.receive_some())
        elif isinstance(event, h11.Response):
            assert event.status_code == 200
            self.headers = dict(event.headers)
        elif isinstance(event, h11.Data):
            self._text += bytes(event.data).decode()
        elif isinstance(event, h11.EndOfMessage):
            raise EndOfStreamError


@asynccontextmanager
async def follow(
    address: str,
    query: str = "",
    last_event_id: str | None = None,
    *,
    path: str = "/api/stream/events",
) -> AsyncIterator[Reader]:
    """A stream that is subscribed already."""
    async with await connect(address) as stream:
        reader = Reader(stream, path, query, last_event_id)
        await reader.start()
        yield reader


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds, at most for the deadline."""
    with trio.fail_after(DEADLINE):
        while not condition():  # noqa: ASYNC110 - what is watched has no event
            await trio.sleep(0.005)
