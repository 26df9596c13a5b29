"""All measurements with short settings, one after another: `python -m bench`, about eight minutes.

Their figures are rougher than those of each alone; see README.md.
"""

from __future__ import annotations

import subprocess
import sys

SHORT = {
    "api": ["--seconds", "1", "--turns", "1"],
    "layers": ["--turns", "5"],
    "page_logs": ["--seconds", "5"],
    "pool": ["--rounds", "2"],
    "samples": ["--interval", "4", "--turns", "1"],
    "status": ["--turns", "2"],
    "events": ["--events", "100"],
    "memory": ["--seconds", "30"],
    "pages": ["--hosts", "20", "--containers", "20", "--seconds", "5", "--turns", "2"],
    "rollups": ["--containers", "300", "--every", "10"],
    "history": ["--containers", "50", "--days", "1", "--turns", "5"],
    "routes": ["--containers", "2000", "--turns", "3"],
    "streams": ["--rounds", "5"],
    "web": ["--seconds", "2", "--turns", "1"],
    "writer": ["--rows", "50000", "--turns", "1", "--seconds", "10"],
}


def main() -> int:
    """Run them; the number that failed."""
    failed = 0
    for name, options in SHORT.items():
        print(f"\n== bench.{name} {' '.join(options)}", flush=True)
        failed += bool(subprocess.call([sys.executable, "-m", f"bench.{name}", *options]))
    return failed


if __name__ == "__main__":
    sys.exit(main())
