"""What Linux says of a machine in /proc, and how it is asked for all of it at once. Pure."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence

from connectors.models import Info
from fleet.increases import LARGEST, increase
from fleet.model import Value

FILES = {
    "stat": "/proc/stat",
    "meminfo": "/proc/meminfo",
    "loadavg": "/proc/loadavg",
    "network": "/proc/net/dev",
    "kernel": "/proc/sys/kernel/osrelease",
    "name": "/proc/sys/kernel/hostname",
}
MOUNTS = "/proc/self/mountinfo"
_DEVICES = "/sys/class/net/*/device"
_MARK = "fleet-machine:"
_SAME_MEMORY = 0.02  # a balloon or hotplug may move it a little between two readings
MOST = 2**50  # bytes between two readings: a pebibyte

# A path with anything else is not asked for: no shell (csh, fish) reads it as something else.
_PLAIN_PATH = re.compile(r"/[\w@%+=:,.~/ -]{0,4000}", re.ASCII)
_DF = re.compile(r"\s(\d+)\s+(\d+)\s+-?\d+\s+\d+%\s+/")
_CONTAINER = re.compile(r"containers/([0-9a-f]{64})/")  # what Engines mount into each of theirs
_NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)
_NOT_PHYSICAL = re.compile(
    r"lo|.*\..*|(veth|docker|br-|virbr|vmbr|cni|flannel|cali|kube|vxlan|tun|tap|wg|dummy|ifb|bond"
    r"|team|tailscale|podman|lxc|lxd|sit|gre|ip6|nodelocal|weave).*|br\d+",
    re.ASCII,
)

SUM = ""  # in place of an interface's name: all of them, as far as an earlier run of ours stored
Interfaces = Mapping[str, tuple[int, int]]  # bytes received and sent


class Reading(Value, frozen=True, kw_only=True):
    """One look at a machine. `busy` and `ticks` are CPU time since its start, in one unit."""

    busy: int
    ticks: int
    cpus: int
    memory_total: int
    memory_used: int
    swap_total: int | None
    swap_used: int | None
    load: tuple[float, float, float] | None
    interfaces: dict[str, tuple[int, int]]
    disk_total: int | None
    disk_used: int | None
    kernel: str
    name: str
    containers: frozenset[str]  # ids of those that the reading process may be in


def command(folder: str) -> list[str]:
    """A program and arguments that tell of the machine and of `folder`'s file system."""
    script = "; ".join(
        [
            "exec 2>/dev/null",
            *(f"echo {_MARK}{name}; cat {file}" for name, file in FILES.items() if name != "stat"),
            f"echo {_MARK}stat; grep cpu {FILES['stat']}",
            f"echo {_MARK}mounts; grep containers/ {MOUNTS}",
            f"echo {_MARK}devices; ls -d {_DEVICES}",
            f'echo {_MARK}df; LC_ALL=C df -Pk "$1"',
            f"echo {_MARK}end",
        ]
    )
    path = folder if _PLAIN_PATH.fullmatch(folder) else ""
    return ["sh", "-c", script, "fleet", path]


def sections(output: str) -> dict[str, str]:
    """The parts of what `command` wrote, by name; what a login shell said before is no part."""
    found: dict[str, str] = {}
    name = None
    for line in output.splitlines(keepends=True):
        if line.startswith(_MARK):
            name = line.removeprefix(_MARK).strip()
            found[name] = ""
        elif name is not None:
            found[name] += line
    return found


def reading(texts: Mapping[str, str]) -> Reading | None:
    """Understand the texts that `command` writes; None without CPU and memory."""
    cpu, memory = _cpu(texts.get("stat", "")), _meminfo(texts.get("meminfo", ""))
    total = memory.get("MemTotal", 0)
    if cpu is None or not total:
        return None
    busy, ticks, cpus = cpu
    swap = memory.get("SwapTotal")
    disk = _DF.search(texts.get("df", ""))
    return Reading(
        busy=busy,
        ticks=ticks,
        cpus=cpus,
        memory_total=total,
        memory_used=max(0, total - _available(memory)),
        swap_total=swap,
        swap_used=None if swap is None else max(0, swap - memory.get("SwapFree", 0)),
        load=_load(texts.get("loadavg", "")),
        interfaces=_physical(texts.get("network", ""), texts.get("devices", "")),
        disk_total=_bytes(disk[1]) if disk else None,
        disk_used=_bytes(disk[2]) if disk else None,
        kernel=texts.get("kernel", "").strip(),
        name=texts.get("name", "").strip(),
        containers=frozenset(_CONTAINER.findall(texts.get("mounts", ""))),
    )


