"""What a server that is gone, or going, has left: `postmaster.pid`, and the lock of its socket."""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path

from storage.errors import EmbeddedServerError

LEAVING_SECONDS = 10.0


def clear_stale_pid(folder: Path) -> None:
    """Remove the `postmaster.pid` of a server that is gone, after waiting for one that is going.

    With the lock held no other fleet serves this folder. PostgreSQL itself would take any live
    process with that number for a server and would refuse a truncated file; that no server is
    attached to the folder it also knows by its shared memory, so removing the file is safe.
    While the last processes of a killed server hold that memory, no other could start.
    """
    path = folder / "postmaster.pid"
    if not path.exists():
        return
    deadline = time.monotonic() + LEAVING_SECONDS
    while (pid := _recorded_pid(path)) and _serves(pid, folder):
        if time.monotonic() > deadline:
            raise EmbeddedServerError(
                f"A PostgreSQL that fleet did not start, process {pid}, is serving {folder}. Stop"
                " it (`kill -INT`), then start fleet again."
            )
        time.sleep(0.01)
    while _is_worked_in(folder) and time.monotonic() < deadline:
        time.sleep(0.02)
    path.unlink(missing_ok=True)


def clear_stale_socket(sockets: Path) -> None:
    """Remove the lock of a socket whose server is gone; call after `clear_stale_pid`.

    A killed server that nobody reaps, as in a container without an init, still has its number, and
    PostgreSQL would take that for a server at work.
    """
    for lock in sockets.glob(".s.PGSQL.*.lock"):
        lock.unlink(missing_ok=True)


def _recorded_pid(path: Path) -> int | None:
    try:
        return int(path.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _is_worked_in(folder: Path) -> bool:
    """Tell whether a process works in the folder, as all of a server do; False where not known."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # ended meanwhile, or not ours to look into
            if (process / "cwd").readlink() == folder.resolve():
                return True
    return False


def _serves(pid: int, folder: Path) -> bool:
    if pid <= 1:
        return False
    process = Path(f"/proc/{pid}")
    if process.parent.joinpath("self").exists():  # Linux; else there is only `ps`
        return _serves_on_linux(process, folder)
    shown = subprocess.run(
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return "postgres" in shown.stdout


def _serves_on_linux(process: Path, folder: Path) -> bool:
    try:
        try:
            return (process / "cwd").readlink() == folder.resolve()
        except PermissionError:  # root in a container without CAP_SYS_PTRACE
            same_owner = process.stat().st_uid == folder.stat().st_uid
            return same_owner and (process / "comm").read_text().strip() == "postgres"
    except (FileNotFoundError, ProcessLookupError):
        return False
