"""A client's socket, in the clear or under TLS, on which nothing takes longer than it may."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Protocol

import trio

from web.turns import PacedStream

CHUNK = 256 * 1024  # of what is encrypted each needs to be taken within the write timeout
SLOWEST = 16 * 1024  # bytes a second that a client takes of a long answer
LINGER = 2.0  # seconds for a refused client to stop sending and read why
MOST_LINGERING = 4 * 1024 * 1024  # bytes that it may still send
GOODBYE = 1.0  # seconds for TLS to say that it ends, to who may not listen

Tls = trio.SSLStream[PacedStream]


class Outbox(Protocol):
    """Who adds up what waits to be sent."""

    def sending(self, count: int) -> None:
        """So many more bytes wait."""

    def sent(self, count: int) -> None:
        """So many bytes wait no more, sent or not."""


class ClientStream(trio.abc.HalfCloseableStream):
    """A client's stream with deadlines.

    Args:
        plain: The socket.
        write_timeout: Seconds for a client to take something.
        outbox: Who adds up what waits to be sent.

    Attributes:
        patience: Seconds of silence until the client counts as gone. Who asks by HTTP may be
            silent, and listen.
        lingers: At the end wait for what the client still sends: closing before that was read
            would have the kernel drop the answer on its way.
        unsent: Bytes that wait to be sent.
    """

    def __init__(self, plain: PacedStream, write_timeout: float, outbox: Outbox) -> None:
        self._stream: PacedStream | Tls = plain
        self._write_timeout = write_timeout
        self._outbox = outbox
        self._blocked_since = math.inf
        self._said_goodbye = False
        self._leaving = trio.Event()
        self._ended = trio.Event()
        self.patience = math.inf
        self.lingers = False
        self.unsent = 0
        self.socket = plain.socket  # Hypercorn asks it for the addresses

    @property
    def is_encrypted(self) -> bool:
        """Whether it is under TLS."""
        return not isinstance(self._stream, PacedStream)

    def encrypt(self, tls: Tls) -> None:
        """Go on under TLS, over the same socket."""
        self._stream = tls

    def blocked_for(self) -> float:
        """Seconds that the send under way has taken, 0 without one."""
        return max(0.0, trio.current_time() - self._blocked_since)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything, shielded from cancellation: what was begun is sent, or the client cut.

        Some of it needs to be taken within each write timeout. All together has that once, and a
        little for each byte: who takes a piece at the end of each timeout would keep a long answer
        in memory for hours.

        Raises:
            trio.BrokenResourceError: The client took nothing for that long, or too little.
            trio.ClosedResourceError: Another task ended our direction meanwhile.
        """
        if self._said_goodbye:
            raise trio.ClosedResourceError
        count, began = len(data), trio.current_time()
        self.unsent, self._blocked_since = count, began
        self._outbox.sending(count)
        try:
            with memoryview(data) as view, trio.CancelScope(shield=True) as patience:
                sent = 0
                while sent < count:
                    last = began + self._write_timeout + sent / SLOWEST
                    patience.deadline = min(last, trio.current_time() + self._write_timeout)
                    sent += await self._send_some(view[sent:])
        finally:
            self._outbox.sent(count)
            self.unsent, self._blocked_since = 0, math.inf
        if patience.cancelled_caught:
            self.abort()
            raise trio.BrokenResourceError("the client reads too slowly")

    async def _send_some(self, data: memoryview) -> int:
        if isinstance(self._stream, PacedStream):
            return await self._stream.send_some(data)
        chunk = data[:CHUNK]
        await self._stream.send_all(chunk)
        return len(chunk)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the socket may take more."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Receive what there is; nothing, as at the end, after `patience` seconds of silence."""
        if self._leaving.is_set():
            await self._ended.wait()  # `aclose` is reading; it does not for long
            return b""
        with trio.move_on_after(self.patience):
            data = bytes(await self._stream.receive_some(max_bytes))
            if not data or not self._leaving.is_set():
                return data
            await self._discard(len(data))
        return b""

    async def send_eof(self) -> None:
        """End our direction; TLS has no half of an end."""
        self._said_goodbye = True
        if isinstance(self._stream, PacedStream):
            await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close, once the client has stopped sending or had its time for it, if it `lingers`."""
        if self.lingers and not self._leaving.is_set():
            self._leaving.set()
            with trio.move_on_after(LINGER):
                await self._linger()
        self._ended.set()
        with (
            trio.move_on_after(GOODBYE),
            suppress(trio.BrokenResourceError, trio.ClosedResourceError),
        ):
            await self._stream.aclose()

    async def _linger(self) -> None:
        try:
            await self._discard(0)
        except trio.BusyResourceError:  # who reads is the one that discards
            await self._ended.wait()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    async def _discard(self, so_far: int) -> None:
        while so_far <= MOST_LINGERING and (data := await self._stream.receive_some(CHUNK)):
            so_far += len(data)
        self._ended.set()

    def abort(self) -> None:
        """Close at once; a send or receive under way fails."""
        self._ended.set()
        self.socket.close()
