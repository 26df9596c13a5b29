"""A real Caddy with a storage, ports and an admin endpoint of its own."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from tests.lab.cache import program
from tests.lab.parts import Part
from tests.lab.ports import accepts, free_port
from tests.lab.reap import kill_processes, reap_part
from tests.lab.runs import new_part, start
from tests.lab.waiting import wait_until


class Answer(NamedTuple):
    """What came back. Header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> dict[str, Any]:
        """What an `Echo` said."""
        found: dict[str, Any] = json.loads(self.body)
        return found


class Caddy(Part):
    """A Caddy, started by `run`.

    Attributes:
        port, tls_port, admin_port: Free ports, for the configuration to use.
        folder: Where all of it is.
    """

    def __init__(self) -> None:
        self._program = program("caddy", "caddy")
        self.port, self.tls_port, self.admin_port = free_port(), free_port(), free_port()
        self.folder = new_part("c")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def admin(self) -> str:
        """Where the admin endpoint is to listen."""
        return f"127.0.0.1:{self.admin_port}"

    def run(
        self, config: str | bytes, *words: str, environment: dict[str, str] | None = None
    ) -> None:
        """Start with this configuration, and wait until the admin endpoint answers."""
        file = self.folder / "caddy.json"
        file.write_bytes(config.encode() if isinstance(config, str) else config)
        home = {name: str(self.folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
        command: list[str | Path] = [self._program, "run", "--config", file, *words]
        self._process = start(command, self.folder, home | (environment or {}))
        wait_until(lambda: accepts("127.0.0.1", self.admin_port), f"Caddy: {self.log()}", 30)

    def stop(self) -> None:
        """End it, keep its files."""
        kill_processes(self.folder)
        if self._process:
            self._process.wait(10)
            self._process = None

    def get(
        self, host: str, target: str = "/", *, method: str = "GET", tls: bool = False
    ) -> Answer:
        """Ask for something of a domain.

        Raises:
            OSError: Nobody listens, or the connection broke.
            http.client.HTTPException: What came back is no answer.
        """
        name = host.partition(":")[0]
        connection = (
            _Tls(self.tls_port, name) if tls else http.client.HTTPConnection("127.0.0.1", self.port)
        )
        return _ask(connection, method, target, {"Host": host})

    def config(self) -> Any:
        """The running configuration."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port)
        return json.loads(_ask(connection, "GET", "/config/", {}).body)

    def load(self, config: bytes) -> Answer:
        """Give it another configuration through the admin endpoint."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port)
        return _ask(connection, "POST", "/load", {"Content-Type": "application/json"}, config)

    def log(self) -> str:
        """All it has said."""
        file = self.folder / "log"
        return file.read_text(errors="replace") if file.exists() else ""

    def close(self) -> None:
        """End it and remove its files."""
        self.stop()
        reap_part(self.folder)


class _Tls(http.client.HTTPSConnection):
    """Asks the loopback for a name of our choice, and trusts any certificate."""

    def __init__(self, port: int, name: str) -> None:
        super().__init__(name, port, timeout=20)
        self._context = ssl._create_unverified_context()  # noqa: S323 - Caddy's own authority
        self._name = name

    def connect(self) -> None:
        plain = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        plain.connect()
        self.sock = self._context.wrap_socket(plain.sock, server_hostname=self._name)


def _ask(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    headers: dict[str, str],
    body: bytes | None = None,
) -> Answer:
    connection.timeout = 20
    try:
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, answer.read())
    finally:
        connection.close()


def validate(config: bytes, folder: Path) -> str:
    """What Caddy has against a configuration; empty if nothing."""
    file = folder / "validate.json"
    file.write_bytes(config)
    home = {name: str(folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    done = subprocess.run(
        [program("caddy", "caddy"), "validate", "--config", file],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=home,
    )
    return done.stderr if done.returncode else ""
