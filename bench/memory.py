"""Memory of `fleet up` with three hosts and their containers.

`python -m bench.memory` starts three real Engines behind a socket, SSH and TLS, and fleet on them,
and looks after two minutes. Resident memory is what tools show; proportional memory (Pss) splits
what processes share, which is what PostgreSQL's add up to.
"""

from __future__ import annotations

import argparse
import re
import time

from bench.processes import memory_bytes, peak_bytes
from bench.running import running_fleet
from tests.lab.demo import Demo

MIB = 1024 * 1024


def main() -> None:
    """Start, wait, look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--containers", type=int, default=60, help="on all hosts together")
    parser.add_argument("--seconds", type=float, default=120.0)
    options = parser.parse_args()
    with Demo(max(0, options.containers - 10) // 3) as demo:
        hosts = re.sub(r"\[fleet\]\n(\w.*\n)*", "", demo.config.read_text())
        with running_fleet(hosts) as fleet:
            time.sleep(options.seconds)
            known = fleet.document("/api/hosts")["hosts"]
            containers = fleet.document("/api/containers?limit=1")["page"]["total"]
            ours = memory_bytes(fleet.pid)
            database = [memory_bytes(pid)["Pss"] for pid in fleet.postgres()]
            up = sum(host["status"] == "up" for host in known)
            print(f"\n{up} hosts up, {containers} containers, after {options.seconds:g} s")
            print(f"fleet: resident {ours['Rss'] / MIB:.1f} MiB", end="")
            print(f", proportional {ours['Pss'] / MIB:.1f} MiB", end="")
            print(f", peak {peak_bytes(fleet.pid) / MIB:.1f} MiB")
            print(f"PostgreSQL: proportional {sum(database) / MIB:.1f} MiB", end="")
            print(f" in {len(database)} processes")


if __name__ == "__main__":
    main()
