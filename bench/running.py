"""A `fleet up` to measure, in a process and a folder of its own."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bench.processes import descendants
from tests.lab.ports import free_port
from tests.lab.reap import marked_environment
from tests.lab.runs import new_part

START_SECONDS = 30.0


@dataclass(frozen=True)
class RunningFleet:
    """One running program.

    Attributes:
        pid: Of fleet itself.
        port: Of its API, on the loopback.
        config: Its hosts.toml.
        log: What it says.
    """

    pid: int
    port: int
    config: Path
    log: Path

    def document(self, path: str) -> Any:
        """Ask the API; None while it does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        except OSError:
            return None
        finally:
            connection.close()
        return msgspec.json.decode(body) if answer.status == 200 else None

    def stored_samples(self) -> int:
        """Rows of stats that the database has confirmed since the start."""
        document = self.document("/api/fleet")
        return document["storage"]["written"].get("container_stats", 0) if document else 0

    def postgres(self) -> list[int]:
        """Process ids of the embedded database."""
        return descendants(self.pid)


@contextmanager
def running_fleet(hosts: str, *, interval: float = 10.0) -> Iterator[RunningFleet]:
    """Run fleet over `hosts` (TOML) until the block is left; it is ready when the block begins."""
    folder, port = new_part("b"), free_port()
    config = folder / "hosts.toml"
    config.write_text(
        f'[fleet]\nlisten = "127.0.0.1:{port}"\ndata_dir = "{folder / "data"}"\n'
        f"[defaults.monitoring]\nstats_interval = {interval}\n{hosts}"
    )
    with fleet_over(config) as fleet:
        yield fleet


@contextmanager
def fleet_over(config: Path, patience: float = START_SECONDS) -> Iterator[RunningFleet]:
    """The same with a whole `hosts.toml`, which says where to listen on the loopback."""
    folder = config.parent
    port = int(tomllib.loads(config.read_text())["fleet"]["listen"].rpartition(":")[2])
    command = [sys.executable, "-m", "fleet", "up", "--config", str(config)]
    log = folder / "fleet.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            env=marked_environment(folder),
            start_new_session=True,
        )
    fleet = RunningFleet(process.pid, port, config, log)
    try:
        _wait_ready(fleet, process, patience)
        yield fleet
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_ready(fleet: RunningFleet, process: subprocess.Popen[bytes], patience: float) -> None:
    deadline = time.monotonic() + patience
    while fleet.document("/ready") is None:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"fleet did not come up:\n{fleet.log.read_text()[-2000:]}")
        time.sleep(0.05)


def local_host(name: str, socket: Path) -> str:
    """TOML of a host on a Unix socket."""
    return f'[hosts.{name}]\nconnection = "local"\nsocket = "{socket}"\n'
