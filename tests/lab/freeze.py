"""Make processes silent: alive, their connections open, but not running."""

import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path

from tests.lab.waiting import wait_until


def signal_all(number: signal.Signals, pids: Iterable[int]) -> None:
    """Send a signal to processes; those that have ended are passed over."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def freeze(pids: Iterable[int]) -> None:
    """Stop processes and wait until none of their threads runs any more."""
    frozen = list(pids)
    signal_all(signal.SIGSTOP, frozen)
    wait_until(lambda: all(_is_still(pid) for pid in frozen), "the processes stand still")


def thaw(pids: Iterable[int]) -> None:
    """Let stopped processes go on."""
    signal_all(signal.SIGCONT, pids)


def _is_still(pid: int) -> bool:
    try:
        stats = [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/stat")]
    except (FileNotFoundError, ProcessLookupError):
        return False  # a thread ended between listing and reading: look again
    return all(stat.rpartition(")")[2].split()[0] in "TZX" for stat in stats)
