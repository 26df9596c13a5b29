"""TCP ports of this machine."""

import secrets
import socket
from contextlib import suppress
from pathlib import Path

_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_000
_ATTEMPTS = 100


def free_port() -> int:
    """Return a TCP port of the loopback that was free a moment ago.

    It is none that the kernel gives to outgoing connections: those of tests that run beside would
    take one in a while before its server does.
    """
    for _ in range(_ATTEMPTS):
        with suppress(OSError), socket.create_server(("127.0.0.1", _any_port())) as server:
            port: int = server.getsockname()[1]
            return port
    raise OSError(f"none of {_ATTEMPTS} ports was free")


def _any_port() -> int:
    """A port below those of outgoing connections; 0, for any, where they leave no room."""
    first = int(_OUTGOING.read_text().split()[0]) if _OUTGOING.exists() else 0
    # Not by `random`, which hypothesis has begin anew: two tests would be given the same ones.
    return _LOWEST + secrets.randbelow(first - _LOWEST) if first > 2 * _LOWEST else 0


def accepts(host: str, port: int, timeout: float = 1.0) -> bool:
    """Tell whether somebody accepts TCP connections there."""
    try:
        socket.create_connection((host, port), timeout).close()
    except OSError:
        return False
    return True
