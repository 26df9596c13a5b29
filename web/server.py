"""Hypercorn on trio inside our own nursery: no signal handlers, and an end within bounds."""

from __future__ import annotations

import logging
from functools import partial

import trio
from hypercorn.config import Config
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.utils import wrap_app

from web.app import Application
from web.connections import Connections
from web.handshake import encrypted
from web.http1 import Http1Connection, draining
from web.limits.addresses import UNKNOWN, client_key
from web.listening import Bound, bind
from web.live.socket import MAX_MESSAGE
from web.stream import ClientStream
from web.tls import ServerTls
from web.turns import PacedStream, Turns

logger = logging.getLogger("fleet.web")


class Limits:
    """How long and how many: seconds, and connections at once.

    Args:
        grace: For requests under way at the end.
        idle: Between requests, and for a request's head to arrive, so that slow ones are cut.
        write_timeout: For a client to take the next piece of its answer.
        connections: At once; those that wait for a request make room for others.
        handshake: For a client to agree on TLS.
        ping: Between pings on a WebSocket; one that is silent for three of them is closed.
    """

    def __init__(
        self,
        *,
        grace: float = 3.0,
        idle: float = 15.0,
        write_timeout: float = 30.0,
        connections: int = 1024,
        handshake: float = 10.0,
        ping: float = 15.0,
    ) -> None:
        self.grace = grace
        self.idle = idle
        self.write_timeout = write_timeout
        self.connections = connections
        self.handshake = handshake
        self.ping = ping


async def serve(
    app: Application,
    listen: str | Bound,
    *,
    limits: Limits | None = None,
    tls: ServerTls | None = None,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled, then end within `limits.grace` seconds.

    Starts with the bound address (`127.0.0.1:43117`). When cancelled, new connections are refused,
    live streams end, requests under way may finish; what is left then is cut off.

    Args:
        app: What answers.
        listen: Where, or what was bound already.
        limits: How long and how many.
        tls: What is served with; None: in the clear.
        task_status: Told the address.

    Raises:
        ListenError: The address cannot be bound; nothing was started then.
    """
    bound = listen if isinstance(listen, Bound) else await bind(listen)
    server = _Server(app, bound, limits or Limits(), tls)
    async with trio.open_nursery() as nursery:
        stop = trio.Event()
        await nursery.start(server.run, stop)
        task_status.started(bound.address)
        try:
            await trio.sleep_forever()
        finally:
            stop.set()  # the nursery waits for the shielded end of `run`


class _Server:
    def __init__(
        self, app: Application, bound: Bound, limits: Limits, tls: ServerTls | None
    ) -> None:
        self._app = app
        self._tls = tls
        self._turns = Turns()
        self._asgi = wrap_app(draining(app), 0, "asgi")  # type: ignore[arg-type]  # Litestar's scope types
        self._bound = bound
        self._limits = limits
        per_client = app.edge.allowance.connections
        self._connections = Connections(limits.connections, per_client, app.edge.counts)
        self._context = WorkerContext(None)
        self._config = Config()
        self._config.errorlog = logger
        self._config.include_server_header = False
        self._config.keep_alive_timeout = limits.idle
        self._config.websocket_max_message_size = MAX_MESSAGE

    async def run(
        self, stop: trio.Event, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as handlers:
                async with trio.open_nursery() as accepting:
                    await accepting.start(
                        partial(
                            trio.serve_listeners,
                            self._handle,
                            self._bound.listeners,
                            handler_nursery=handlers,
                        )
                    )
                    task_status.started()
                    await stop.wait()
                    accepting.cancel_scope.cancel()
                await self._drain()
                handlers.cancel_scope.cancel()

    async def _drain(self) -> None:
        self._app.streams.close()
        await self._context.terminated.set()  # idle connections close now
        with trio.move_on_after(self._limits.grace):
            await self._connections.wait_empty()
        self._connections.abort()

    async def _handle(self, socket: trio.SocketStream) -> None:
        edge, peer = self._app.edge, _peer(socket)
        paced = PacedStream(socket, self._turns)
        stream = ClientStream(paced, self._limits.write_timeout, self._connections)
        client = client_key(peer) if edge.is_counted(peer) else None
        with self._connections.place(stream, client) as placed:
            try:
                if placed and edge.admits(peer) and await self._is_ready(paced, stream):
                    await Http1Connection(
                        self._asgi,
                        self._config,
                        self._context,
                        stream,
                        self._connections,
                        self._limits.ping,
                    )
            except Exception:  # the boundary: one client must not end the program
                logger.exception("a web client's connection failed")
            finally:
                stream.abort()

    async def _is_ready(self, paced: PacedStream, stream: ClientStream) -> bool:
        if self._tls is None:
            return True
        done = await encrypted(paced, stream, self._tls.context, self._limits.handshake)
        if not done:
            self._app.edge.counts.turned["handshake"] += 1
        return done


def _peer(socket: trio.SocketStream) -> str:
    try:
        found: str = socket.socket.getpeername()[0]
    except OSError:  # it left already
        return UNKNOWN
    return found
