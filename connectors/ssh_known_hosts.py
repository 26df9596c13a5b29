"""Whether the SSH host key is the one on record: OpenSSH's known_hosts, always strict."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import asyncssh
from asyncssh.public_key import get_default_certificate_algs, get_default_public_key_algs

from config.reading import read_regular

_MOST_BYTES = 64 * 1024 * 1024
GLOBAL_FILE = Path("/etc/ssh/ssh_known_hosts")


class KnownHosts:
    """What the files say about one host, to be given to asyncssh as its matcher.

    Attributes:
        files: Where was looked.
        found: Some key was on record for the host, so that another one means a changed key.
        asked: The name and port that were looked up.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self.files = tuple(files)
        self.found = False
        self.asked = ("", 22)
        self._records = asyncssh.SSHKnownHosts()
        for file in self.files:
            self._load(file)

    def _load(self, file: Path) -> None:
        try:
            text = read_regular(file, _MOST_BYTES).decode(errors="replace")
        except OSError:
            return  # none yet, or not ours to read: then its hosts are unknown to us
        for line in text.splitlines():
            try:
                self._records.load(line)
            except ValueError:
                continue  # OpenSSH, too, passes over lines that it cannot read

    def __call__(self, host: str, _address: str, port: int | None) -> tuple[Any, ...]:
        """Return the keys on record for the name.

        The address is left out: otherwise a forged DNS answer that points at another known host
        would pass. OpenSSH's CheckHostIP is off by default for the same reason.
        """
        self.asked = (host, port or 22)
        found = self._records.match(host.lower(), "", port)
        self.found = any(found[:2])
        return found

    def algorithms(self, host: str, port: int) -> list[str]:
        """Return the host key algorithms to ask for: those on record first, then all others.

        Without the others a host that has lost its recorded kind of key would end the key exchange
        in ways that look like a broken line, instead of showing a key that is not on record.
        """
        keys, authorities = self(host, "", port if port != 22 else None)[:2]
        names = list(get_default_certificate_algs()) if authorities else []
        names += [name for key in keys for name in key.sig_algorithms]
        names += get_default_public_key_algs()
        return [name.decode() for name in dict.fromkeys(names)]
