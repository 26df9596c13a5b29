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
    """Return the pids of all processes that belong to ``folder`` or a folder below it.

    Each part of the lab asks several times, hence the plain ``os``: of hundreds of processes.
    """
    inside, machine = f"{folder}/".encode(), str(Path("/proc/self/ns/mnt").readlink())
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    return [pid for pid in pids if pid != os.getpid() and _belongs(pid, inside, machine)]


def _belongs(pid: int, inside: bytes, machine: str) -> bool:
    proc = f"/proc/{pid}"
    try:
        if _mark(_read(f"{proc}/environ")).startswith(inside):
            return True
        if os.fsencode(os.readlink(f"{proc}/exe")).startswith(inside):  # noqa: PTH115
            return True
        if _is_podmans(_read(f"{proc}/cmdline"), inside):
            return True
        # The list of mounts is the dear one to ask for, and only containers have their own.
        is_contained = os.readlink(f"{proc}/ns/mnt") != machine  # noqa: PTH115
        return is_contained and inside in _root_mount(_read(f"{proc}/mountinfo"))
    except OSError:  # ended meanwhile, a kernel thread, or not ours to look into
        return False


def _read(file: str) -> bytes:
    with open(file, "rb", buffering=0) as opened:  # noqa: PTH123 - half the time of Path's
        return opened.readall()


def _mark(environ: bytes) -> bytes:
    """The folder that an environment is marked with, with a slash at its end; else empty."""
    _, found, rest = (b"\0" + environ).partition(f"\0{MARK}=".encode())
    return rest.partition(b"\0")[0] + b"/" if found else b""


def _is_podmans(words: bytes, inside: bytes) -> bool:
    """Podman starts conmon, and conmon its clean-up, with an environment of its own choice."""
    name = words.partition(b"\0")[0].rpartition(b"/")[2]
    return name in {b"conmon", b"podman"} and inside in words


def _root_mount(mounts: bytes) -> bytes:
    for line in mounts.splitlines():
        if line.split(b" ", 5)[4] == b"/":
            return line + b"/"
    return b""


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
