"""A Unix socket of ours for an Engine on TCP, so that any Docker tool can use our connection to it.

The tool needs no certificates: they stay in this process. Bytes pass as they are, hijacked
connections (`docker exec -i`, `docker attach`) included, whose directions end one by one.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import trio

from connectors.dial import Connection, dial
from connectors.endpoint import Endpoint
from connectors.errors import EngineError
from connectors.tls_duplex import TlsDuplex

PIECE = 64 * 1024
CLIENTS = 64
DIAL_SECONDS = 15.0


@asynccontextmanager
async def open_relay(endpoint: Endpoint, path: Path) -> AsyncIterator[None]:
    """Listen on `path` (mode 0600) and pass every connection on to the endpoint.

    Raises:
        OSError: The socket cannot be made.
    """
    with _listening(path) as listener:
        async with trio.open_nursery() as nursery:
            handler = partial(_pass_on, endpoint)
            nursery.start_soon(trio.serve_listeners, handler, [trio.SocketListener(listener)])
            yield
            nursery.cancel_scope.cancel()


@contextmanager
def _listening(path: Path) -> Iterator[trio.socket.SocketType]:
    """A listening socket at `path`, which replaces what a dead program left there."""
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as plain:
        plain.bind(os.fspath(path))
        try:
            path.chmod(0o600)
            plain.listen(CLIENTS)
            yield trio.socket.from_stdlib_socket(plain)
        finally:
            path.unlink(missing_ok=True)


async def _pass_on(endpoint: Endpoint, client: trio.SocketStream) -> None:
    """Join one client with a connection of its own; an Engine that is away closes it at once."""
    async with client:
        try:
            connection = await dial(replace(endpoint, tls=None), DIAL_SECONDS)
        except EngineError:
            return  # the host's own session notices and shows it
        try:
            with trio.move_on_after(DIAL_SECONDS) as handshake:
                engine = await _secured(endpoint, connection)
            if not handshake.cancelled_caught:
                await _join(client, engine)
        except (OSError, trio.BrokenResourceError):
            return  # as above: TLS does not fit any more
        finally:
            connection.close()


async def _secured(endpoint: Endpoint, connection: Connection) -> trio.abc.HalfCloseableStream:
    """Do the TLS handshake, where there is one."""
    plain = connection.stream
    if not isinstance(plain, trio.SocketStream):
        raise TypeError("a connection without TLS is a socket")
    if endpoint.tls is None:
        return plain
    name = endpoint.server_name or (endpoint.address[0] if endpoint.address else None)
    stream = TlsDuplex(plain, endpoint.tls, name)
    await stream.do_handshake()
    return stream


async def _join(client: trio.SocketStream, engine: trio.abc.HalfCloseableStream) -> None:
    """Pass bytes both ways until the Engine has said all, or the client is gone."""
    async with trio.open_nursery() as nursery:

        async def hear_client() -> None:
            await _copy(client, engine)
            if _is_hung_up(client):
                nursery.cancel_scope.cancel()  # nobody would read what still comes

        nursery.start_soon(hear_client)
        await _copy(engine, client)
        nursery.cancel_scope.cancel()


def _is_hung_up(client: trio.SocketStream) -> bool:
    """Tell a client that is gone from one that has only ended its input."""
    poll = select.poll()
    poll.register(client.socket.fileno(), 0)
    return any(events & select.POLLHUP for _, events in poll.poll(0))


async def _copy(source: trio.abc.HalfCloseableStream, sink: trio.abc.HalfCloseableStream) -> None:
    """Copy until the source ends or either side breaks, then end the sink's side."""
    try:
        while piece := await source.receive_some(PIECE):
            await sink.send_all(piece)
        await sink.send_eof()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return
