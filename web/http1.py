"""Hypercorn's connection, kept to HTTP/1.1 and to strict heads, and brought to an end.

Its HTTP/2 connections have no idle timeout before their first request, so a client could hold them
for ever; so it could a WebSocket that was refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol, cast

import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.events import Request
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol, H11WSConnection
from hypercorn.protocol.ws_stream import ASGIWebsocketState, WSStream
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ConnectionState, H11SendableEvent
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from wsproto.events import Ping

from web.heads import MAX_HEAD, StrictConnection
from web.socket_stream import BoundedSocket
from web.stream import ClientStream

LEAVING = 10.0  # seconds for who answers to notice that its client is gone
JOINED = 256 * 1024  # bytes of a body that are copied, so as to be sent together with their head
_FAILED = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
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


class Places(Protocol):
    """Who is told whether a connection has a request."""

    def busy(self, stream: ClientStream) -> None:
        """It has one."""

    def idle(self, stream: ClientStream) -> None:
        """It waits for the next."""


class _Protocol(H11Protocol):
    ping = math.inf  # seconds between pings on a WebSocket
    expect_pongs: Callable[[], None]
    _pinging: trio.CancelScope | None = None
    _socket: BoundedSocket | None = None
    _head = b""  # of an answer whose body, of known length, is about to come

    def be_strict(self) -> None:
        """Before anything was received."""
        self.connection = StrictConnection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)

    @property
    def has_more_to_come(self) -> bool:
        """Whether the client may still be sending something that nobody will read."""
        if not isinstance(self.connection, StrictConnection):
            return self._socket is not None and self._socket.is_broken
        states = (h11.SEND_BODY, h11.ERROR)
        return self.connection.refused or self.connection.their_state in states

    async def _send_h11_event(self, event: H11SendableEvent) -> None:
        """Send a head with its body: each send costs more than to find out what is answered."""
        try:
            data = self.connection.send(event) or b""
        except h11.LocalProtocolError:
            if self.connection.their_state != h11.ERROR:
                raise
            return
        if isinstance(event, h11.Response) and b"content-length" in dict(event.headers):
            self._head = data
            return
        head, self._head = self._head, b""
        if head and len(data) > JOINED:
            await self.send(RawData(head))
            head = b""
        if data := head + data:
            await self.send(RawData(data))

    async def _maybe_recycle(self) -> None:
        """Say that the application failed before the body: of the head nothing was sent."""
        if self._head:
            self._head = b""
            await self.send(RawData(_FAILED))
        await super()._maybe_recycle()

    async def _create_stream(self, request: h11.Request) -> None:
        if _opens_socket(request):
            await self._open_socket(request)
        else:
            await super()._create_stream(request)

    async def _open_socket(self, request: h11.Request) -> None:
        """Compress no messages: it takes 300 KB for each client, and can blow one up a lot."""
        stream = BoundedSocket(
            self.app,
            self.config,
            self.context,
            self.task_group,
            self.ssl,
            self.client,
            self.server,
            self.stream_send,
            STREAM_ID,
        )
        self.stream = self._socket = stream
        self.connection = H11WSConnection(cast("h11.Connection", self.connection))
        self.expect_pongs()
        self._pinging = trio.CancelScope()
        self.task_group.spawn(self._send_pings, stream, self._pinging)
        await stream.handle(
            Request(
                stream_id=STREAM_ID,
                headers=[header for header in request.headers if header[0] != _EXTENSIONS],
                http_version=request.http_version.decode(),
                method="GET",
                raw_path=request.target,
                state=self.connection_state,
            )
        )

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


def _opens_socket(request: h11.Request) -> bool:
    """Whether it asks for a WebSocket, as Hypercorn sees it: by the last of each header."""
    last = dict(request.headers)
    tokens = last.get(b"connection", b"").lower().split(b",")
    upgrade = last.get(b"upgrade", b"").strip().lower()
    is_get = request.method.upper() == b"GET"
    return is_get and upgrade == b"websocket" and b"upgrade" in [each.strip() for each in tokens]


class Http1Connection(TCPServer):
    """Serves one client; awaited like a `TCPServer`.

    Args:
        app: The application.
        config: Hypercorn's.
        context: Hypercorn's.
        stream: The client's, with its TLS handshake over.
        places: Who is told whether there is a request.
        ping: Seconds between pings on a WebSocket.
    """

    def __init__(
        self,
        app: AppWrapper,
        config: Config,
        context: WorkerContext,
        stream: ClientStream,
        places: Places,
        ping: float,
    ) -> None:
        super().__init__(
            app,
            config,
            context,
            ConnectionState({}),
            stream,  # type: ignore[arg-type]  # declared as TLS, used as any stream
        )
        self._client = stream
        self._places = places
        self._ping = ping
        self._silence = trio.CancelScope(deadline=self._until_cut())

    def _until_cut(self) -> float:
        """When a connection that has no request now is closed."""
        return trio.current_time() + self.config.keep_alive_timeout

    async def protocol_send(self, event: Event) -> None:
        """Send, close, or note whether there is a request."""
        if isinstance(event, RawData):
            await self._send(event.data)
        elif isinstance(event, Updated):
            (self._places.idle if event.idle else self._places.busy)(self._client)
            self._silence.deadline = self._until_cut() if event.idle else math.inf
        else:
            await super().protocol_send(event)

    async def _send(self, data: bytes) -> None:
        async with self.send_lock:
            try:
                await self._client.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                await self.protocol.handle(Closed())

    async def _idle_timeout(self) -> None:
        """Close when there was no request for too long, or none as the server ends.

        One task for all pauses between requests, as Hypercorn would begin and end one for each.
        Who is being answered as the server ends is closed after that.
        """
        with self._silence as silence:
            await self.context.terminated.wait()
        if silence.cancelled_caught or silence.deadline < math.inf:
            with trio.CancelScope(shield=True):
                await self._initiate_server_close()

    async def _read_data(self) -> None:
        offered = self.protocol.protocol
        protocol = _Protocol(
            self.app,
            self.config,
            self.context,
            self._task_group,
            ConnectionState(self.state),
            self._client.is_encrypted,
            offered.client,
            offered.server,
            self.protocol_send,
        )
        protocol.be_strict()
        protocol.ping = self._ping
        protocol.expect_pongs = self._expect_pongs
        self.protocol = protocol  # type: ignore[assignment]  # has the same methods
        await super()._read_data()
        await self.idle_task.stop()
        nursery = self._task_group._nursery
        if nursery is not None:
            nursery.cancel_scope.deadline = trio.current_time() + LEAVING

    async def _close(self) -> None:
        protocol = getattr(self, "protocol", None)  # none yet where the client left at once
        self._client.lingers = isinstance(protocol, _Protocol) and protocol.has_more_to_come
        self._places.idle(self._client)
        await super()._close()

    def _expect_pongs(self) -> None:
        """From now on the client answers pings, so a long silence means that it is gone."""
        self._client.patience = 3 * self._ping
