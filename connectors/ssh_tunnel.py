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
from connectors.ssh_listener import listen
from connectors.ssh_routes import choose_route

_CLOSE_PATIENCE = 2.0  # seconds for a farewell; a dead peer never takes it


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
            path = await stack.enter_async_context(listen(environ, route))
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
