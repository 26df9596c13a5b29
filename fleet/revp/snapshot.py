"""What is remembered of the routes over a restart: one file, whole or not there at all.

Without it a host that is away while fleet starts would have no routes.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import msgspec

from labels.routing.snapshot import Snapshot

log = logging.getLogger(__name__)

FILE = "routes.json"
NOTHING = "no route is remembered, each comes back when its host is listed"


def write(path: Path, content: bytes) -> None:
    """Replace the file, synced to disk; the old one stays until the new one is whole.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(path: Path) -> Snapshot | None:
    """What was remembered; None for nothing. What cannot be used is set aside, and told of."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("%s cannot be read (%s): %s", path, error.strerror, NOTHING)
        return None
    try:
        return msgspec.json.decode(content, type=Snapshot)
    except msgspec.MsgspecError as error:
        _set_aside(path, str(error))
        return None


def first_revision(path: Path) -> int:
    """The number to begin with where nothing is remembered.

    Where something was once, it is above all that anybody may have seen: a reader that has seen a
    number takes it for the same table for ever.
    """
    return int(time.time()) if path.exists() or _aside(path).exists() else 0


def _set_aside(path: Path, fault: str) -> None:
    aside = _aside(path)
    try:
        path.replace(aside)
    except OSError as error:
        kept = f"it cannot be set aside: {error.strerror}"
    else:
        kept = f"it is kept as {aside.name}"
    log.warning("%s is damaged, or not of this version (%s): %s; %s", path, fault, NOTHING, kept)


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged")
