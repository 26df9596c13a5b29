"""A whole fleet with a real Engine, under TLS, while hostile clients do what they can."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import pytest

from fleet.cli.api import Api
from fleet.cli.errors import CommandError
from fleet.cli.reaching import knowing
from tests.cli.running import Fleet
from tests.lab.fixtures import Lab
from tests.lab.ports import free_port
from tests.lab.tls import Authority, TlsFiles
from tests.lab.waiting import wait_until

SETTINGS = """\
[fleet]
listen = "127.0.0.1:{port}"
data_dir = "{folder}/data"
tls_cert_file = "cert.pem"
tls_key_file = "key.pem"
[defaults.monitoring]
stats_interval = 1
[hosts.here]
connection = "local"
socket = "{socket}"
"""
CONTAINERS = 3
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"  # the beginning of one
ASKED = b"GET /api/containers HTTP/1.1\r\nHost: localhost\r\n\r\n"
SAID = (
    b"GET /health HTTP/1.1\r\nHost: lo",
    ASKED * 20,  # and reads none of it
    b"GET /api/stream/stats HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /api/revp/preview HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/yaml\r\n"
    b"Content-Length: 1000000\r\n\r\n" + b"a: [" * 10_000,
    b"GET / HTTP/1.1\nHost: localhost\n\n",
    b"\xff" * 20_000,
)


def put(pair: TlsFiles, folder: Path) -> None:
    for source, name in ((pair.cert, "cert.pem"), (pair.key, "key.pem")):
        fresh = folder / f"{name}.new"
        fresh.write_bytes(source.read_bytes())
        fresh.chmod(0o600)
        fresh.replace(folder / name)


class Program:
    """`fleet up`, asked over TLS."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.log = folder / "log"
        words = [sys.executable, "-m", "fleet", "up", "--config", str(folder / "hosts.toml")]
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("FLEET_", "DOCKER_"))}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(words, env=clean, stdout=log, stderr=log)

    def __enter__(self) -> Self:
        try:
            wait_until(self._ready, f"fleet is ready, see {self.log}", 60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.kill()
        self.process.wait(20)

    @property
    def api(self) -> Api:
        return Api(f"https://127.0.0.1:{self.port}", trust=knowing(self.folder / "cert.pem"))

    def _ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with suppress(CommandError):
            return all(host.status == "up" for host in self.api.hosts())
        return False

    def metrics(self, *lines: str) -> list[float]:
        """The values of lines of the metrics at one time, by how they begin."""
        context = knowing(self.folder / "cert.pem")
        with (
            socket.create_connection(("127.0.0.1", self.port), 60) as plain,
            context.wrap_socket(plain) as tls,
        ):
            tls.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = b""
            while data := tls.recv(65536):
                answer += data
        told = answer.decode().splitlines()
        found = [next((each for each in told if each.startswith(line)), None) for line in lines]
        assert all(found), answer[:500]
        return [float(each.rpartition(" ")[2]) for each in found if each]

    def samples(self) -> float:
        return self.metrics('fleet_host_samples_total{host="here"}')[0]

    def late_looks(self) -> float:
        """How often the loop woke more than two and a half seconds too late."""
        bucket = "fleet_loop_lateness_seconds_bucket"
        every, timely = self.metrics(f'{bucket}{{le="+Inf"}}', f'{bucket}{{le="2.5"}}')
        return every - timely


class Attack:
    """Connections that are opened all the while, each with something bad, a few kept open."""

    def __init__(self, port: int) -> None:
        self.opened = 0
        self._port = port
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._over.is_set():
            with ExitStack() as held:
                for number in range(300):
                    if self._over.wait(0.002):
                        return
                    with suppress(OSError):
                        held.enter_context(self._one(number))
                        self.opened += 1

    def _one(self, number: int) -> socket.socket:
        plain = socket.create_connection(
            ("127.0.0.1", self._port), 5, (f"127.0.0.{2 + number % 7}", 0)
        )
        if number % 3:
            plain.send((b"", HELLO, ASKED, b"\0" * 100)[number % 4])
            return plain
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            tls = context.wrap_socket(plain)
        except OSError:
            plain.close()
            raise
        tls.setblocking(False)
        with suppress(OSError):
            tls.send(SAID[number // 3 % len(SAID)])
        return tls


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="fleet-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    print((folder / "log").read_text())
    shutil.rmtree(folder)


def test_collection_goes_on_beside_an_attack(lab: Lab, folder: Path) -> None:
    engine = lab.engine("trixie")
    engine.run_containers(CONTAINERS)
    authority, port = Authority(folder / "authority"), free_port()
    put(authority.server("fleet.example.com"), folder)
    text = SETTINGS.format(port=port, folder=folder, socket=engine.socket)
    (folder / "hosts.toml").write_text(text)
    with Program(folder, port) as fleet:
        wait_until(lambda: fleet.samples() >= CONTAINERS, "all are sampled", 60)
        (before,) = fleet.api.hosts()
        with Attack(port) as attack:
            enough = fleet.samples() + 5 * CONTAINERS
            wait_until(lambda: fleet.samples() >= enough, "all are sampled five times more", 60)
            wait_until(lambda: attack.opened >= 300, "it has begun", 60)
            (during,) = fleet.api.hosts()
        assert (during.status, during.reconnects) == ("up", before.reconnects)
        assert during.missed_samples - before.missed_samples <= 2  # where all is slow, one is late
        assert fleet.late_looks() == 0
        put(authority.server("fleet.example.com"), folder)
        fleet.process.send_signal(signal.SIGHUP)
        wait_until(fleet._ready, "the new certificate is served", 60)
        assert fleet.api.fleet().verdict == "ok"
        shown = Fleet(folder / "hosts.toml").out("status")
        assert f"1 of 1 hosts up (the running fleet at https://127.0.0.1:{port}" in shown
        fleet.process.send_signal(signal.SIGTERM)
        assert fleet.process.wait(30) == 0
    log = fleet.log.read_text()
    assert "Traceback" not in log
    assert "failed" not in log
