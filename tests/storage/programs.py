"""Programs of their own around an embedded server, so that they can be killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from storage.postmaster import DEATH_MODE

DEADLINE = 20.0


class Program:
    """A running `embedded_program`."""

    def __init__(self, data_dir: Path, mode: str = DEATH_MODE) -> None:
        self.data_dir = data_dir
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.storage.embedded_program", str(data_dir), mode],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.conninfo = self._process.stdout.readline().strip()
        assert self.conninfo

    @property
    def pid(self) -> int:
        return self._process.pid

    def end(self, number: int) -> None:
        with self._process:
            self._process.send_signal(number)
            self._process.wait(60)


@contextlib.contextmanager
def served(data_dir: Path, mode: str = DEATH_MODE) -> Iterator[Program]:
    program = Program(data_dir, mode)
    try:
        yield program
    finally:
        program.end(signal.SIGINT)
        assert postgres_processes(data_dir) == []


def postgres_processes(data_dir: Path) -> list[int]:
    """The pids of every process that works in the data directory (Linux)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").readlink().is_relative_to(data_dir):
                found.append(int(entry.name))
    return found


def postmaster_pid(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.03)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
