"""What clients send is taken one piece at a time, with a turn for all else in between.

All that is ready to run at one moment runs before anything else does: a thousand requests or TLS
handshakes that come at once would hold up the watching of every host for seconds.
"""

from __future__ import annotations

import trio


class Turns:
    """Who waits, first come, first served."""

    def __init__(self) -> None:
        self._lock = trio.Lock()

    async def take(self) -> None:
        """Wait for a turn: what follows, up to where it waits again, runs beside no other's."""
        try:
            self._lock.acquire_nowait()
        except trio.WouldBlock:
            await self._lock.acquire()
        try:
            await trio.lowlevel.checkpoint()
        finally:
            self._lock.release()


class PacedStream(trio.abc.HalfCloseableStream):
    """A client's socket on which each piece that came has a turn.

    Args:
        plain: The socket.
        turns: Those of all clients together.
    """

    def __init__(self, plain: trio.SocketStream, turns: Turns) -> None:
        self._plain = plain
        self._turns = turns
        self.socket = plain.socket

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send."""
        await self._plain.send_all(data)

    async def send_some(self, data: memoryview) -> int:
        """Send as much as the socket takes at once; returns how many bytes.

        Raises:
            trio.BrokenResourceError: The client is gone.
            trio.ClosedResourceError: It was closed here meanwhile.
        """
        try:
            return await self._plain.socket.send(data)
        except OSError as error:
            raise trio.BrokenResourceError from error

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the socket may take more."""
        await self._plain.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Receive, and wait for a turn to do something with it."""
        data = bytes(await self._plain.receive_some(max_bytes))
        if data:
            await self._turns.take()
        return data

    async def send_eof(self) -> None:
        """End our direction."""
        await self._plain.send_eof()

    async def aclose(self) -> None:
        """Close."""
        await self._plain.aclose()
