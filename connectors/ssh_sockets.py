"""Where the local ends of tunnels live: sockets with short paths that only we may open.

The folder is private (0700), each socket too (0600), as it gives root on a remote host to whoever
can open it. A socket outlives a killed process, so each process sweeps up behind dead ones.
"""

from __future__ import annotations

import itertools
import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path

_LONGEST_BASE = 60  # bytes; sun_path holds 108, of which the names below need up to 40
_numbers = itertools.count(1)


def socket_folder(environ: Mapping[str, str]) -> Path:
    """Return our private folder, made if need be, and swept of the sockets of dead processes.

    Raises:
        PermissionError: the folder exists and is another user's, or open to others.
    """
    base = environ.get("XDG_RUNTIME_DIR", "")
    if base and len(os.fsencode(base)) <= _LONGEST_BASE and Path(base).is_dir():
        folder = Path(base) / "fleet-tunnels"
    else:
        folder = Path("/tmp") / f"fleet-tunnels-{os.getuid()}"  # noqa: S108 - checked below
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    if not private or stat.S_IMODE(found.st_mode) & 0o077:
        raise PermissionError(f"{folder} is not ours alone: remove it, or chmod 700 it")
    _sweep(folder)
    return folder


def bind_socket(environ: Mapping[str, str]) -> tuple[socket.socket, Path]:
    """Return a bound, not yet listening socket and its path.

    Raises:
        OSError: the folder cannot be used; PermissionError as `socket_folder`.
    """
    path = socket_folder(environ) / f"{os.getpid()}-{next(_numbers)}.sock"
    path.unlink(missing_ok=True)  # of a dead process that had our number
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(path))
        path.chmod(0o600)
    except OSError:
        sock.close()
        raise
    return sock, path


def _sweep(folder: Path) -> None:
    for path in folder.glob("*-*.sock"):
        owner = path.name.partition("-")[0]
        if owner.isdigit() and not _is_alive(int(owner)) and not _answers(path):
            path.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _answers(path: Path) -> bool:
    """Tell whether somebody listens: a process of another PID namespace looks dead from here."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.2)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
        except OSError:
            return True
        return True
