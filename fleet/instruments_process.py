"""This process as Linux sees it, under the names that every Prometheus client gives it."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from web.exposition.text import Family

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Process:
    """Reads a few files of /proc, which takes no I/O; nothing is told where there are none."""

    def __init__(self) -> None:
        self._booted = _boot_time()

    def families(self) -> list[Family]:
        """CPU, memory, open files and start of this process."""
        if self._booted is None:
            return []
        # After the name, which may hold anything: the state is field 3 of proc(5).
        stat = (_PROC / "self/stat").read_text().rpartition(")")[2].split()
        cpu, started = int(stat[11]) + int(stat[12]), int(stat[19])
        descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names only
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return [
            Family("process_cpu_seconds", "counter", "CPU time of this process.").add(cpu / _TICKS),
            Family("process_resident_memory_bytes", "gauge", "Resident memory.").add(
                int(stat[21]) * _PAGE
            ),
            Family("process_virtual_memory_bytes", "gauge", "Virtual memory.").add(int(stat[20])),
            Family("process_open_fds", "gauge", "Open files and sockets.").add(descriptors),
            Family("process_max_fds", "gauge", "Files and sockets that may be open.").add(
                float("inf") if most == resource.RLIM_INFINITY else most
            ),
            Family(
                "process_start_time_seconds", "gauge", "When this process began, in Unix time."
            ).add(self._booted + started / _TICKS),
        ]


def _boot_time() -> float | None:
    try:
        lines = (_PROC / "stat").read_text().splitlines()
    except OSError:  # another system than Linux
        return None
    return next((float(line.split()[1]) for line in lines if line.startswith("btime")), None)
