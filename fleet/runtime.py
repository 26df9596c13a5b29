"""Where a running fleet offers its hosts' sockets to other programs on this machine.

The place follows from the configuration alone, so that `fleet env` finds it from any session.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from config.models import Config

MAX_SOCKET_PATH = 107  # bytes that a Unix socket's address may have on Linux
LONGEST_NAME = 69  # bytes of `/<host>.sock`: a host's name has 63 at most


class RuntimeFolderError(Exception):
    """The runtime folder cannot be used. The message says why and what to do."""


def runtime_dir(config: Config) -> Path:
    """The folder of the hosts' sockets: `run` in the data folder.

    Where that is too long for a socket's address, a folder of this user under /tmp.
    """
    preferred = config.fleet.data_dir / "run"
    if len(os.fsencode(preferred)) + LONGEST_NAME <= MAX_SOCKET_PATH:
        return preferred
    digest = hashlib.sha256(os.fsencode(preferred)).hexdigest()[:12]
    return Path(f"/tmp/fleet-{os.getuid()}-{digest}")  # noqa: S108 - owner and mode are checked


def socket_path(config: Config, host: str) -> Path:
    """Where a running fleet offers this host's Engine."""
    return runtime_dir(config) / f"{host}.sock"


@contextmanager
def open_runtime_dir(config: Config) -> Iterator[None]:
    """Have the folder for the length of the block; what a killed program left in it may stay.

    Raises:
        RuntimeFolderError: See `make_runtime_dir`.
    """
    folder = make_runtime_dir(config)
    try:
        yield
    finally:
        with suppress(OSError):  # not empty
            folder.rmdir()


def make_runtime_dir(config: Config) -> Path:
    """Create the folder, for this user alone.

    Raises:
        RuntimeFolderError: It cannot be made, or belongs to somebody else.
    """
    folder = runtime_dir(config)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
        if ours and stat.S_IMODE(found.st_mode) != 0o700:
            folder.chmod(0o700)
    except OSError as error:
        raise RuntimeFolderError(
            f"cannot use {folder} for the hosts' sockets: {error.strerror}"
        ) from error
    if not ours:
        raise RuntimeFolderError(
            f"{folder} is not a folder of this user; remove it or set another data_dir"
        )
    return folder
