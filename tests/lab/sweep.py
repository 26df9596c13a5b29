"""Remove what dead owners left behind: ``python -m tests.lab.sweep``.

Only run folders whose owner is dead are touched, so it is safe beside living test runs and the
machine's own Docker.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.owners import is_alive, locked, run_folders
from tests.lab.reap import kill_processes, reap_part


def outside_link(number: int) -> str:
    """Return the name of the veth end that stays on the machine's side."""
    return f"flab{number}o"


def namespace_name(number: int) -> str:
    """Return the name of the network namespace with this number."""
    return f"flab{number}"


def remove_network(number: int) -> None:
    """Delete a lab network; what is already gone is fine."""
    link, name = outside_link(number), namespace_name(number)
    subprocess.run(["ip", "link", "delete", link], check=False, capture_output=True)
    subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def reap_run(run: Path) -> None:
    """End and remove everything of one run, whoever owns it.

    Raises:
        LabError: a process does not die, or a file stays.
    """
    kill_processes(run)
    for part in run.glob("*"):  # nothing where an owner has just removed all of it by itself
        if part.is_dir() and part.name != "nets":
            reap_part(part)
    for file in run.glob("nets/*"):
        remove_network(int(file.name))
    shutil.rmtree(run, ignore_errors=True)
    if run.exists():
        left = ", ".join(str(each) for each in sorted(run.rglob("*"))[:5])
        raise LabError(f"{run} cannot be removed: {left}")


def sweep() -> list[Path]:
    """Remove the runs of dead owners and return their folders.

    What cannot be removed (a process that does not die, say) is told and left for the next sweep:
    it must not keep anybody from working.
    """
    removed = []
    with locked():
        for run in run_folders():
            if is_alive(run.name):
                continue
            try:
                reap_run(run)
                removed.append(run)
            except LabError as error:
                print(f"lab: {error}", file=sys.stderr)
    return removed


if __name__ == "__main__":
    for folder in sweep():
        print(f"removed {folder}")
    for folder in run_folders():
        state = "alive" if is_alive(folder.name) else "dead"
        print(f"left {folder}: its owner is {state}")
