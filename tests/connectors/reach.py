"""Hosts of ours for parts of the lab, and raw requests to an endpoint."""

import threading
from collections.abc import Callable
from pathlib import Path

import trio

from config.models import Monitoring, SshHost
from connectors.endpoint import Endpoint
from tests.lab.sshd import Sshd

QUICK = Monitoring(connect_timeout=8)
PING = b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"


def ssh_host(sshd: Sshd, socket: Path | str, **changes: object) -> SshHost:
    """Return the host that an operator would write for this sshd."""
    settings: dict[str, object] = {
        "name": "edge",
        "address": sshd.address,
        "port": sshd.port,
        "username": sshd.username,
        "key_file": sshd.client_key,
        "known_hosts_file": sshd.known_hosts,
        "ssh_config_file": empty_file(sshd.folder / "ssh_config"),
        "agent": False,
        "socket": str(socket),
        "monitoring": QUICK,
    }
    return SshHost(**(settings | changes))  # type: ignore[arg-type]  # a test's own dictionary


def empty_file(path: Path) -> Path:
    """Make a file, so that nobody's own ~/.ssh/config takes part."""
    path.touch()
    return path


async def ask(endpoint: Endpoint, request: bytes = PING) -> bytes:
    """Send a request on a connection of its own and return all that comes."""
    assert endpoint.uds is not None
    async with await trio.open_unix_socket(str(endpoint.uds)) as stream:
        await stream.send_all(request)
        return b"".join([part async for part in stream])


async def until(check: Callable[[], object], what: str, deadline: float = 15.0) -> None:
    """Wait until ``check()`` is true, letting other tasks run."""
    end = trio.current_time() + deadline
    while not check():
        assert trio.current_time() < end, f"{what}: not within {deadline:g} s"
        await trio.sleep(0.02)


def open_files() -> int:
    """Count this process's file descriptors."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def ssh_threads() -> list[str]:
    """Return the names of threads that belong to SSH."""
    return [t.name for t in threading.enumerate() if t.name.startswith(("fleet-ssh", "asyncio"))]
