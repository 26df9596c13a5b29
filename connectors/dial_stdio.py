"""Where sshd forbids forwarding: `docker system dial-stdio`, one remote process per connection.

Facts behind it: sshd allows 10 sessions per connection (MaxSessions) unless told otherwise, and
remote processes that nobody ends stay (moby/moby#46076, docker/docker-py#2246).
"""

from __future__ import annotations

import asyncio
import logging
import re
import shlex
from collections.abc import Awaitable, Callable

import asyncssh

from connectors.ssh_splice import WINDOW, NearSide, RemoteSide

SESSIONS = 8  # of the 10 that sshd allows, two are left for others on the same connection
_DEFAULT_SOCKET = "/var/run/docker.sock"
_STDERR_KEPT = 2048
_PID_LINE = re.compile(rb"(\d+)\n")
_EOF_GRACE = 2.0  # seconds a remote process has to end after its input has
_TERM_GRACE = 2.0

_log = logging.getLogger(__name__)


def command_for(remote_socket: str) -> str:
    """Return the remote command line that joins its stdin and stdout to the Engine's socket."""
    if remote_socket == _DEFAULT_SOCKET:
        return "docker system dial-stdio"  # leaves the choice to the user's docker context there
    return shlex.join(["docker", "-H", f"unix://{remote_socket}", "system", "dial-stdio"])


def announced(command: str) -> str:
    """Wrap a command so that the first line of its stderr is its process id."""
    return shlex.join(["sh", "-c", f"echo $$ >&2; exec {command}"])


class DialStdioSide(RemoteSide, asyncssh.SSHClientSession[bytes]):
    """One remote process as the far end of a connection.

    Attributes:
        exited: Set when the host has reported the process's end, or the channel is closed.
        closed: Set when the channel is closed, and with it sshd's session.
        stderr: The last that it wrote there.
        pid: Its process id on the host, once announced.
    """

    def __init__(self, local: NearSide, kill: Callable[[int], Awaitable[None]]) -> None:
        super().__init__(local)
        self.pid: int | None = None
        self._kill = kill
        self.exited = asyncio.Event()
        self.closed = asyncio.Event()
        self.stderr = b""
        self._reaper: asyncio.Task[None] | None = None

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Pass on stdout; keep the end of stderr."""
        if datatype is None:
            super().data_received(data, datatype)
        else:
            self.stderr = (self.stderr + data)[-_STDERR_KEPT:]
            if self.pid is None and (line := _PID_LINE.match(self.stderr)):
                self.pid = int(line[1])
                self.stderr = self.stderr[line.end() :]

    def exit_status_received(self, status: int) -> None:  # noqa: ARG002 - asyncssh's signature
        """Note that the process has ended."""
        self.exited.set()

    def exit_signal_received(self, *_details: object) -> None:
        """Note that the process was killed."""
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the local side; with the channel the process is out of our reach."""
        self.exited.set()
        self.closed.set()
        super().connection_lost(exc)

    def end(self) -> None:
        """End the remote process, then close the channel."""
        if self._reaper is None and self._channel is not None:
            self._reaper = asyncio.get_running_loop().create_task(self._reap())

    async def _reap(self) -> None:
        """End of input first, then SIGTERM, then close.

        OpenSSH passes signals on since 7.9, but not for root; hence `kill` in a further session.
        """
        self._channel.resume_reading()  # what is still under way stands before the exit status
        self._channel.write_eof()
        if not await self._is_gone_within(_EOF_GRACE):
            self._channel.send_signal("TERM")
            if self.pid is not None:
                await self._kill(self.pid)
            if not await self._is_gone_within(_TERM_GRACE):
                _log.warning("a remote command of ours did not end when told to")
        self._channel.close()

    async def _is_gone_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self.exited.wait(), seconds)
        except TimeoutError:
            return False
        return True


