"""CPU time and memory of other processes, as the kernel counts them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_SCHEDULED = 2  # CPUCLOCK_SCHED, Linux's include/linux/posix-timers.h


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU used so far by processes with all their threads, and by the children they waited for.

    Nanoseconds for the processes, hundredths of a second for the children. A process that is gone
    counts nothing.
    """
    return sum(map(_cpu_seconds, pids))


def _cpu_seconds(pid: int) -> float:
    try:
        own = time.clock_gettime((~pid << 3) | _SCHEDULED)
        waited_for = sum(map(int, _stat(pid)[13:15])) / _TICK
    except OSError:
        return 0.0
    return own + waited_for


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the third on; the second may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def descendants(pid: int) -> list[int]:
    """Children, and theirs."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *descendants(child)]
    return found


def memory_bytes(pid: int) -> dict[str, int]:
    """Memory: `Rss` as tools show it, `Pss` with each shared page split among its users."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    values = {name: value.split()[0] for name, _, value in (line.partition(":") for line in lines)}
    return {name: int(values[name]) * 1024 for name in ("Rss", "Pss")}


def peak_bytes(pid: int) -> int:
    """The most that a process was resident with."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {pid} has no memory")
