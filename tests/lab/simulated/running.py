"""Simulated Engines for a test or a bench: started, ruled over, ended."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

from tests.lab.errors import LabError
from tests.lab.parts import Part
from tests.lab.reap import marked_environment, reap_part
from tests.lab.runs import new_part
from tests.lab.simulated.messages import Request, Says, Told

PATIENCE = 60.0
_decode = msgspec.json.Decoder(Told).decode


class Control:
    """Rules over the simulated hosts of a folder, from any process; hosts are meant by name."""

    def __init__(self, folder: Path) -> None:
        self._sockets = sorted(folder.glob("control-*.sock"))

    def delay(self, seconds: float, *hosts: str) -> None:
        """Make every answer late."""
        self._ask(Request(do="delay", seconds=seconds, hosts=_named(hosts)))

    def stall(self, *hosts: str) -> None:
        """Answer nothing, as a frozen daemon; what was asked is answered when it is healed."""
        self._ask(Request(do="stall", hosts=_named(hosts)))

    def cut(self, *hosts: str) -> None:
        """Reset every connection, and each new one, until it is healed."""
        self._ask(Request(do="cut", hosts=_named(hosts)))

    def drop(self, *hosts: str) -> None:
        """Reset every connection, once."""
        self._ask(Request(do="drop", hosts=_named(hosts)))

    def refuse(self, *hosts: str) -> None:
        """Listen no more, until it is healed."""
        self._ask(Request(do="refuse", hosts=_named(hosts)))

    def heal(self, *hosts: str) -> None:
        """End all faults."""
        self._ask(Request(do="heal", hosts=_named(hosts)))

    def live(self, rate: float, *hosts: str) -> None:
        """Let things happen at so many events a second and host; 0 is quiet."""
        self._ask(Request(do="live", rate=rate, hosts=_named(hosts)))

    def step(self, times: int, *hosts: str) -> None:
        """Let so many things happen at once, each of one event or more."""
        self._ask(Request(do="step", times=times, hosts=_named(hosts)))

    def says(self, *hosts: str) -> dict[str, Says]:
        """What the Engines would say now, by host."""
        told = self._ask(Request(do="says", hosts=_named(hosts)))
        return {name: says for one in told for name, says in one.says.items()}

    def count(self) -> list[Told]:
        """Requests, CPU and memory of each process so far."""
        return self._ask(Request(do="count"))

    def _ask(self, request: Request) -> list[Told]:
        return [_ask(path, request) for path in self._sockets]


def _named(hosts: Iterable[str]) -> list[str] | None:
    return list(hosts) or None


def _ask(path: Path, request: Request) -> Told:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(PATIENCE)
        client.connect(str(path))
        client.sendall(msgspec.json.encode(request) + b"\n")
        with client.makefile("rb") as answer:
            return _decode(answer.readline())


class Simulated(Part):
    """Simulated hosts in processes of their own; a context manager that ends them.

    Attributes:
        folder: Of their sockets.
        config: A ``hosts.toml`` for ``fleet up``: only ``[fleet]`` and the hosts.
        names: Of the hosts.
        control: To rule over them.
    """

    def __init__(
        self,
        *,
        hosts: int = 10,
        containers: int = 20,
        seed: int = 1,
        rate: float = 0.0,
        logged: float = 0.02,
        tls: float = 0.0,
        processes: int = 1,
        listen: str | None = None,
    ) -> None:
        """Start them; they serve when this returns.

        Args:
            hosts: As many as are simulated.
            containers: Of each.
            seed: The same one gives the same hosts, but for the time.
            rate: Events a second and host.
            logged: The share of containers that are labelled to have their logs kept.
            tls: The share of hosts that are reached by TCP with mutual TLS.
            processes: Among which the hosts are split.
            listen: Fleet's own address; a free port of the loopback if not told.

        Raises:
            MissingPartError: the process is not root on Linux.
        """
        self.folder = new_part("s")
        self.config = self.folder / "hosts.toml"
        self.names = [f"sim-{number:03}" for number in range(1, hosts + 1)]
        command = [sys.executable, "-m", "tests.lab.simulated", "--folder", str(self.folder)]
        numbers = {"hosts": hosts, "containers": containers, "seed": seed, "processes": processes}
        for name, value in (numbers | {"rate": rate, "logged": logged, "tls": tls}).items():
            command += [f"--{name}", str(value)]
        command += ["--listen", listen] if listen else []
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            env=marked_environment(self.folder),
            start_new_session=True,
        )
        try:
            self._wait_serving()
        except BaseException:
            self.close()
            raise
        self.control = Control(self.folder)

    def _wait_serving(self) -> None:
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise LabError("the simulated hosts ended before they served")

    def socket(self, host: str) -> Path:
        """The Unix socket of a host that is reached by one."""
        return self.folder / f"{host.removeprefix('sim-')}.sock"

    def configured(self, more: str) -> Path:
        """Add to the ``hosts.toml``, such as ``[defaults.monitoring]``; returns its path."""
        self.config.write_text(f"{self.config.read_text()}\n{more}")
        return self.config

    def close(self) -> None:
        """End them, and remove their folder."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            reap_part(self.folder)
