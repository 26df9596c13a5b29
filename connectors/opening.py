"""Opening a TCP connection, with a patience of its own within the whole `connect_timeout`.

The first packet goes out at 0, 1 and 3 s and then only at 7, 15 and 31 s (tcp_syn_retries): an
attempt that waits for those learns up to 16 s late that a host is back. A new one begins afresh.
"""

from __future__ import annotations

from typing import Any

import trio

from connectors.names import Found, resolve

TCP_PATIENCE = 4.0  # seconds; what a name takes to be resolved is not counted
_HEAD_START = 0.25  # seconds that one address of a name has before the next is tried beside it


async def open_tcp(address: str, port: int) -> trio.SocketStream:
    """Connect to a name or an address.

    Raises:
        trio.TooSlowError: nothing came back within `TCP_PATIENCE`.
        socket.gaierror: the name has no address, or is none.
        OSError: what came of the first address.
    """
    found = await resolve(address, port)
    with trio.fail_after(TCP_PATIENCE):
        return trio.SocketStream(await _first_of(found))


async def _first_of(found: Found) -> trio.socket.SocketType:
    """Connect to whichever address answers first (RFC 8305 without its finer points)."""
    connected: list[trio.socket.SocketType] = []
    errors: list[OSError] = []
    try:
        async with trio.open_nursery() as nursery:

            async def attempt(entry: tuple[Any, ...], failed: trio.Event) -> None:
                try:
                    connected.append(await _connect(entry))
                    nursery.cancel_scope.cancel()
                except OSError as error:
                    errors.append(error)
                    failed.set()

            for entry in found:
                failed = trio.Event()
                nursery.start_soon(attempt, entry, failed)
                with trio.move_on_after(_HEAD_START):
                    await failed.wait()
        if not connected:
            raise errors[0]
        return connected.pop()
    finally:
        for surplus in connected:
            surplus.close()


async def _connect(entry: tuple[Any, ...]) -> trio.socket.SocketType:
    family, kind, protocol, _, place = entry
    sock = trio.socket.socket(family, kind, protocol)
    try:
        await sock.connect(place)
    except BaseException:
        sock.close()
        raise
    return sock
