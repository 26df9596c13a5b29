"""Samples of real machines: this one, one behind sshd, and one that only an Engine tells of."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from config.models import Host
from fleet import machine
from fleet.host_stats import read_here
from fleet.model import HostSample
from fleet.read_model import LiveReadModel
from fleet.rows import host_stats_row
from fleet.tracker import now
from storage.rows import HostStatsRow
from tests.faults.watched import FAST, Watched, local, ssh, tcp, watched
from tests.lab.containers import ContainerSpec
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab
from web.documents import ConfigDocument, StorageDocument

OFTEN = msgspec.structs.replace(FAST, stats_interval=0.5)
BUSY = ContainerSpec(command=("sh", "-c", "exec yes >/dev/null"))


@pytest.fixture
def busy(engine_2010: Engine) -> Iterator[Engine]:
    engine_2010.run_container("busy", BUSY)
    yield engine_2010
    engine_2010.remove_containers()


async def sampled(fleet: Watched, name: str) -> HostSample:
    """The first sample that has a CPU figure."""

    def found() -> HostSample | None:
        sample = fleet.tracker.machine(name)
        return sample if sample is not None and sample.cpu_percent is not None else None

    sample = await fleet.until(found, f"a machine's sample of {name}", 60)
    assert sample is not None
    return sample


async def test_machines_are_read_where_there_is_a_way_and_summed_up_where_there_is_none(
    lab: Lab, busy: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "fleet.host_stats")
    dark = lab.sshd(options={"MaxSessions": "0"})
    relayed = lab.relay(busy.socket).address
    assert isinstance(relayed, tuple)
    hosts: list[Host] = [
        local("local", busy, monitoring=OFTEN),
        ssh("ssh", lab.sshd(), busy, monitoring=OFTEN),
        ssh("stdio", lab.sshd(options={"AllowStreamLocalForwarding": "no"}), busy),
        ssh("dark", dark, busy, monitoring=OFTEN),
        tcp("tcp", relayed, None, monitoring=OFTEN),
    ]
    here = read_here("/")
    root = os.statvfs(busy.sdk().api.info()["DockerRootDir"])
    assert here is not None
    async with watched(*hosts) as fleet:
        await fleet.until_up(*(host.name for host in hosts), deadline=60)
        for name in ("local", "ssh", "stdio"):
            sample = await sampled(fleet, name)
            assert sample.source == "machine"
            assert sample.cpus == here.cpus
            assert sample.memory_total == here.memory_total
            assert 0 < sample.memory_used < sample.memory_total
            assert sample.load_1 is not None
            assert sample.disk_total == root.f_blocks * root.f_frsize
            assert sample.cpu_percent is not None
            assert 10 < sample.cpu_percent <= 100 * sample.cpus  # something is busy
            _fits(sample, name)
        for name in ("dark", "tcp"):
            sample = await sampled(fleet, name)
            assert sample.source == "containers"
            info = fleet.tracker.hosts[name].engine
            assert info is not None
            assert (sample.cpus, sample.memory_total) == (info.cpus, info.memory)
            assert sample.load_1 is sample.disk_total is sample.network_rx is None
            assert sample.cpu_percent is not None
            assert sample.cpu_percent > 0
            _fits(sample, name)
        document = LiveReadModel(
            fleet.tracker,
            lambda: {host.name: host for host in hosts},
            lambda: ConfigDocument(source=None, loaded=now()),
            lambda: StorageDocument(state="writing"),
        ).host("ssh")
        assert document is not None
        assert document.machine is not None
        assert document.machine.memory_total == here.memory_total
    told = [record.message for record in caplog.records if "machine" in record.message]
    assert len(told) == 1
    assert told[0].startswith("dark: its machine cannot be asked")


def _fits(sample: HostSample, host: str) -> None:
    """What is sampled can be written."""
    row = host_stats_row(host, sample)
    msgspec.convert(msgspec.to_builtins(row), HostStatsRow)


async def test_an_engine_in_another_machine_is_not_taken_for_this_one(
    busy: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(machine.FILES, "kernel", "/proc/version")  # as if it were another one's
    async with watched(local("a", busy, monitoring=OFTEN)) as fleet:
        assert (await sampled(fleet, "a")).source == "containers"


async def test_what_a_machine_moved_while_nobody_looked_is_in_the_next_sample(
    busy: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    counters = tmp_path / "dev"

    def moved(received: int, sent: int) -> None:
        made = tmp_path / "made"  # put in place at once: it is read all the time
        made.write_text(f"eth0: {received} 0 0 0 0 0 0 0 {sent} 0 0 0 0 0 0 0\n")
        made.rename(counters)

    moved(1000, 100)
    monkeypatch.setitem(machine.FILES, "network", str(counters))
    host = local("a", busy, monitoring=OFTEN)
    async with watched(host) as fleet:
        fleet.tracker.resume({}, {"a": {machine.SUM: (400, 70)}})
        samples: list[HostSample] = []

        def increases() -> list[tuple[int | None, int | None]]:
            sample = fleet.tracker.machine("a")
            if sample is not None and sample not in samples:
                samples.append(sample)
            return [(s.network_rx_increase, s.network_tx_increase) for s in samples]

        await fleet.until(lambda: (600, 30) in increases(), "since the last run", 60)
        fleet.want(msgspec.structs.replace(host, enabled=False))
        await fleet.until(lambda: fleet.status("a") == "disabled", "nobody looks")
        moved(1500, 20)  # the one grew, the other began anew
        fleet.want(host)
        await fleet.until(lambda: (500, 20) in increases(), "since the last connection", 60)
        assert sum(rx or 0 for rx, _ in increases()) == 1100
