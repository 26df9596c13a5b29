"""A real Prometheus with a port and a data folder of its own."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
import urllib.request
from typing import Any

from tests.lab.cache import program
from tests.lab.errors import LabError
from tests.lab.parts import Part
from tests.lab.ports import free_port
from tests.lab.reap import kill_processes, reap_part
from tests.lab.runs import log_tail, new_part, start
from tests.lab.waiting import wait_until

_PATIENCE = 30.0


class Prometheus(Part):
    """A Prometheus, started by `run`.

    Attributes:
        port: Where it answers once it runs.
        folder: Where all of it is.
    """

    def __init__(self) -> None:
        self._program = program("prometheus", "prometheus")
        self.port = free_port()
        self.folder = new_part("m")
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, config: str) -> None:
        """Start with this configuration, and wait until it answers.

        Raises:
            LabError: It ended at once, or does not answer; the message holds its log.
        """
        file = self.folder / "prometheus.yml"
        file.write_text(config)
        process = self._process = start(
            [
                self._program,
                f"--config.file={file}",
                f"--storage.tsdb.path={self.folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            self.folder,
        )
        wait_until(lambda: self._answers(process), "Prometheus answers", _PATIENCE)

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        if process.poll() is not None:
            raise LabError(f"Prometheus ended at once:\n{log_tail(self.folder)}")
        try:
            return self._get("/-/ready") is not None
        except OSError:
            return False

    def targets(self, job: str) -> list[dict[str, Any]]:
        """The active targets of a job, by their labels."""
        found = json.loads(self._get("/api/v1/targets?state=active"))["data"]["activeTargets"]
        mine = [each for each in found if each["scrapePool"] == job]
        return sorted(mine, key=lambda each: sorted(each["labels"].items()))

    def value(self, query: str) -> float | None:
        """The value of a query that has one result; None while it has none."""
        body = self._get(f"/api/v1/query?{urllib.parse.urlencode({'query': query})}")
        found = json.loads(body)["data"]["result"]
        return float(found[0]["value"][1]) if found else None

    def rules(self) -> list[dict[str, Any]]:
        """All alert rules that it loaded, as it tells of them."""
        groups = json.loads(self._get("/api/v1/rules?type=alert"))["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def metrics(self) -> set[str]:
        """The names of all metrics that it knows."""
        return set(json.loads(self._get("/api/v1/label/__name__/values"))["data"])

    def _get(self, target: str) -> bytes:
        url = f"http://127.0.0.1:{self.port}{target}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            body: bytes = answer.read()
            return body

    def close(self) -> None:
        """End it and remove its files."""
        kill_processes(self.folder)
        if self._process:
            self._process.wait(10)
        reap_part(self.folder)
