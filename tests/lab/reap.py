"""Find and end everything that runs in a folder of the lab: processes, mounts, control groups.

Pid files lie after a crash, so processes are found by what they are: by the mark in their
environment, by their executable, or by their root file system (containers whose shim is gone).
"""

import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.owners import command_line
from tests.lab.waiting import wait_until

MARK = "FLEET_LAB_PART"
CGROUPS = Path("/sys/fs/cgroup")
CGROUP_PARENT = "fleet-lab"
_SHIM_SOCKET = re.compile(rb"unix://(/run/containerd/s/[0-9a-f]+)")


def marked_environment(part: Path) -> dict[str, str]:
    """Return this process's environment plus the mark that ties a child to ``part``."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("DOCKER_")}
    return clean | {MARK: str(part)}


def processes_of(folder: Path) -> list[int]:
    """Return the pids of all processes that belong to ``folder`` or a folder below it."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in pids if pid != os.getpid() and _belongs(pid, str(folder))]


def _belongs(pid: int, folder: str) -> bool:
    proc = Path(f"/proc/{pid}")
    try:
        if f"{MARK}={folder}".encode() in _with_parents(proc / "environ"):
            return True
        if (proc / "exe").readlink().is_relative_to(folder):
            return True
        return f"{folder}/" in _root_mount(proc) or _is_podmans(pid, folder)
    except OSError:  # ended meanwhile, a kernel thread, or not ours to look into
        return False


def _is_podmans(pid: int, folder: str) -> bool:
    """Podman starts conmon, and conmon its clean-up, with an environment of its own choice."""
    words = command_line(pid)
    return Path(words.partition(" ")[0]).name in {"conmon", "podman"} and f"{folder}/" in words


def _with_parents(environ: Path) -> set[bytes]:
    """Return the mark in an environment and the same mark for each folder above it."""
    for entry in environ.read_bytes().split(b"\0"):
        if entry.startswith(f"{MARK}=".encode()):
            parts = entry.split(b"/")
            return {b"/".join(parts[:n]) for n in range(2, len(parts) + 1)}
    return set()


def _root_mount(proc: Path) -> str:
    for line in (proc / "mountinfo").read_text().splitlines():
        if line.split(" ", 5)[4] == "/":
            return line + "/"
    return ""


def kill_processes(folder: Path, deadline: float = 30.0) -> None:
    """Kill whatever belongs to ``folder`` until nothing is left.

    Raises:
        LabError: something still runs after ``deadline`` seconds.
    """
    end = time.monotonic() + deadline
    while pids := processes_of(folder):
        if time.monotonic() > end:
            raise LabError(f"processes {pids} of {folder} do not die")
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            _thaw(pid)
        time.sleep(0.02)


def _thaw(pid: int) -> None:
    """Let a process of a paused container die: with cgroups of version 1 it would not."""
    with suppress(OSError):  # ended meanwhile
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "freezer" and path.startswith(f"/{CGROUP_PARENT}/"):
                (CGROUPS / "freezer" / path[1:] / "freezer.state").write_text("THAWED")


def _unmount(folder: Path) -> None:
    """Take away what is mounted on the folder and below it, the last first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split(" ", 5)[4] for line in lines]
    found = [point for point in points if f"{point}/".startswith(f"{folder}/")]
    if found:
        subprocess.run(["umount", "--lazy", *reversed(found)], check=False, capture_output=True)


def _remove_shim_sockets(folder: Path) -> None:
    """Remove the sockets that containerd's shims keep outside of their state folder."""
    for name in ("address", "bootstrap.json"):
        for file in folder.glob(f"*/containerd/daemon/io.containerd.runtime.v2.task/*/*/{name}"):
            for path in _SHIM_SOCKET.findall(file.read_bytes()):
                Path(os.fsdecode(path)).unlink(missing_ok=True)


def _remove_cgroups(run: str, part: str) -> None:
    for parent in (CGROUPS, *CGROUPS.glob("*")):
        top = parent / CGROUP_PARENT / run / part
        if top.is_dir():
            with suppress(LabError):  # its processes are gone: it costs nobody anything
                wait_until(partial(_remove_cgroup, top), f"{top} is empty")
            with suppress(OSError):  # another part of the run is still there
                top.parent.rmdir()


def _remove_cgroup(top: Path) -> bool:
    """Tell whether a control group could be removed: not while a last thread is still dying."""
    for folder, _, _ in os.walk(top, topdown=False):
        with suppress(OSError):
            Path(folder).rmdir()
    return not top.exists()


def reap_part(part: Path) -> None:
    """End and remove one part of a run: its processes, mounts, control groups and folder."""
    kill_processes(part)
    _remove_shim_sockets(part)
    _unmount(part)
    _remove_cgroups(part.parent.name, part.name)
    shutil.rmtree(part, ignore_errors=True)
