"""A server of live changes with small buffers and a scope of its own to stop it by."""

from __future__ import annotations

import socket

import trio

from tests.web.fleet_in_memory import FleetInMemory
from tests.web.live_in_memory import LiveInMemory
from web.app import create_app
from web.listening import bind
from web.parts import Admitting, Serving, Shown
from web.server import Limits, serve

SMALL = 4096  # bytes that a socket holds, at most some times that


class LiveServed:
    """Sockets that take little, so that a client who does not read is noticed soon."""

    def __init__(
        self,
        live: LiveInMemory,
        *,
        heartbeat: float = 60.0,
        write_timeout: float = 60.0,
        max_streams: int = 16,
        token: str | None = None,
        ping: float = 60.0,
    ) -> None:
        fleet = FleetInMemory()
        fleet.add_host("one")
        self.app = create_app(
            Shown(fleet, live=live),
            Admitting(token=token),
            Serving(heartbeat=heartbeat, max_streams=max_streams),
        )
        self.limits = Limits(grace=5, write_timeout=write_timeout, ping=ping)
        self.scope = trio.CancelScope()
        self.ended = trio.Event()

    async def run(self, task_status: trio.TaskStatus[str]) -> None:
        bound = await bind("127.0.0.1:0")
        for listener in bound.listeners:
            listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
        with self.scope:
            await serve(self.app, bound, limits=self.limits, task_status=task_status)
        self.ended.set()


async def connect_small(address: str) -> trio.SocketStream:
    """A connection that takes in little that is not read."""
    host, _, port = address.rpartition(":")
    plain = trio.socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    await plain.connect((host, int(port)))
    return trio.SocketStream(plain)