class Sessions:
    """Hands out the few sessions of one SSH connection, first come, first served.

    The limit shrinks when sshd refuses a session (a smaller MaxSessions, or others on the same
    connection) and never grows again within the connection.
    """

    def __init__(self, limit: int = SESSIONS, queue: int = 256) -> None:
        self.limit = limit
        self.open = 0
        self._queue = queue
        self._waiting: dict[object, asyncio.Future[bool]] = {}  # in the order of their coming

    async def acquire(self, client: object) -> bool:
        """Wait for a session; False when too many wait already, or the client has left."""
        if self.open < self.limit:
            self.open += 1
            return True
        if len(self._waiting) >= self._queue:
            return False
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[client] = turn
        try:
            return await turn
        except asyncio.CancelledError:
            if self._waiting.pop(client, None) is None and not turn.cancelled() and turn.result():
                self.release()
            raise

    def leave(self, client: object) -> None:
        """Take a client that is gone out of the queue, if it waits there."""
        turn = self._waiting.pop(client, None)
        if turn is not None and not turn.done():
            turn.set_result(False)

    def release(self) -> None:
        """Give a session back: to the next in the queue, unless the limit has shrunk."""
        self.open -= 1
        while self._waiting and self.open < self.limit:
            turn = self._waiting.pop(next(iter(self._waiting)))
            if not turn.done():
                self.open += 1
                turn.set_result(True)

    def refused(self) -> bool:
        """Lower the limit to what is open besides the refused one; False if that is nothing."""
        self.limit = max(1, self.open - 1)
        return self.open > 1


class DialStdio:
    """Opens connections as remote processes."""

    via = "dial-stdio"
    max_connections: int | None = SESSIONS

    def __init__(self, connection: asyncssh.SSHClientConnection, remote_socket: str) -> None:
        self.sessions = Sessions()
        self._connection = connection
        self._command = announced(command_for(remote_socket))
        self._sides: dict[DialStdioSide, asyncio.Task[None]] = {}

    async def open(self, local: NearSide, command: str | None = None) -> DialStdioSide | None:
        """Open a connection, waiting for a free session.

        Args:
            local: Our end of it.
            command: What to run instead of dial-stdio, `announced`.

        Returns:
            None when there is no session to be had, or the client gave up waiting.

        Raises:
            asyncssh.Error: the connection is gone.
        """
        while await self.sessions.acquire(local):
            side = DialStdioSide(local, self._kill)
            try:
                await self._start(side, command or self._command)
            except asyncssh.ChannelOpenError:
                may_wait = self.sessions.refused()
                self.sessions.release()
                if not may_wait:
                    raise
                continue
            except BaseException:
                self.sessions.release()
                raise
            self._sides[side] = asyncio.get_running_loop().create_task(self._watch(side))
            return side
        return None

    def give_up(self, local: NearSide) -> None:
        """Let a client that is gone wait no longer: no process is started for it any more."""
        self.sessions.leave(local)

    async def _start(self, side: DialStdioSide, command: str) -> None:
        await self._connection.create_session(
            lambda: side,
            command,
            env=None,
            send_env=None,
            request_pty=False,
            encoding=None,
            window=WINDOW,
        )

    async def _kill(self, pid: int) -> None:
        try:
            async with asyncio.timeout(_TERM_GRACE):
                await self._connection.run(f"kill {pid}", request_pty=False)
        except (TimeoutError, asyncssh.Error):
            pass  # no session is to be had, or the connection is gone: the caller sees what became

    async def _watch(self, side: DialStdioSide) -> None:
        try:
            await side.closed.wait()
        finally:
            self.sessions.release()
            del self._sides[side]

    async def close(self) -> None:
        """End all remote processes and wait for them, bounded by their own graces."""
        watches = list(self._sides.values())
        for side in list(self._sides):
            side.end()
        if watches:
            await asyncio.wait(watches, timeout=_EOF_GRACE + 2 * _TERM_GRACE + 1)
