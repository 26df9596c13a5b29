"""Connections of web clients: bounded in number, and none can hold the server up.

Hypercorn shields its sends from cancellation, so a client that stops reading would otherwise keep
its task, and with it the end of the program, waiting for ever.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import trio

CHUNK = 64 * 1024  # each needs to be taken within the write timeout


class ClientStream(trio.abc.HalfCloseableStream):
    """A client's socket with a deadline on every send."""

    def __init__(self, stream: trio.SocketStream, write_timeout: float) -> None:
        self._stream = stream
        self._write_timeout = write_timeout
        self.patience = math.inf  # who asks by HTTP may be silent, and listen
        self.socket = stream.socket  # Hypercorn asks it for the addresses

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything, in chunks that each have the full write timeout.

        Raises:
            trio.BrokenResourceError: The client took nothing for that long.
        """
        with memoryview(data) as view:
            for start in range(0, len(view), CHUNK):
                with trio.move_on_after(self._write_timeout) as patience:
                    await self._stream.send_all(view[start : start + CHUNK])
                if patience.cancelled_caught:
                    self.abort()
                    raise trio.BrokenResourceError("the client reads too slowly")

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the socket may take more."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Receive what there is; nothing, as at the end, after `patience` seconds of silence."""
        with trio.move_on_after(self.patience):
            return bytes(await self._stream.receive_some(max_bytes))
        return b""

    async def send_eof(self) -> None:
        """End our direction."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close."""
        await self._stream.aclose()

    def abort(self) -> None:
        """Close at once; a send or receive under way fails."""
        self.socket.close()


class Connections:
    """All connections that are open now."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.refused = 0
        self._open: set[ClientStream] = set()
        self._emptied = trio.Event()

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def place(self, stream: ClientStream) -> Iterator[bool]:
        """Hold a place for the connection; False when all are taken."""
        if len(self._open) >= self.limit:
            self.refused += 1
            yield False
            return
        self._open.add(stream)
        try:
            yield True
        finally:
            self._open.discard(stream)
            if not self._open:
                self._emptied.set()

    async def wait_empty(self) -> None:
        """Wait until no connection is open."""
        while self._open:
            self._emptied = trio.Event()
            await self._emptied.wait()

    def abort(self) -> None:
        """Close all at once."""
        for stream in tuple(self._open):
            stream.abort()
