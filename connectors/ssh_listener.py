"""The local socket of a tunnel, and the clients that connect to it.

They are accepted here and not by asyncio's server: that one, when it is closed, forgets whom it has
accepted but not yet set up (python/cpython#109564).
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh

from connectors.ssh_routes import Route
from connectors.ssh_sockets import bind_socket
from connectors.ssh_splice import LocalSide

_BACKLOG = 256
_AT_ONCE = 64  # clients accepted in one turn of the loop
_RETRY = 1.0  # seconds until the next attempt when this process or machine has no room
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

_log = logging.getLogger(__name__)


@asynccontextmanager
async def listen(environ: Mapping[str, str], route: Route) -> AsyncIterator[Path]:
    """Join every client of a new private socket to a channel of its own, and yield its path.

    Clients of every stage of their coming are closed when the block ends.

    Raises:
        OSError: the socket cannot be made.
    """
    sock, path = await _bind(environ)
    try:
        sock.setblocking(False)
        sock.listen(_BACKLOG)
        clients = _Clients(sock, route)
        clients.accept_more()
        try:
            yield path
        finally:
            await clients.close()
    finally:
        sock.close()
        path.unlink(missing_ok=True)


class _Clients:
    """The clients of one local socket: first `coming`, then `open`, and `joining` meanwhile."""

    def __init__(self, sock: socket.socket, route: Route) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._route = route
        self._retry: asyncio.TimerHandle | None = None
        self._coming: set[asyncio.Task[None]] = set()
        self._open: set[LocalSide] = set()
        self._joining: set[asyncio.Task[None]] = set()
        self._none_left = asyncio.Event()
        self._none_left.set()

    def accept_more(self) -> None:
        """Accept clients from now on."""
        self._loop.add_reader(self._sock, self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                accepted, _address = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    raise
                _log.warning("a tunnel's client must wait: %s", error)
                self._loop.remove_reader(self._sock)
                self._retry = self._loop.call_later(_RETRY, self.accept_more)
                return
            task = self._loop.create_task(self._set_up(accepted))
            self._coming.add(task)
            task.add_done_callback(self._coming.discard)

    async def _set_up(self, accepted: socket.socket) -> None:
        await self._loop.connect_accepted_socket(
            lambda: LocalSide(self._accepted, self._ended), accepted
        )

    def _accepted(self, local: LocalSide) -> None:
        self._open.add(local)
        self._none_left.clear()
        task = self._loop.create_task(self._join(local))
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
        """Accept nobody more, and close all connections at once."""
        self._loop.remove_reader(self._sock)
        if self._retry is not None:
            self._retry.cancel()
        if self._coming:  # waits for nobody: a turn or two of the loop, then all of them are open
            await asyncio.wait(list(self._coming))
        for task in list(self._joining):
            task.cancel()
        for local in list(self._open):
            local.abort()
        if self._joining:
            await asyncio.wait(list(self._joining))
        await self._none_left.wait()  # an abort takes effect one turn of the loop later


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
