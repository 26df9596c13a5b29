"""What machines say of themselves, from real ones and from bad ones."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import msgspec
import pytest

from connectors.models import Info
from fleet import machine
from fleet.host_stats import read_here
from fleet.machine import SUM, Reading, network_increases, reading, sections

STAT = """\
cpu  1000 100 400 8000 500 10 20 70 300 0
cpu0 500 50 200 4000 250 5 10 35 150 0
cpu1 500 50 200 4000 250 5 10 35 150 0
"""
MEMINFO = """\
MemTotal:        8000000 kB
MemFree:         1000000 kB
MemAvailable:    6000000 kB
Buffers:          200000 kB
Cached:          4000000 kB
SwapTotal:       2000000 kB
SwapFree:        1500000 kB
HugePages_Total:       0
"""
NETWORK = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop
    lo: 7000 1 0 0 0 0 0 0 7000 1 0 0 0 0 0 0
  eth0: 1000 1 0 0 0 0 0 0 2000 1 0 0 0 0 0 0
wlp3s0:10 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0
docker0: 5000 1 0 0 0 0 0 0 5000 1 0 0 0 0 0 0
br-0a1b2c: 5000 1 0 0 0 0 0 0 5000 1 0 0 0 0 0 0
veth12ab: 5000 1 0 0 0 0 0 0 5000 1 0 0 0 0 0 0
"""
BUSYBOX_DF = """\
Filesystem           1024-blocks    Used Available Capacity Mounted on
/dev/mapper/a b 20000 5000 14000 26% /var/lib
"""
TEXTS = {
    "stat": STAT,
    "meminfo": MEMINFO,
    "loadavg": "0.52 1.5 12.25 2/300 4711\n",
    "network": NETWORK,
    "devices": "",
    "df": BUSYBOX_DF,
    "kernel": "6.1.0-13-amd64\n",
    "name": "edge-1\n",
    "mounts": f"1 2 8:1 /var/lib/docker/containers/{'ab' * 32}/hostname /etc/hostname rw\n",
}


def known(**changes: str) -> Reading:
    found = reading(TEXTS | changes)
    assert found is not None
    return found


def test_everything_is_read() -> None:
    found = known()
    assert (found.ticks, found.busy, found.cpus) == (10_100, 1600, 2)
    assert (found.memory_total, found.memory_used) == (8_192_000_000, 2_048_000_000)
    assert (found.swap_total, found.swap_used) == (2_048_000_000, 512_000_000)
    assert found.load == (0.52, 1.5, 12.25)
    assert found.interfaces == {"eth0": (1000, 2000), "wlp3s0": (10, 20)}
    assert (found.disk_total, found.disk_used) == (20_480_000, 5_120_000)
    assert (found.kernel, found.name) == ("6.1.0-13-amd64", "edge-1")
    assert found.containers == {"ab" * 32}


def test_hardware_is_told_by_the_kernel_where_it_says_so() -> None:
    devices = "/sys/class/net/eth0/device\n/sys/class/net/gone/device\n"
    assert known(devices=devices).interfaces == {"eth0": (1000, 2000)}


def test_kernels_before_3_14_do_not_tell_what_is_available() -> None:
    old = "\n".join(line for line in MEMINFO.splitlines() if "Available" not in line)
    assert known(meminfo=old).memory_used == (8_000_000 - 5_200_000) * 1024


@pytest.mark.parametrize("name", ["stat", "meminfo"])
@pytest.mark.parametrize("text", ["", "cpu", "cpu a b c d", "cat: no such file", "MemTotal: x kB"])
def test_without_cpu_or_memory_there_is_no_reading(name: str, text: str) -> None:
    assert reading(TEXTS | {name: text}) is None


@pytest.mark.parametrize("load", ["", "nan inf 1", "1 2", "-1 2 3", "1e999 1 1", "1,5 1,5 1,5"])
def test_the_rest_may_be_missing(load: str) -> None:
    found = reading({"stat": STAT, "meminfo": MEMINFO, "loadavg": load, "df": "df: bad option\n"})
    assert found is not None
    assert (found.load, found.disk_total, found.disk_used) == (None, None, None)
    assert found.interfaces == {}


