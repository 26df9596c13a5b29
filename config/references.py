"""The files that a configuration refers to, and how to see that one of them changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from config.fields import fields_of
from config.models import Config

Fingerprint = tuple[int, int, int, int]
"""Modification time in ns, size, inode and device of what a path leads to."""

Fingerprints = Mapping[Path, Fingerprint | None]
"""By path; None where there is no such file."""


def files_of(value: msgspec.Struct) -> tuple[Path, ...]:
    """The keys, certificates and secret files of a host or of `[storage]`."""
    files: list[Path] = []
    for name, known in fields_of(type(value)).items():
        found = getattr(value, name)
        if found is None:
            continue
        if known.struct is not None:
            files += files_of(found)
        elif known.is_file and known.role != "known hosts":  # each dial reads those anyway
            files.append(found)
    return tuple(files)


def referenced(config: Config) -> frozenset[Path]:
    """Every file that the enabled hosts refer to."""
    hosts = (host for host in config.hosts.values() if host.enabled)
    return frozenset(path for host in hosts for path in files_of(host))


def fingerprint(path: Path) -> Fingerprint | None:
    """What tells a file from its next version; None if it is not there or not to be seen."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev


def fingerprints(paths: Iterable[Path]) -> dict[Path, Fingerprint | None]:
    """The fingerprints of several files."""
    return {path: fingerprint(path) for path in paths}
