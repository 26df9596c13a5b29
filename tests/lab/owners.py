"""Which process owns which run folder, and whether it still lives."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.errors import LabError

BASE = Path("/tmp/fleet-lab")
"""Short on purpose: Unix socket paths below it must stay under 107 bytes."""


def start_time(pid: int) -> str | None:
    """Return the process's start time in clock ticks since boot, None when dead or a zombie."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = said.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def command_line(pid: int) -> str:
    """Return a process's words joined by spaces, empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def own_name() -> str:
    """Return the name of this process's run folder: pid and start time, never used twice."""
    pid = os.getpid()
    return f"{pid}-{start_time(pid)}"


def is_alive(name: str) -> bool:
    """Tell whether the owner of the run folder called ``name`` still runs."""
    pid, _, started = name.partition("-")
    return pid.isdigit() and start_time(int(pid)) == started


def run_folders() -> list[Path]:
    """Return every owner's run folder, dead or alive."""
    if not BASE.is_dir():
        return []
    return sorted(p for p in BASE.iterdir() if p.is_dir() and p.name[0].isdigit())


@contextmanager
def locked() -> Iterator[None]:
    """Hold the one lock under which owners sweep and share out network numbers.

    Raises:
        LabError: the lab's folder in /tmp belongs to somebody else, who could lead us astray.
    """
    BASE.mkdir(mode=0o755, exist_ok=True)
    status = BASE.lstat()
    if status.st_uid != os.geteuid() or not stat.S_ISDIR(status.st_mode):
        raise LabError(f"{BASE} is not a folder of this user: remove it first")
    with (BASE / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
