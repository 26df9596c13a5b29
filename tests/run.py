"""Run all tests, three files at a time; the few that failed beside others once more, alone.

Real Engines, databases and proxies share a small machine here, so a deadline may pass because a
neighbour had the processor. A test that passes alone is named at the end as one to be mended: it is
no success of its own, and more than a few of them are a failure.

What lines they run is measured where that is asked for (`make coverage`): before Python 3.12 it
takes more than half as much time again as all else that they do in this process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
LAST_FAILED = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"
TOGETHER = ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
ALONE = ("-n", "0", "--last-failed")
FEW = 4
ENOUGH = 40 * 60.0  # seconds after which nothing is run again: the whole has its limit
FAILED = 1  # pytest's own code for "tests were run, and some failed"


def main(arguments: list[str]) -> int:
    """Pytest's exit code: of the second run where there was one."""
    began = time.monotonic()
    LAST_FAILED.unlink(missing_ok=True)  # what failed earlier is not meant
    code = _pytest(*TOGETHER, *arguments)
    failed = _failed()
    if code != FAILED or not 0 < len(failed) <= FEW or time.monotonic() - began > ENOUGH:
        return code
    print(f"\nOnce more, alone: {', '.join(failed)}\n", flush=True)
    further = ["--cov-append"] if "--cov" in arguments else []
    code = _pytest(*ALONE, *further, *arguments)
    if code == 0:
        print("\nUNSTEADY: these passed only when they ran alone. Find out why, and mend them:")
        for name in failed:
            print(f"  {name}")
    return code


def _pytest(*arguments: str) -> int:
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=ROOT, env=_environment(), check=False).returncode


def _environment() -> dict[str, str]:
    """Ours, but compiled files are kept: conftest.py comes after pytest has loaded its plugins."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def _failed() -> list[str]:
    """Names of the tests that failed last; empty where a file could not even be collected."""
    try:
        names = list(json.loads(LAST_FAILED.read_bytes()))
    except (OSError, ValueError):
        return []
    return names if all("::" in name for name in names) else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
