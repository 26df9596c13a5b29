"""One host's tunnel, in the asyncio world: SSH connections, a route, and a local socket on it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from config.models import SshHost
from connectors.deadline import Stage, late_error
from connectors.dial_stdio import DialStdio
from connectors.errors import EngineError
from connectors.opening import TCP_PATIENCE
from connectors.ssh_errors import connect_error, lost_reason
from connectors.ssh_hops import Hop, plan_hops
from connectors.ssh_routes import Route, choose_route
from connectors.ssh_sockets import bind_socket
from connectors.ssh_splice import LocalSide

_CLOSE_PATIENCE = 2.0  # seconds for a farewell; a dead peer never takes it
_BACKLOG = 256


@dataclass(frozen=True)
class Tunnel:
    """An open tunnel: where it listens and how it reaches the Engine.

    `sessions` opens sessions for commands of ours, and counts them with the route's own.
    """

    path: Path
    via: str
    max_connections: int | None
    sessions: DialStdio


class _Watcher(asyncssh.SSHClient):
    """Reports that TCP is connected, and the end of an established connection."""

    def __init__(self, on_made: Callable[[], None], on_lost: Callable[[str], None]) -> None:
        self._on_made = on_made
        self._on_lost = on_lost

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:  # noqa: ARG002 - asyncssh's signature
        self._on_made()

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_lost(lost_reason(exc))


@asynccontextmanager
async def open_tunnel(
    host: SshHost, environ: Mapping[str, str], stage: Stage, on_lost: Callable[[str], None]
) -> AsyncIterator[Tunnel]:
    """Connect, prove that an Engine answers, and offer it on a private socket.

    Args:
        host: The host.
        environ: For the agent, the home folder and secrets.
        stage: Told what is being done.
        on_lost: Called in the loop's thread with the reason when any of the connections ends.

    Raises:
        EngineError: a subclass that says what is wrong and the next step.
    """
    loop = asyncio.get_running_loop()
    stage.now = "reading keys"
    hops = await loop.run_in_executor(None, plan_hops, host, environ)
    async with AsyncExitStack() as stack:
        connection = None
        for hop in hops:
            stage.now = f"connecting to {hop.place}"
            dialled = _dial(host, hop, connection, stage, on_lost)
            connection = await stack.enter_async_context(dialled)
        if connection is None:
            raise EngineError(host.name, "there is no SSH connection to make")
        stage.now = f"asking the Engine on {host.socket} there"
        route = await choose_route(host, connection)
        sessions = route if isinstance(route, DialStdio) else DialStdio(connection, host.socket)
        stack.push_async_callback(sessions.close)
        try:
            path = await stack.enter_async_context(_listen(environ, route))
        except OSError as error:
            what = f"the tunnel's local socket cannot be made: {error}"
            raise EngineError(host.name, what) from error
        yield Tunnel(path, route.via, route.max_connections, sessions)


@asynccontextmanager
async def _dial(
    host: SshHost,
    hop: Hop,
    through: asyncssh.SSHClientConnection | None,
    stage: Stage,
    on_lost: Callable[[str], None],
) -> AsyncIterator[asyncssh.SSHClientConnection]:
    if through is None:
        await _resolve(hop)
    try:
        async with asyncio.timeout(TCP_PATIENCE) as opening:
            connection = await asyncssh.connect(
                **hop.arguments,
                tunnel=through,
                client_factory=lambda: _Watcher(lambda: opening.reschedule(None), on_lost),
            )
    except TimeoutError as error:
        raise late_error(host, TCP_PATIENCE, stage) from error
    except Exception as error:  # asyncssh passes on whatever a strange peer or file causes in it
        raise connect_error(host, hop, error) from error
    try:
        yield connection
    finally:
        await _part(connection)


async def _resolve(hop: Hop) -> None:
    """Look the hop's name up, outside the patience for TCP; asyncssh then gets the same answer."""
    with suppress(OSError):  # a ProxyCommand may know names that we do not
        loop = asyncio.get_running_loop()
        await loop.getaddrinfo(hop.address, hop.port, type=socket.SOCK_STREAM)


async def _part(connection: asyncssh.SSHClientConnection) -> None:
    """Say goodbye and wait for the end; a peer that takes no farewell is cut off."""
    connection.close()
    try:
        async with asyncio.timeout(_CLOSE_PATIENCE):
            await connection.wait_closed()
    except TimeoutError:
        pass
    finally:
        connection.abort()
    await connection.wait_closed()


class _Clients:
    """The clients of one local socket."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._open: set[LocalSide] = set()
        self._joining: set[asyncio.Task[None]] = set()
        self._none_left = asyncio.Event()
        self._none_left.set()

    def factory(self) -> LocalSide:
        """Make the protocol of an accepted connection."""
        return LocalSide(self._accept, self._ended)

    def _accept(self, local: LocalSide) -> None:
        self._open.add(local)
        self._none_left.clear()
        task = asyncio.get_running_loop().create_task(self._join(local))
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)

    def _ended(self, local: LocalSide) -> None:
        self._open.discard(local)
        self._route.give_up(local)
        if not self._open:
            self._none_left.set()

    async def _join(self, local: LocalSide) -> None:
        try:
            remote = await self._route.open(local)
        except (asyncssh.Error, OSError):
            remote = None  # the client sees a closed connection, the session learns why by `lost`
        if remote is None:
            local.abort()
        else:
            local.join(remote)

    async def close(self) -> None:
        """Close all connections at once."""
        for task in list(self._joining):
            task.cancel()
        for local in list(self._open):
            local.abort()
        if self._joining:
            await asyncio.wait(list(self._joining))
        await self._none_left.wait()  # an abort takes effect one turn of the loop later


@asynccontextmanager
async def _listen(environ: Mapping[str, str], route: Route) -> AsyncIterator[Path]:
    loop = asyncio.get_running_loop()
    sock, path = await _bind(environ)
    clients = _Clients(route)
    try:
        server = await loop.create_unix_server(clients.factory, sock=sock, backlog=_BACKLOG)
        try:
            yield path
        finally:
            server.close()
            await clients.close()
            await server.wait_closed()
    finally:
        sock.close()
        path.unlink(missing_ok=True)


async def _bind(environ: Mapping[str, str]) -> tuple[socket.socket, Path]:
    """Bind in a thread; whoever is cancelled meanwhile leaves no socket behind."""
    binding = asyncio.get_running_loop().run_in_executor(None, bind_socket, environ)
    try:
        return await asyncio.shield(binding)
    except asyncio.CancelledError:
        await asyncio.wait([binding])
        if binding.exception() is None:
            sock, path = binding.result()
            sock.close()
            path.unlink(missing_ok=True)
        raise
