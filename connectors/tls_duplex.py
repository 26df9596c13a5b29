"""TLS whose two directions end one by one, as hijacked connections need.

`echo hi | docker exec -i NAME cat` ends its input and then waits for the output. Over TLS that end
is a close_notify (RFC 8446, 6.1), after which the other direction goes on; trio.SSLStream can only
close both. Used where strangers' bytes pass through, not for our own requests.
"""

from __future__ import annotations

import ssl
from contextlib import suppress

import trio

PIECE = 64 * 1024


class TlsDuplex(trio.abc.HalfCloseableStream):
    """A TLS client over a connected socket. One task may send while another receives."""

    def __init__(self, plain: trio.SocketStream, context: ssl.SSLContext, name: str | None) -> None:
        self._plain = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self._sending = trio.Lock()
        self._held: list[bytes] = []  # decrypted before the end of our side was sent

    async def do_handshake(self) -> None:
        """Shake hands.

        Raises:
            ssl.SSLError: The peer is not who it should be, or refuses us.
            trio.BrokenResourceError: The connection broke.
        """
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            else:
                await self._flush()
                return

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Receive; empty at the end of the peer's side, announced or not."""
        while not self._held:
            try:
                return self._tls.read(max_bytes or PIECE)
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
            except ssl.SSLError as error:
                raise trio.BrokenResourceError(str(error)) from error
        return self._held.pop(0)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send."""
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            raise trio.BrokenResourceError(str(error)) from error
        await self._flush()

    async def wait_send_all_might_not_block(self) -> None:
        """Wait as the socket does."""
        await self._plain.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """End our side; receiving goes on."""
        # Ending looks for the peer's end too, and fails where it finds data instead: take that out
        # first. What it means that nothing more is here is for `receive_some` to find out.
        with suppress(ssl.SSLError):
            while piece := self._tls.read(PIECE):
                self._held.append(piece)
        with suppress(ssl.SSLError):  # it is sent, but not yet answered
            self._tls.unwrap()
        await self._flush()

    async def aclose(self) -> None:
        """Close at once, without a farewell."""
        await self._plain.aclose()

    async def _fill(self) -> None:
        if data := await self._plain.receive_some(PIECE):
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        async with self._sending:
            if data := self._outgoing.read():
                await self._plain.send_all(data)
