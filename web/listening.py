"""Where to listen: parsed and bound before anything else starts."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence

import trio

from config.addresses import split_listen


class ListenError(Exception):
    """The address cannot be listened on. The message says why, and the next step."""


class Bound:
    """Listening sockets and the address they have; port 0 has become a real one."""

    def __init__(self, listeners: Sequence[trio.SocketListener]) -> None:
        self.listeners = list(listeners)
        host, port = listeners[0].socket.getsockname()[:2]
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def aclose(self) -> None:
        """Close the sockets, for when they are not served after all."""
        for listener in self.listeners:
            await listener.aclose()


def parse_listen(listen: str) -> tuple[str, int]:
    """`127.0.0.1:8080`, `[::1]:8080`, `localhost:0` as host and port.

    Raises:
        ListenError: It is not of that form.
    """
    try:
        return split_listen(listen)
    except ValueError as error:
        raise ListenError(_form(listen)) from error


async def bind(listen: str) -> Bound:
    """Bind the address, so that a taken port is known before anything else is started.

    Raises:
        ListenError: Taken, not permitted, not of this machine, or malformed.
    """
    host, port = parse_listen(listen)
    try:
        return Bound(await trio.open_tcp_listeners(port, host=host))
    except socket.gaierror as error:
        raise ListenError(
            f"Cannot listen on {listen}: the name {host!r} has no address ({error.strerror}). "
            'Use an address of this machine, as in listen = "127.0.0.1:8080".'
        ) from error
    except OSError as error:
        raise ListenError(refused(listen, port, error)) from error


def refused(listen: str, port: int, error: OSError) -> str:
    """Why an address cannot be listened on, and the next step."""
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"Cannot listen on {listen}: another program has that port already, perhaps "
                f"another fleet. Stop it (`ss -ltnp 'sport = :{port}'` shows it), or set another "
                "port as `listen` under [fleet] in hosts.toml."
            )
        case errno.EACCES:
            return (
                f"Cannot listen on {listen}: ports below 1024 need privileges. "
                "Set a higher one as `listen` under [fleet] in hosts.toml."
            )
        case errno.EADDRNOTAVAIL:
            return (
                f"Cannot listen on {listen}: this machine does not have that address. "
                "Set one it has as `listen` under [fleet] in hosts.toml."
            )
    return f"Cannot listen on {listen}: {error.strerror}."


def _form(listen: str) -> str:
    return (
        f"Cannot listen on {listen!r}: it must be HOST:PORT with a port up to 65535, "
        'like "127.0.0.1:8080" or "[::1]:8080".'
    )
