"""Hypercorn's connection, kept to HTTP/1.1.

Without TLS no browser speaks HTTP/2, and Hypercorn's HTTP/2 connections have no idle timeout
before their first request, so a client could hold them for ever.
"""

from __future__ import annotations

import h11
import trio
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.typing import ConnectionState
from litestar.types import ASGIApp, Message, Receive, Scope, Send

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
    async def _check_protocol(self, event: h11.Request) -> None:
        """Offers of HTTP/2 are not taken up; the request is answered as it is."""


class Http1Connection(TCPServer):
    """Serves one client; awaited like a `TCPServer`."""

    async def _read_data(self) -> None:
        offered = self.protocol.protocol
        self.protocol = _Protocol(  # type: ignore[assignment]  # has the same methods
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
        await super()._read_data()
