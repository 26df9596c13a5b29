"""Runs the docker CLI so that it feels like docker itself: terminal, stdin, signals, exit code."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NoReturn

from config.models import Config, Host
from fleet.cli.docker_address import CLEARED, by_running_fleet, direct, tls_arguments
from fleet.cli.errors import CommandError


def run_docker(config: Config, host: Host, arguments: list[str]) -> int:
    """Run `docker ARGUMENTS` against a host; returns its exit code.

    Where the docker CLI can do it alone it takes this process's place. Otherwise our connection
    lives as long as it runs.
    """
    program = shutil.which("docker")
    if program is None:
        raise CommandError("there is no docker command on this machine", "install the docker CLI")
    if flags := tls_arguments(host):
        _become(program, [*flags, *arguments], None)
    if address := direct(host) or by_running_fleet(config, host):
        _become(program, arguments, address)
    from fleet.cli.running import run

    with _signals_are_the_childs():
        return run(_run_through, config, host, program, arguments)


def _environment(address: str | None) -> dict[str, str]:
    environment = {key: value for key, value in os.environ.items() if key not in CLEARED}
    environment.pop("DOCKER_HOST", None)
    return environment | ({"DOCKER_HOST": address} if address else {})


def _become(program: str, arguments: list[str], address: str | None) -> NoReturn:
    sys.stdout.flush()
    os.execve(program, ["docker", *arguments], _environment(address))  # noqa: S606 - no shell is meant


@contextmanager
def _signals_are_the_childs() -> Iterator[None]:
    """Let Ctrl-C reach the child alone: the terminal sends it to both.

    A handler, not SIG_IGN: that one the child would inherit.
    """
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


async def _run_through(config: Config, host: Host, program: str, arguments: list[str]) -> int:
    """Run it over a connection of our own."""
    import trio

    from fleet.connected import open_connected
    from fleet.limits import Limits

    async with (
        open_connected(host, Limits.of(config.fleet)) as connected,
        _address(connected.endpoint) as place,
    ):
        command = [program, *arguments]
        process = subprocess.Popen(command, env=_environment(place))  # noqa: ASYNC220 - returns at once
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGHUP) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_forward, signals, process)
                code = await trio.to_thread.run_sync(process.wait, abandon_on_cancel=True)
                nursery.cancel_scope.cancel()
    return code if code >= 0 else 128 - code


async def _forward(signals: AsyncIterator[int], process: subprocess.Popen[bytes]) -> None:
    async for number in signals:
        process.send_signal(number)


@asynccontextmanager
async def _address(endpoint: object) -> AsyncIterator[str]:
    """The endpoint's socket, or a relay to it for as long as the block runs."""
    from connectors.endpoint import Endpoint
    from connectors.relay import open_relay

    assert isinstance(endpoint, Endpoint)  # noqa: S101 - keeps that import out of the fast path
    if endpoint.uds is not None:
        yield f"unix://{endpoint.uds}"
        return
    with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
        path = Path(folder) / "docker.sock"
        async with open_relay(endpoint, path):
            yield f"unix://{path}"
