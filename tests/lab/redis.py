"""A real Redis on a Unix socket of its own, with a password, that a test can kill."""

from __future__ import annotations

import signal
import socket
import subprocess
from contextlib import closing
from urllib.parse import quote

from tests.lab.cache import program
from tests.lab.errors import LabError
from tests.lab.parts import Part
from tests.lab.reap import kill_processes, reap_part
from tests.lab.runs import log_tail, new_part, start
from tests.lab.waiting import wait_until

PASSWORD = "cache-secret"
_PATIENCE = 30.0


class Redis(Part):
    """A Redis; running once it is made.

    Attributes:
        folder: Where all of it is.
        url: Of it, without the password.
    """

    def __init__(self) -> None:
        self._program = program("redis-server", "redis-server")
        self.folder = new_part("c")
        self._socket = self.folder / "redis.sock"
        self.url = f"unix://{quote(str(self._socket))}"
        self._process: subprocess.Popen[bytes] | None = None
        self.start_again()

    def start_again(self) -> None:
        """Start it, empty, and wait until it answers.

        Raises:
            LabError: It ended at once, or does not answer; the message holds its log.
        """
        self._socket.unlink(missing_ok=True)
        options = ["--port", "0", "--unixsocket", str(self._socket), "--requirepass", PASSWORD]
        options += ["--set-proc-title", "no"]  # its title would take the place of our mark
        options += ["--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        process = self._process = start([self._program, *options], self.folder)
        wait_until(lambda: self._answers(process), "Redis answers", _PATIENCE)

    def keys(self) -> int:
        """How many keys there are."""
        return int(self._ask("DBSIZE").removeprefix(":"))

    def kill(self) -> None:
        """End it at once, and wait until it is gone."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait(_PATIENCE)

    def pause(self) -> None:
        """Have it accept connections and answer nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Have it answer again."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End it, and remove all of it."""
        if self._process:
            self._process.kill()
            self._process.wait(_PATIENCE)
        kill_processes(self.folder)
        reap_part(self.folder)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        if process.poll() is not None:
            raise LabError(f"Redis ended at once:\n{log_tail(self.folder)}")
        try:
            return self._ask("PING") == "+PONG"
        except OSError:
            return False

    def _ask(self, command: str) -> str:
        with closing(socket.socket(socket.AF_UNIX)) as asking:
            asking.settimeout(_PATIENCE)
            asking.connect(str(self._socket))
            asking.sendall(f"AUTH {PASSWORD}\r\n{command}\r\n".encode())
            with asking.makefile("r") as answers:
                assert answers.readline().strip() == "+OK"
                return answers.readline().strip()
