"""A real HAProxy as Debian's unit starts it, on a folder of its own."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

from tests.lab.cache import program
from tests.lab.file_proxy import FileProxy


class Haproxy(FileProxy):
    """A HAProxy. Attributes: `files`, the configurations that it reads, in this order."""

    name = "haproxy"

    def command(self) -> str:
        """The program itself."""
        return f'exec {self.program} "$@"'

    def systemctl(self) -> str:
        """As Debian's unit does, which checks before a reload."""
        pid = f"{self.folder}/haproxy.pid"
        words = f"$(cat {self.folder}/files)"
        start = f"exec haproxy -W -D -p {pid} {words}"
        alive = f'kill -0 "$(cat {pid})" 2>/dev/null'
        reload = f'haproxy -c -q {words} && exec kill -USR2 "$(cat {pid})"'
        return f"if {alive}; then {reload}; else {start}; fi"

    def prepare(self) -> None:
        """Read one file, unless told otherwise."""
        self.reads(self.folder / "haproxy.cfg")

    def reads(self, *files: Path) -> None:
        """Start with these configurations, as with `EXTRAOPTS`."""
        (self.folder / "files").write_text("".join(f"-f {file}\n" for file in files))

    @property
    def socket(self) -> Path:
        """Where the runtime API is to listen."""
        return self.folder / "admin.sock"

    def say(self, command: str) -> str:
        """What the runtime API answers."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(30)
            client.connect(str(self.socket))
            client.sendall(f"{command}\n".encode())
            said = b""
            while piece := client.recv(65536):
                said += piece
        return said.decode().strip()


def refusal(body: bytes, folder: Path, *before: Path) -> str:
    """What HAProxy has against a configuration, behind others; empty if nothing."""
    file = folder / "haproxy.cfg"
    file.write_bytes(body)
    files = [word for path in (*before, file) for word in ("-f", path)]
    command = [program("haproxy", "haproxy"), "-c", "-q", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    alerts = [line for line in done.stderr.splitlines() if "[ALERT]" in line]
    return "\n".join(alerts) if alerts or not done.returncode else done.stderr
