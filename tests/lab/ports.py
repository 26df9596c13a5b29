"""TCP ports of this machine."""

import socket


def free_port() -> int:
    """Return a TCP port of the loopback that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def accepts(host: str, port: int, timeout: float = 1.0) -> bool:
    """Tell whether somebody accepts TCP connections there."""
    try:
        socket.create_connection((host, port), timeout).close()
    except OSError:
        return False
    return True
