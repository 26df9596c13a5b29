"""Hypercorn's connection, kept to HTTP/1.1.

Without TLS no browser speaks HTTP/2, and Hypercorn's HTTP/2 connections have no idle timeout
before their first request, so a client could hold them for ever.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import h11
import trio
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.ws_stream import ASGIWebsocketState, WSStream
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.typing import ConnectionState
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from wsproto.events import Ping

from web.connections import ClientStream

_EXTENSIONS = b"sec-websocket-extensions"
_BODY_HEADERS = frozenset({b"content-length", b"transfer-encoding"})


def has_body(scope: Scope) -> bool:
    """Whether a request says that it has a body."""
    return any(name in _BODY_HEADERS for name, _ in scope["headers"])


def draining(app: ASGIApp) -> ASGIApp:
    """Read what the application left unread of a request's body while its answer ends.

    Hypercorn hands pieces of a body over through a short queue, and at the end of an answer puts
    one more message there. Full, with nobody reading, it would wait for ever.
    """

    async def drained(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_draining(message: Message) -> None:
            if message["type"] != "http.response.body" or message.get("more_body"):
                await send(message)
                return
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_drain, receive)
                await send(message)
                nursery.cancel_scope.cancel()

        await app(scope, receive, send_draining if has_body(scope) else send)

    return drained


async def _drain(receive: Receive) -> None:
    while True:
        await receive()


class _Protocol(H11Protocol):
    ping = math.inf  # seconds between pings on a WebSocket
    expect_pongs: Callable[[], None]
    _pinging: trio.CancelScope | None = None

    async def _create_stream(self, request: h11.Request) -> None:
        """Compress no messages: it takes 300 KB for each client, and can blow one up a lot."""
        kept = [header for header in request.headers if header[0] != _EXTENSIONS]
        if len(kept) < len(request.headers):
            request = h11.Request(
                method=request.method,
                headers=kept,
                target=request.target,
                http_version=request.http_version,
            )
        await super()._create_stream(request)
        if isinstance(self.stream, WSStream):
            self.expect_pongs()
            self._pinging = trio.CancelScope()
            self.task_group.spawn(self._send_pings, self.stream, self._pinging)

    async def _send_pings(self, stream: WSStream, scope: trio.CancelScope) -> None:
        """Hypercorn's own pings would hold the connection's end up until the next one is due."""
        with scope:
            while True:
                await trio.sleep(self.ping)
                if stream.state is ASGIWebsocketState.CONNECTED:
                    await stream._send_wsproto_event(Ping())

    async def _close_stream(self) -> None:
        if self._pinging is not None:
            self._pinging.cancel()
        await super()._close_stream()

    async def _check_protocol(self, event: h11.Request) -> None:
        """Offers of HTTP/2 are not taken up; the request is answered as it is."""


class Http1Connection(TCPServer):
    """Serves one client; awaited like a `TCPServer`."""

    ping = math.inf

    async def _read_data(self) -> None:
        offered = self.protocol.protocol
        protocol = _Protocol(
            self.app,
            self.config,
            self.context,
            self._task_group,
            ConnectionState(self.state),
            False,
            offered.client,
            offered.server,
            self.protocol_send,
        )
        protocol.ping = self.ping
        protocol.expect_pongs = self._expect_pongs
        self.protocol = protocol  # type: ignore[assignment]  # has the same methods
        await super()._read_data()

    def _expect_pongs(self) -> None:
        """From now on the client answers pings, so a long silence means that it is gone."""
        stream = cast("ClientStream", self.stream)  # as `web.server` makes it
        stream.patience = 3 * self.ping
