"""Whether the files and environment variables that a configuration names can be used."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec

from config.fields import FILE_ROLES, Field, fields_of
from config.problems import Key, Problems
from config.tables import Table

PEM = b"CERTIFICATE-----"  # also X509 and TRUSTED ones
HEAD = 1024 * 1024  # of a file with certificates: bundles of authorities are about 250 kB

Fault = tuple[str, str]  # what was found, what would be right


class Surroundings:
    """Checks what tables refer to. Each file is looked at once, however many hosts name it."""

    def __init__(self, environ: Mapping[str, str], problems: Problems) -> None:
        self._environ = environ
        self._problems = problems
        self._looked_at: dict[tuple[Path, str], Fault | None] = {}

    def check(self, table: Table, struct: type[msgspec.Struct]) -> None:
        """Report unusable files and unset variables of a table and the tables in it."""
        for name, value in table.values.items():
            known = fields_of(struct)[name]
            key = table.origin(name)
            if isinstance(value, Table) and known.struct is not None:
                self.check(value, known.struct)
            elif known.role in FILE_ROLES:
                self._check_file(key, value, known, str(table.key[-1]))
            elif known.role == "variable" and not self._environ.get(value):
                self._unset(key, value)

    def _unset(self, key: Key, name: str) -> None:
        # Lower case is no usual name: perhaps the secret itself stands here, so do not repeat it.
        variable = name if name.isupper() else "of this name"
        found = f"the environment variable {variable} is not set or empty"
        other = str(key[-1]).removesuffix("_env") + "_file"
        self._problems.add(key, found, f"set it where fleet is started, or use {other}")

    def _check_file(self, key: Key, path: Path, known: Field, host: str) -> None:
        role = known.role or ""
        if (path, role) not in self._looked_at:
            self._looked_at[path, role] = _fault(path, role, host)
            if role == "secret" and self._looked_at[path, role] is None:
                self._warn_if_public(key, path)
        if (fault := self._looked_at[path, role]) is not None:
            self._problems.add(key, *fault)

    def _warn_if_public(self, key: Key, path: Path) -> None:
        if path.stat().st_mode & 0o007:
            self._problems.warn(
                key, f"everybody on this machine can read {path}: run chmod o= {path}"
            )


def _fault(path: Path, role: str, host: str) -> Fault | None:
    try:
        # O_NONBLOCK: opening a named pipe would wait for its writer.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        right = "correct the path; a relative one counts from the folder of this file"
        if role == "known hosts":
            right = f"record the host's key there with: fleet hosts trust {host}"
        return f"{path} does not exist", right
    except OSError as error:
        who = f"the user fleet runs as (uid {os.geteuid()})"
        return f"{path} cannot be read: {error.strerror}", f"make it readable for {who}"
    try:
        fault = _fault_in(os.fstat(handle), path, role)
        if fault is None and role == "certificate" and PEM not in os.read(handle, HEAD):
            return (
                f"{path} holds no certificate in PEM form",
                "it should have a line -----BEGIN CERTIFICATE-----",
            )
        return fault
    finally:
        os.close(handle)


def _fault_in(found: os.stat_result, path: Path, role: str) -> Fault | None:
    if not stat.S_ISREG(found.st_mode):
        return f"{path} is not a regular file", "name a file, not a folder or device"
    if found.st_size == 0 and role in ("secret", "ssh key"):
        return f"{path} is empty", "put the secret into it"
    # The same rule as OpenSSH's: it refuses keys of one's own that others may read.
    if role == "ssh key" and found.st_uid == os.geteuid() and found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        return f"{path} has mode {mode:04o}: others may use the key", f"run chmod 600 {path}"
    return None
