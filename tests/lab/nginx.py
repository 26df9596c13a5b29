"""A real nginx with Debian's configuration, on folders of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.lab.cache import program
from tests.lab.file_proxy import FileProxy

DEBIAN = Path("/etc/nginx/nginx.conf")


class Nginx(FileProxy):
    """An nginx. Attributes: `included`, the folder of files that it includes."""

    name = "nginx"

    def command(self) -> str:
        """The program with its own configuration."""
        return f'exec {self.program} -c {self.folder}/nginx.conf "$@"'

    def systemctl(self) -> str:
        """As Debian's unit does."""
        alive = f'kill -0 "$(cat {self.folder}/nginx.pid)" 2>/dev/null'
        return f"if {alive}; then exec nginx -s reload; else exec nginx; fi"

    def prepare(self) -> None:
        """Take Debian's file, with this one's folders."""
        self.included = self.folder / "conf.d"
        self.included.mkdir()
        text = DEBIAN.read_text()
        for there, here in (
            ("/run/nginx.pid", f"{self.folder}/nginx.pid"),
            ("/var/log/nginx/", f"{self.folder}/"),
            ("/etc/nginx/conf.d/", f"{self.included}/"),
            ("/etc/nginx/sites-enabled/", f"{self.folder}/sites-enabled/"),
        ):
            assert there in text
            text = text.replace(there, here)
        (self.folder / "nginx.conf").write_text(text)


def refusal(body: bytes, folder: Path) -> str:
    """What nginx has against a file that it includes; empty if nothing."""
    (folder / "routes.conf").write_bytes(body)
    temporary = "".join(
        f"{each}_temp_path {folder}/{each};"
        for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    main.write_text(
        f"pid {folder}/pid; error_log stderr; events {{}}"
        f" http {{ access_log off; {temporary} include {folder}/routes.conf; }}"
    )
    command: list[str | Path] = [program("nginx", "nginx"), "-t", "-q", "-c", main]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.stderr  # warnings, too
