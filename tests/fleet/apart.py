"""`fleet supervise` and `fleet serve` as processes of their own, over a real database."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

from tests.lab.ports import free_port
from tests.lab.waiting import wait_until

PATIENCE = 60.0


class Answer(NamedTuple):
    """What was answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """As JSON."""
        return json.loads(self.body)

    @property
    def kind(self) -> str:
        """Of a problem."""
        return str(self.document["type"]).rpartition(":")[2]

    @property
    def stale(self) -> bool:
        """Whether it says that it is not as of now."""
        return "x-fleet-stale" in self.headers


class Process:
    """One of both, running until the block ends."""

    def __init__(self, config: Path, *words: str) -> None:
        self.log = config.parent / f"{words[0]}.log"
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("FLEET_", "DOCKER_"))}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "fleet", *words, "--config", str(config)],
                env=clean,
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def terminate(self) -> int:
        """Ask it to end; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


class Served(Process):
    """`fleet serve`, asked by a new connection each time."""

    def __init__(self, config: Path, workers: int = 2) -> None:
        self.port = free_port()
        self._workers = workers
        listen = f"127.0.0.1:{self.port}"
        super().__init__(config, "serve", "--workers", str(workers), "--listen", listen)

    def get(self, path: str, **headers: str) -> Answer:
        """Ask; a connection that is cut off, as that to a killed worker, is made anew."""
        found: list[Answer] = []

        def asked() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            try:
                found.append(self._ask(path, headers))
            except (OSError, http.client.HTTPException):
                return False
            return True

        wait_until(asked, f"an answer to {path}", PATIENCE)
        return found[-1]

    def until(self, path: str, wanted: Any, what: str, **headers: str) -> Answer:
        """Ask until the answer of each worker is as wanted."""
        found: list[Answer] = []
        right: set[str] = set()

        def asked() -> bool:
            found.append(self.get(path, **headers))
            worker = found[-1].headers["x-fleet-worker"]
            (right.add if wanted(found[-1]) else right.discard)(worker)
            return len(right) == self._workers

        try:
            wait_until(asked, what, PATIENCE)
        except BaseException:
            print(found[-1:], self.log.read_text()[-4000:])
            raise
        return found[-1]

    @contextmanager
    def stream(self, path: str) -> Iterator[Iterator[bytes]]:
        """The lines of a live stream, until it ends or the block does."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            yield iter(answer.readline, b"")
        finally:
            connection.close()

    def workers(self) -> set[int]:
        """The processes that answer."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return set(map(int, path.read_text().split()))

    def _ask(self, path: str, headers: dict[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("GET", path, headers=named)
            answer = connection.getresponse()
            fields = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, fields, answer.read())
        finally:
            connection.close()
