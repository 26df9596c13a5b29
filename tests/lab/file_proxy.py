"""A proxy that reads its routes from files: what HAProxy and nginx have in common in the lab."""

from __future__ import annotations

import http.client
import os
import shutil
import ssl
from abc import abstractmethod
from pathlib import Path

from tests.lab.cache import program
from tests.lab.caddy import Answer
from tests.lab.parts import Part
from tests.lab.ports import free_port
from tests.lab.reap import MARK, kill_processes, reap_part
from tests.lab.runs import new_part

PATIENCE = 30.0


class FileProxy(Part):
    """Room for a proxy; commands that find ``environment`` start and reload it.

    Attributes:
        name: Its program, and service.
        folder: All of its files.
        port, tls_port: Free ports of the loopback, for its documents to use.
    """

    name: str

    def __init__(self) -> None:
        original = program(self.name, self.name)
        self.folder = new_part(self.name[0])
        self.port, self.tls_port = free_port(), free_port()
        # An own copy, as nginx writes its title over the environment that tells whose it is.
        self.program = Path(shutil.copy2(original, self.folder / f"{self.name}.program"))
        self._bin = self.folder / "bin"
        self._bin.mkdir()
        self._write(self.name, self.command())
        self._write("systemctl", self.systemctl())
        self.prepare()

    @abstractmethod
    def command(self) -> str:
        """What stands for the program on the command line, as shell."""

    @abstractmethod
    def systemctl(self) -> str:
        """What `systemctl reload-or-restart` does with the service, as shell."""

    @abstractmethod
    def prepare(self) -> None:
        """Write the files that Debian's package brings."""

    @property
    def environment(self) -> dict[str, str]:
        """Variables under which commands find this proxy, and what they start is found again."""
        return {"PATH": f"{self._bin}:{os.environ['PATH']}", MARK: str(self.folder)}

    def _write(self, name: str, lines: str) -> None:
        script = self._bin / name
        script.write_text(f"#!/bin/sh\n{lines}\n")
        script.chmod(0o755)

    def get(
        self,
        host: str,
        target: str = "/",
        *,
        method: str = "GET",
        tls: bool = False,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Ask for something of a domain.

        Raises:
            OSError: Nobody listens, or the connection broke.
            http.client.HTTPException: What came back is no answer.
        """
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.tls_port if tls else self.port, timeout=PATIENCE
        )
        try:
            connection.connect()
            if tls:
                context = ssl._create_unverified_context()  # noqa: S323 - the lab's own authority
                connection.sock = context.wrap_socket(
                    connection.sock, server_hostname=host.partition(":")[0]
                )
            connection.request(method, target, headers={"Host": host} | (headers or {}))
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def close(self) -> None:
        """End it and remove its files."""
        kill_processes(self.folder)
        reap_part(self.folder)
