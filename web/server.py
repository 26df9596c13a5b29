"""Hypercorn on trio inside our own nursery: no signal handlers, and an end within bounds."""

from __future__ import annotations

import logging
from functools import partial

import trio
from hypercorn.config import Config
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import wrap_app

from web.app import Application
from web.connections import ClientStream, Connections
from web.http1 import Http1Connection, draining
from web.leaving import not_for_nobody
from web.listening import Bound, bind
from web.live.socket import MAX_MESSAGE

logger = logging.getLogger("fleet.web")


class Limits:
    """How long and how many: seconds, and connections at once.

    Args:
        grace: For requests under way at the end.
        idle: Between requests, and for a request's head to arrive, so that slow ones are cut.
        write_timeout: For a client to take the next piece of its answer.
        connections: More are closed as they come.
        ping: Between pings on a WebSocket; one that is silent for three of them is closed.
    """

    def __init__(
        self,
        *,
        grace: float = 3.0,
        idle: float = 15.0,
        write_timeout: float = 30.0,
        connections: int = 1024,
        ping: float = 15.0,
    ) -> None:
        self.grace = grace
        self.idle = idle
        self.write_timeout = write_timeout
        self.connections = connections
        self.ping = ping


async def serve(
    app: Application,
    listen: str | Bound,
    *,
    limits: Limits | None = None,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled, then end within `limits.grace` seconds.

    Starts with the bound address (`127.0.0.1:43117`). When cancelled, new connections are refused,
    live streams end, requests under way may finish; what is left then is cut off.

    Raises:
        ListenError: The address cannot be bound; nothing was started then.
    """
    bound = listen if isinstance(listen, Bound) else await bind(listen)
    server = _Server(app, bound, limits or Limits())
    async with trio.open_nursery() as nursery:
        stop = trio.Event()
        await nursery.start(server.run, stop)
        task_status.started(bound.address)
        try:
            await trio.sleep_forever()
        finally:
            stop.set()  # the nursery waits for the shielded end of `run`


class _Server:
    def __init__(self, app: Application, bound: Bound, limits: Limits) -> None:
        self._app = app
        self._asgi = wrap_app(draining(not_for_nobody(app)), 0, "asgi")  # type: ignore[arg-type]  # Litestar's scope types
        self._bound = bound
        self._limits = limits
        self._connections = Connections(limits.connections)
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
        stream = ClientStream(socket, self._limits.write_timeout)
        with self._connections.place(stream) as placed:
            if not placed:
                await trio.aclose_forcefully(stream)
                return
            try:
                connection = Http1Connection(
                    self._asgi,
                    self._config,
                    self._context,
                    ConnectionState({}),
                    stream,  # type: ignore[arg-type]  # declared as TLS, used as any stream
                )
                connection.ping = self._limits.ping
                await connection
            except Exception:  # the boundary: one client must not end the program
                logger.exception("a web client's connection failed")
            finally:
                stream.abort()
