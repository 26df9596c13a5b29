"""Opening one connection to an endpoint: socket, keepalive, TLS handshake."""

from __future__ import annotations

import os
import select
import socket
from contextlib import suppress

import trio

from connectors.endpoint import Endpoint
from connectors.errors import UnreachableError
from connectors.opening import TCP_PATIENCE, open_tcp
from connectors.translate import place, translate

# A dead peer is found within 15 + 3 x 5 s while idle, and after 30 s with unacknowledged data.
_KEEPALIVE = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 30_000}


class LastWords(trio.abc.Stream):
    """A socket under TLS whose failed sends are no error yet: the next read tells why.

    A server that refuses a client certificate (with TLS 1.3 after the handshake) says so in an
    alert and hangs up, while our request is on its way. The alert can still be read then.
    """

    def __init__(self, stream: trio.SocketStream) -> None:
        """Wrap a connected socket."""
        self._stream = stream

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send, or leave it to the next read to fail."""
        with suppress(trio.BrokenResourceError):
            await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait as the socket does."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Receive as the socket does."""
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        """Close the socket."""
        await self._stream.aclose()


class Connection:
    """One open connection. Closing is immediate and never waits, so cancelling cannot leak it.

    Attributes:
        stream: What is written to and read from (TLS or plain).
        reusable: The last exchange ended cleanly; set by whoever does the exchange.
        used: Exchanges begun.
        idle_since: Clock of `trio.current_time`, while idle.
    """

    __slots__ = ("_is_plain", "_poll", "_socket", "idle_since", "reusable", "stream", "used")

    def __init__(self, stream: trio.abc.Stream, sock: trio.socket.SocketType) -> None:
        self.stream = stream
        self.reusable = True
        self.used = 0
        self.idle_since = 0.0
        self._socket = sock
        self._is_plain = isinstance(stream, trio.SocketStream)
        self._poll = select.poll()
        self._poll.register(sock.fileno(), select.POLLIN)

    async def send(self, data: bytes) -> None:
        """Send a short request. Not a checkpoint: the answer that is waited for is one.

        A plain socket is written to directly, since a small request always fits: one turn of
        trio's loop per request fewer, a fifth of what it costs.
        """
        sent = 0
        if self._is_plain:
            with suppress(BlockingIOError):
                sent = os.write(self._socket.fileno(), data)
        if sent < len(data):
            await self.stream.send_all(data[sent:])

    async def receive(self, size: int) -> bytes:
        """Receive up to `size` bytes, none at the end; waits first, as answers take their time."""
        while self._is_plain:
            await trio.lowlevel.wait_readable(self._socket)
            with suppress(BlockingIOError):
                return os.read(self._socket.fileno(), size)
        return bytes(await self.stream.receive_some(size))

    def is_stale(self) -> bool:
        """Tell whether an idle connection was closed by the peer, or holds unasked bytes."""
        return bool(self._poll.poll(0))

    def close(self) -> None:
        """Close at once, without TLS's farewell: every exchange is delimited by HTTP itself."""
        self.reusable = False
        self._socket.close()


async def dial(endpoint: Endpoint, patience: float) -> Connection:
    """Open a connection, TLS included, within `patience` seconds.

    Raises:
        EngineError: Unreachable, authentication or TLS, with the next step.
    """
    try:
        with trio.fail_after(patience):
            return await _dial(endpoint)
    except (OSError, trio.BrokenResourceError) as error:
        raise translate(endpoint, error) from error
    except trio.TooSlowError as error:
        raise _late(endpoint, patience) from error


def _late(endpoint: Endpoint, patience: float) -> UnreachableError:
    what = f"no connection to {place(endpoint)} within {patience:g} s"
    return UnreachableError(endpoint.host, what, "is the host up, and the port not filtered?")


async def _dial(endpoint: Endpoint) -> Connection:
    plain = await _open(endpoint)
    try:
        if endpoint.tls is None:
            return Connection(plain, plain.socket)
        name = endpoint.server_name or (endpoint.address[0] if endpoint.address else None)
        secure = trio.SSLStream(
            LastWords(plain), endpoint.tls, server_hostname=name, https_compatible=True
        )
        await secure.do_handshake()
        return Connection(secure, plain.socket)
    except BaseException:
        plain.socket.close()
        raise


async def _open(endpoint: Endpoint) -> trio.SocketStream:
    if endpoint.uds is not None:
        return await trio.open_unix_socket(str(endpoint.uds))
    if endpoint.address is None:
        raise UnreachableError(endpoint.host, "the endpoint has neither a socket nor an address")
    try:
        stream = await open_tcp(*endpoint.address)
    except trio.TooSlowError as error:
        raise _late(endpoint, TCP_PATIENCE) from error
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for name, value in _KEEPALIVE.items():
        option = getattr(socket, name, None)  # absent on some systems
        if option is not None:
            stream.setsockopt(socket.IPPROTO_TCP, option, value)
    return stream
