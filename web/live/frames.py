"""A ledger as messages of one subscription on a WebSocket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence

import msgspec

from web.documents import GapDocument
from web.live.ledger import Entry
from web.live.place import write_place

SendText = Callable[[bytes], Awaitable[None]]


class Frames:
    """Implements `web.live.follower.Output`: JSON objects with `type` and the subscription's `id`.

    Args:
        send: Sends one message.
        subscription: The client's name for it.
        name: The ledger's.
        run: This run of the program.
    """

    def __init__(self, send: SendText, subscription: int | str, name: str, run: str) -> None:
        self._send = send
        self._id = msgspec.json.encode(subscription)
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
        return f',"place":"{write_place(version, self._run)}"'.encode()

    async def _tell(self, word: bytes, rest: bytes) -> None:
        await self._send(b'{"type":"' + word + b'","id":' + self._id + rest + b"}")
