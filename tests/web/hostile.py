"""A served application, and clients of it that mean no good; each from an address of its own."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import trio

from tests.web.fleet_in_memory import FleetInMemory
from tests.web.live_in_memory import LiveInMemory
from tests.web.routes_in_memory import RoutesInMemory
from web.app import Application, create_app
from web.limits.edge import Allowance
from web.listening import bind
from web.parts import Admitting, Serving, Shown
from web.server import Limits, serve
from web.tls import ServerTls

DEADLINE = 60.0  # seconds; nothing here takes long, but the machine may be busy
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
ATTACKER = "127.0.0.2"
LIMITS = Limits(grace=1.0, idle=3.0, write_timeout=2.0, connections=64, handshake=2.0, ping=1.0)
PATIENT = Limits(grace=1.0)  # for clients that take their time where all is slow
ALLOWANCE = Allowance(
    requests_per_second=100_000, burst=100_000, connections=24, local_exempt=False
)


class Target:
    """The application as it is served.

    Attributes:
        address: `127.0.0.1:43117`.
        fleet: What it shows.
    """

    def __init__(self, app: Application, fleet: FleetInMemory, address: str) -> None:
        self.app = app
        self.fleet = fleet
        self.address = address
        self.tasks = tasks()
        self.files = files()

    @property
    def open(self) -> int:
        """Connections that it has."""
        return self.app.edge.counts.open

    async def connect(self, source: str = ATTACKER) -> trio.SocketStream:
        """A connection from an address."""
        host, _, port = self.address.rpartition(":")
        with trio.fail_after(DEADLINE):
            return await trio.open_tcp_stream(host, int(port), local_address=source)

    def hold(self, source: str, count: int, said: bytes = b"") -> list[socket.socket]:
        """Many connections at once, of which nobody reads."""
        host, _, port = self.address.rpartition(":")
        held = []
        for _ in range(count):
            plain = socket.create_connection((host, int(port)), DEADLINE, (source, 0))
            plain.send(said)
            held.append(plain)
        return held

    async def exchange(self, request: bytes, source: str = ATTACKER) -> bytes:
        """Send all, and read until the server closes or one second after it said something."""
        async with await self.connect(source) as stream:
            with suppress(trio.BrokenResourceError):
                await stream.send_all(request)
            return await read_all(stream)

    async def is_answered(self) -> bool:
        """Whether an honest client is."""
        answer = await self.exchange(HEALTH[:-2] + b"Connection: close\r\n\r\n", "127.0.0.1")
        return answer.startswith(b"HTTP/1.1 200 ")

    async def until_calm(self) -> None:
        """Wait until nothing is left of an attack."""
        await eventually(lambda: self.open == 0, lambda: f"{self.open} connections")
        await eventually(lambda: tasks() <= self.tasks, lambda: f"{tasks()} tasks of {self.tasks}")
        await eventually(lambda: files() <= self.files, lambda: f"{files()} files of {self.files}")


@asynccontextmanager
async def served(
    *,
    limits: Limits = LIMITS,
    allowance: Allowance = ALLOWANCE,
    tls: ServerTls | None = None,
    token: str | None = None,
    containers: int = 1,
) -> AsyncIterator[Target]:
    """Serve for the length of the block."""
    fleet, live = FleetInMemory(), LiveInMemory()
    fleet.add_host("one")
    for number in range(containers):
        fleet.add_container("one", f"c{number}", id=f"{number:064x}")
    app = create_app(
        Shown(fleet, routing=RoutesInMemory(), live=live),
        Admitting(allowance=allowance, token=token),
        Serving(max_streams=16, heartbeat=0.2),
    )
    bound = await bind("127.0.0.1:0")
    for listener in bound.listeners:  # so that who does not read is noticed
        listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    async with trio.open_nursery() as nursery:
        address = await nursery.start(_serve, app, bound, limits, tls)
        yield Target(app, fleet, address)
        nursery.cancel_scope.cancel()


async def _serve(
    app: Application,
    bound: object,
    limits: Limits,
    tls: ServerTls | None,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    await serve(app, bound, limits=limits, tls=tls, task_status=task_status)  # type: ignore[arg-type]  # a Bound


async def read_all(stream: trio.abc.ReceiveStream) -> bytes:
    """What comes until the end, which must come."""
    answer = b""
    with trio.fail_after(DEADLINE), suppress(trio.BrokenResourceError):
        while data := await stream.receive_some(65536):
            answer += data
    return answer


async def eventually(check: Callable[[], bool], what: Callable[[], str]) -> None:
    """Wait until it holds."""
    with trio.move_on_after(DEADLINE):
        while not check():  # noqa: ASYNC110 - what is watched has no event
            await trio.sleep(0.02)
        return
    raise AssertionError(what())


def tasks() -> int:
    """Tasks of this run."""
    return trio.lowlevel.current_statistics().tasks_living


def files() -> int:
    """Open files of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


def resident() -> int:
    """Bytes of memory that this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
