"""The two ways through an SSH connection to the Engine's socket, and which of them works."""

from __future__ import annotations

import asyncio
from typing import Protocol

import asyncssh

from config.models import SshHost
from connectors.dial_stdio import DialStdio, DialStdioSide
from connectors.errors import AuthenticationError, EngineError, UnreachableError
from connectors.ping import LIMIT, REQUEST, status_of
from connectors.ssh_splice import WINDOW, NearSide, RemoteSide

_SILENT = "no answer"
_PING_PATIENCE = 5.0  # seconds for a ping; a forwarding that swallows traffic must not take longer


class Route(Protocol):
    """Opens channels to the Engine's socket."""

    via: str
    max_connections: int | None

    async def open(self, local: NearSide) -> RemoteSide | None:
        """Open one channel, or return None when the host has no room for it.

        Raises:
            asyncssh.Error: refused, or the connection is gone.
        """

    def give_up(self, local: NearSide) -> None:
        """Learn that a client is gone, whose `open` may still wait for room."""

    async def close(self) -> None:
        """End what runs on the host for the channels."""


class Streamlocal:
    """Opens channels of sshd's own forwarding: direct-streamlocal@openssh.com."""

    via = "streamlocal"
    max_connections: int | None = None

    def __init__(self, connection: asyncssh.SSHClientConnection, remote_socket: str) -> None:
        self._connection = connection
        self._socket = remote_socket

    async def open(self, local: NearSide) -> RemoteSide | None:
        """Open one channel."""
        side = RemoteSide(local)
        await self._connection.create_unix_connection(lambda: side, self._socket, window=WINDOW)
        return side

    def give_up(self, local: NearSide) -> None:
        """Nobody waits here."""

    async def close(self) -> None:
        """Nothing of ours runs on the host."""


class _Ping:
    """Stands in for a client and keeps the beginning of the answer."""

    def __init__(self) -> None:
        self.saw_eof = False
        self.answer = b""
        self.done = asyncio.Event()

    def write(self, data: bytes) -> None:
        self.answer = (self.answer + data)[:LIMIT]
        if b"\r\n\r\n" in self.answer or len(self.answer) == LIMIT:
            self.done.set()

    def write_eof(self) -> None:
        self.done.set()

    def close(self) -> None:
        self.done.set()

    def pause(self) -> None:
        """The request is one packet: nothing to hold back."""

    def resume(self) -> None:
        """See `pause`."""


async def choose_route(host: SshHost, connection: asyncssh.SSHClientConnection) -> Route:
    """Return the way through which an Engine has answered a ping, sshd's forwarding preferred.

    OpenSSH gives the same reason for a forbidden forwarding, a missing socket and a missing
    permission, and others (Tailscale SSH) refuse only when traffic flows. So whatever is wrong with
    forwarding, dial-stdio is tried, and its words tell the cause.

    Raises:
        AuthenticationError: our user there may not open the Engine's socket.
        UnreachableError: no Engine answers, or neither way is open.
    """
    forwarding = Streamlocal(connection, host.socket)
    refusal = await _refusal(forwarding)
    if refusal is None:
        return forwarding
    sessions = DialStdio(connection, host.socket)
    second = await _refusal(sessions)
    if second is None:
        return sessions
    await sessions.close()
    raise _neither(host, refusal, second)


async def _refusal(route: Route) -> str | None:
    """Send a ping; return None when an HTTP server answered, else what happened instead."""
    ping = _Ping()
    try:
        async with asyncio.timeout(_PING_PATIENCE):
            side = await route.open(ping)
            if side is None:
                return "no session is free"
            try:
                side.write(REQUEST)
                await ping.done.wait()
            finally:
                side.end()
            if status_of(ping.answer) is not None:
                return None
            return await _words(side) or "the connection was closed without an answer"
    except asyncssh.ChannelOpenError as error:
        return error.reason
    except TimeoutError:
        return _SILENT
    except (asyncssh.Error, OSError) as error:  # the connection broke meanwhile
        return str(error)


async def _words(side: RemoteSide) -> str:
    if not isinstance(side, DialStdioSide):
        return ""
    await side.closed.wait()
    return side.stderr.decode(errors="replace").strip()


def _neither(host: SshHost, forwarding: str, sessions: str) -> EngineError:
    low = sessions.lower()
    if "permission denied" in low:
        hint = "add the user there to the group docker: sudo usermod -aG docker USER"
        what = f"the user on the host may not open {host.socket}"
        return AuthenticationError(host.name, what, hint)
    if "not found" in low and "docker" in low:
        hint = "check `socket`; else permit AllowStreamLocalForwarding in sshd_config there"
        what = f"forwarding to {host.socket} failed ({forwarding}), and there is no docker command"
        return UnreachableError(host.name, what, hint)
    absent = ("cannot connect to the docker daemon", "no such file", "connection refused")
    if any(words in low for words in absent):
        hint = "is Docker running there? else set `socket` to where it listens"
        return UnreachableError(host.name, f"no Engine answers on {host.socket} there", hint)
    if forwarding == sessions == _SILENT:
        what = f"the Engine on {host.socket} there gives no answer"
        return UnreachableError(host.name, what, "is it overloaded? see its log there")
    what = f"forwarding to {host.socket} failed ({forwarding}), and so did dial-stdio ({sessions})"
    hint = "permit AllowStreamLocalForwarding in sshd_config there, or install the docker command"
    return UnreachableError(host.name, what, hint)