def is_machine_of(found: Reading, info: Info, containers: Container[str]) -> bool:
    """Whether an Engine runs on this machine: it may be in a virtual one, or behind a proxy.

    Machines may be equal but for their names. In a container there is another name, too, but it is
    one of the Engine's `containers`.
    """
    if found.kernel != info.kernel_version:
        return False
    if abs(found.memory_total - info.memory) > _SAME_MEMORY * found.memory_total:
        return False
    return found.name == info.name or any(id_ in containers for id_ in found.containers)


def cpu_percent(now: Reading, before: Reading) -> float | None:
    """Percent of one core between two readings; None when the machine was started in between."""
    ticks = now.ticks - before.ticks
    if ticks <= 0:
        return None
    return min(max(now.busy - before.busy, 0), ticks) / ticks * now.cpus * 100


def network_increases(now: Interfaces, before: Interfaces) -> tuple[int | None, int | None]:
    """What all interfaces that were known before received and sent since.

    More than `MOST` is a machine's lie, and taken for not known: sums of it would not be stored.
    """
    if SUM in before:
        now = {SUM: (total(now, 0) or 0, total(now, 1) or 0)} if now else {}
    known = now.keys() & before.keys()
    if not known:
        return None, None
    received, sent = (
        sum(
            increase(now[name][way], before[name][way], counts_from_zero=False) or 0
            for name in known
        )
        for way in (0, 1)
    )
    return received if received <= MOST else None, sent if sent <= MOST else None


def _cpu(stat: str) -> tuple[int, int, int] | None:
    """Busy ticks, all ticks and the number of CPUs."""
    lines = [line.split() for line in stat.splitlines() if line.startswith("cpu")]
    total = next((words[1:9] for words in lines if words[0] == "cpu"), [])  # guests are in user
    if len(total) < 4 or not all(word.isdecimal() for word in total):
        return None
    ticks = [int(word[:18]) for word in total]
    idle = sum(ticks[3:5])  # waiting for a disk is idle, too
    return sum(ticks) - idle, sum(ticks), max(1, sum(words[0] != "cpu" for words in lines))


def _meminfo(text: str) -> dict[str, int]:
    """Bytes by name."""
    found = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdecimal():
            found[name] = _bytes(words[0])
    return found


def _available(memory: Mapping[str, int]) -> int:
    if "MemAvailable" in memory:
        return memory["MemAvailable"]
    # Kernels before 3.14 do not tell.
    return sum(memory.get(name, 0) for name in ("MemFree", "Buffers", "Cached"))


def _load(text: str) -> tuple[float, float, float] | None:
    words = text.split()[:3]
    if len(words) < 3 or not all(_NUMBER.fullmatch(word[:32]) for word in words):
        return None
    one, five, fifteen = (float(word[:32]) for word in words)
    return one, five, fifteen


def _physical(network: str, devices: str) -> dict[str, tuple[int, int]]:
    """The interfaces that are hardware, or whose names do not say that they are none."""
    told = dict(_interfaces(network))
    hardware = {line.split("/")[4] for line in devices.split() if line.count("/") >= 5}
    if found := {name: told[name] for name in told if name in hardware}:
        return found
    return {name: told[name] for name in told if not _NOT_PHYSICAL.fullmatch(name)}


def _interfaces(text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    for line in text.splitlines():
        name, colon, rest = line.partition(":")
        words = rest.split()
        if colon and len(words) >= 9 and words[0].isdecimal() and words[8].isdecimal():
            yield name.strip(), (_bounded(words[0]), _bounded(words[8]))


def total(interfaces: Interfaces, way: int) -> int | None:
    """Bytes received (0) or sent (1) over all interfaces; None where there are none."""
    counted: Sequence[int] = [counters[way] for counters in interfaces.values()]
    return min(sum(counted), LARGEST) if counted else None


def _bounded(digits: str) -> int:
    return min(int(digits[:20]), LARGEST)


def _bytes(kibibytes: str) -> int:
    return min(int(kibibytes[:20]) * 1024, LARGEST)
