"""Runs commands side by side and prints seconds of wall time and of CPU, for `bench.status`.

A program of its own that adopts whatever the commands leave behind: docker ends before the ssh
processes that it started, whose time would be missed otherwise.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import time

_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def main(commands: list[list[str]]) -> None:
    """Run, wait for all and for their orphans, print."""
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    begun = time.monotonic()
    processes = [subprocess.Popen(words, stdout=subprocess.DEVNULL) for words in commands]
    codes = [process.wait() for process in processes]
    wall = time.monotonic() - begun
    while _adopted():
        pass
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"codes": codes, "wall": wall, "cpu": used.ru_utime + used.ru_stime}))


def _adopted() -> bool:
    try:
        os.wait()
    except ChildProcessError:
        return False
    return True


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
