"""What one subscription on a WebSocket is told, as messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence

import msgspec

from web.documents import EventDocument, GapDocument
from web.live.ledger import Entry
from web.live.place import write_place
from web.log_follower import Told

SendText = Callable[[bytes], Awaitable[None]]


class Teller:
    """Sends JSON objects with `type` and the subscription's `id`.

    Args:
        send: Sends one message.
        subscription: The client's name for it.
    """

    def __init__(self, send: SendText, subscription: int | str) -> None:
        self._send = send
        self._id = msgspec.json.encode(subscription)

    async def tell(self, word: bytes, rest: bytes) -> None:
        """One message; `rest` is what it has besides, each with a comma in front."""
        await self._send(b'{"type":"' + word + b'","id":' + self._id + rest + b"}")


class Frames:
    """Implements `web.live.follower.Output`.

    Args:
        teller: Sends messages.
        name: The ledger's.
        run: This run of the program.
    """

    def __init__(self, teller: Teller, name: str, run: str) -> None:
        self._tell = teller.tell
        self._name = name.encode()
        self._run = run

    async def snapshot(self, entries: Iterator[Sequence[Entry]], version: int) -> None:
        """A message for each piece; `more` tells that another one follows, the last has a place."""
        piece: Sequence[Entry] = next(entries, ())
        for following in entries:
            await self._send_piece(piece, b',"more":true')
            piece = following
        await self._send_piece(piece, b',"more":false' + self._place(version))

    async def _send_piece(self, piece: Sequence[Entry], rest: bytes) -> None:
        listed = b",".join([entry.data for entry in piece])
        await self._tell(b"snapshot", rest + b',"data":{"' + self._name + b'":[' + listed + b"]}")

    async def changes(self, entries: Sequence[Entry]) -> None:
        """A message for each."""
        for entry in entries:
            word = b"removed" if entry.gone else b"changed"
            await self._tell(word, self._place(entry.version) + b',"data":' + entry.data)

    async def skipped(self, states: int | None) -> None:
        """So many states were left out."""
        await self._tell(b"skipped", b',"skipped":' + msgspec.json.encode(states))

    async def gap(self, gap: GapDocument) -> None:
        """It is not known what changed."""
        await self._tell(b"gap", b',"data":' + msgspec.json.encode(gap))

    async def heartbeat(self, version: int) -> None:
        """The place that was reached in silence."""
        await self._tell(b"heartbeat", self._place(version))

    def _place(self, version: int) -> bytes:
        return _place(write_place(version, self._run))


class EventFrames:
    """Implements `web.event_stream.EventOutput`."""

    def __init__(self, teller: Teller) -> None:
        self._tell = teller.tell

    async def event(self, event: EventDocument, place: str) -> None:
        """One event."""
        await self._tell(b"event", _place(place) + b',"data":' + msgspec.json.encode(event))

    async def gap(self, gap: GapDocument, place: str) -> None:
        """Events that were not sent."""
        await self._tell(b"gap", _place(place) + b',"data":' + msgspec.json.encode(gap))

    async def heartbeat(self, place: str | None) -> None:
        """The place that was reached in silence, once there is one."""
        await self._tell(b"heartbeat", b"" if place is None else _place(place))


class LineFrames:
    """Implements `web.log_follower.LogOutput`."""

    def __init__(self, teller: Teller) -> None:
        self._tell = teller.tell

    async def lines(self, lines: Sequence[Told]) -> None:
        """A message for each."""
        for line, place in lines:
            told = b"" if place is None else _place(place)
            await self._tell(b"line", told + b',"data":' + msgspec.json.encode(line))

    async def gap(self, gap: GapDocument) -> None:
        """Lines that were not sent."""
        await self._tell(b"gap", b',"data":' + msgspec.json.encode(gap))

    async def heartbeat(self) -> None:
        """A sign of life; the place is that of the last line."""
        await self._tell(b"heartbeat", b"")


def _place(place: str) -> bytes:
    return f',"place":"{place}"'.encode()