def test_rubbish_never_raises_and_gives_nothing_that_cannot_be_stored() -> None:
    rng = random.Random(3)  # noqa: S311 - a test that repeats
    for _ in range(3000):
        texts = dict(TEXTS)
        name = rng.choice(list(texts))
        text = list(texts[name])
        for _ in range(rng.randrange(1, 8)):
            place = rng.randrange(len(text) + 1)
            text[place : place + rng.randrange(4)] = rng.choice(
                ["9" * 30, "-", "\0", "\n", ":", " ", "²", "٣", "cpu", "", "9" * 5000]
            )
        texts[name] = "".join(text)
        found = reading(texts)
        if found is not None:
            machine.cpu_percent(found, known())
            network_increases(found.interfaces, known().interfaces)
            msgspec.json.encode(found)
            numbers = [n for n in msgspec.structs.astuple(found)[2:7] if n is not None]
            counters = [n for pair in found.interfaces.values() for n in pair]
            assert all(0 <= n < 2**63 for n in numbers + counters)


def test_cpu_is_in_percent_of_one_core() -> None:
    before, after = known(), known(stat=STAT.replace("1000 100 400 8000", "1100 100 400 8100"))
    assert machine.cpu_percent(after, before) == pytest.approx(100.0)  # one core of two
    assert machine.cpu_percent(before, after) is None
    assert machine.cpu_percent(before, before) is None
    less_idle = known(stat=STAT.replace("8000 500", "8100 450"))  # waiting may be taken back
    assert machine.cpu_percent(less_idle, before) == 0.0


def test_network_is_counted_by_interface() -> None:
    before = {"eth0": (100, 10), "gone": (10**12, 10**12)}
    now = {"eth0": (150, 5), "new": (10**12, 10**12)}
    assert network_increases(now, before) == (50, 5)
    assert network_increases(now, {}) == (None, None)
    assert network_increases({}, before) == (None, None)
    stored = {SUM: (10**12, 10**12)}
    assert network_increases(now, stored) == (150, 5)
    assert network_increases({}, stored) == (None, None)


def test_an_engine_elsewhere_is_noticed() -> None:
    found = known()
    here = Info(kernel_version=found.kernel, memory=found.memory_total, name=found.name)
    replace = msgspec.structs.replace
    assert machine.is_machine_of(found, here, ())
    assert not machine.is_machine_of(found, replace(here, memory=2 * here.memory), ())
    assert not machine.is_machine_of(found, replace(here, kernel_version="5.10"), ())
    twin = replace(here, name="edge-2")
    assert not machine.is_machine_of(found, twin, ["cd" * 32])
    assert machine.is_machine_of(found, twin, ["cd" * 32, "ab" * 32])  # read in its container


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_command_says_what_is_read_here(shell: str, tmp_path: Path) -> None:
    folder = tmp_path / "with a space"
    folder.mkdir()
    _, *words = machine.command(str(folder))
    told = subprocess.run([shell, *words], capture_output=True, text=True, check=True)
    assert told.stderr == ""
    found = reading(sections(f"Welcome!\n{told.stdout}bye\n"))
    oracle = read_here(str(folder))
    assert found is not None
    assert oracle is not None
    same = ("cpus", "memory_total", "swap_total", "disk_total", "kernel", "name", "containers")
    for field in same:
        assert getattr(found, field) == getattr(oracle, field)
    assert found.interfaces.keys() == oracle.interfaces.keys()
    assert found.ticks <= oracle.ticks


@pytest.mark.parametrize("path", ["/a'b", "/a\\b", "/a\nb", "/a!b", "-x", "relative", "/$(id)", ""])
def test_a_strange_folder_is_not_asked_for(path: str) -> None:
    *_, argument = machine.command(path)
    assert argument == ""
