from __future__ import annotations

from typing import Any

import msgspec
import pytest

from connectors import models as docker
from fleet.sampling import cpu_percent, memory_used, sample
from tests.fleet.values import NOON

GIB = 2**30


def stats(total: int, system: int = 0, cpus: int = 2, **fields: Any) -> docker.Stats:
    return docker.Stats(
        read=fields.pop("read", "2026-01-02T12:00:00Z"),
        cpu_stats=docker.CpuStats(
            cpu_usage=docker.CpuUsage(total_usage=total, percpu_usage=fields.pop("percpu", None)),
            system_cpu_usage=system,
            online_cpus=cpus,
        ),
        **fields,
    )


def test_one_busy_core_is_100() -> None:
    before, after = stats(0, 0), stats(10**9, 2 * 10**9)
    assert cpu_percent(after, before, wall_clock=False) == pytest.approx(100.0)


def test_cpus_are_counted_where_the_engine_does_not_tell() -> None:
    before, after = stats(0, 0, 0), stats(10**9, 4 * 10**9, 0, percpu=[1, 1, 1, 1])
    assert cpu_percent(after, before, wall_clock=False) == pytest.approx(100.0)


def test_a_counter_that_went_back_gives_no_rate() -> None:
    assert cpu_percent(stats(5, 20), stats(10, 10), wall_clock=False) is None
    assert cpu_percent(stats(15, 10), stats(10, 10), wall_clock=False) is None


def test_podman_is_measured_by_the_wall_clock() -> None:
    before = stats(0, 1, read="2026-01-02T12:00:00Z")
    after = stats(5 * 10**9, 2, read="2026-01-02T12:00:10.000000000Z")
    assert cpu_percent(after, before, wall_clock=True) == pytest.approx(50.0)


@pytest.mark.parametrize(
    ("details", "used"),
    [
        (b'{"inactive_file":30,"other":18446744073709551615}', 70),
        (b'{"total_inactive_file":40,"inactive_file":30}', 60),
        (b'{"total_inactive_file":0,"inactive_file":30}', 100),
        (b'{"inactive_file":100}', 100),
        (b'{"inactive_file":130}', 100),
        (b"{}", 100),
        (b"null", 100),
    ],
)
def test_memory_is_what_the_cli_shows(details: bytes, used: int) -> None:
    memory = b'{"usage":100,"stats":%s}' % details
    assert memory_used(msgspec.json.decode(memory, type=docker.MemoryStats)) == used


def test_a_limit_above_the_machine_is_the_machine() -> None:
    unlimited = stats(1, memory_stats=docker.MemoryStats(usage=GIB, limit=2**63))
    taken = sample(unlimited, None, at=NOON, host_memory=4 * GIB)
    assert (taken.memory_limit, taken.memory_percent) == (4 * GIB, 25.0)


def test_block_io_is_matched_without_case_and_summed_over_devices() -> None:
    entries = [
        docker.BlkioEntry(op="Read", value=1),
        docker.BlkioEntry(op="read", value=2),
        docker.BlkioEntry(op="Write", value=4),
        docker.BlkioEntry(op="Total", value=99),
    ]
    block = docker.BlkioStats(io_service_bytes_recursive=entries)
    taken = sample(stats(1, blkio_stats=block), None, at=NOON)
    assert (taken.block_read, taken.block_write) == (3, 4)


def test_what_the_engine_does_not_tell_is_unknown_not_zero() -> None:
    taken = sample(stats(1), None, at=NOON)
    assert taken.cpu_percent is None
    assert taken.network_rx is taken.network_tx is None
    assert taken.block_read is taken.block_write is None
    assert taken.pids is None


def test_networks_are_summed_over_interfaces() -> None:
    networks = {
        "eth0": docker.NetworkStats(rx_bytes=1, tx_bytes=2),
        "eth1": docker.NetworkStats(rx_bytes=10, tx_bytes=20),
    }
    taken = sample(stats(1, networks=networks), None, at=NOON)
    assert (taken.network_rx, taken.network_tx) == (11, 22)


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, 2**64 - 1, 10**400])
def test_counters_beyond_64_signed_bits_are_bounded_and_storable(number: int) -> None:
    memory = docker.MemoryStats(usage=number, limit=number)
    networks = {name: docker.NetworkStats(rx_bytes=number) for name in ("eth0", "eth1")}
    entries = [docker.BlkioEntry(op="read", value=number)] * 2
    after = stats(
        number,
        number,
        memory_stats=memory,
        networks=networks,
        blkio_stats=docker.BlkioStats(io_service_bytes_recursive=entries),
        pids_stats=docker.PidsStats(current=number),
    )
    for wall_clock in (False, True):
        taken = sample(after, stats(0, 1), at=NOON, wall_clock=wall_clock)
        numbers = [n for n in msgspec.structs.astuple(taken) if isinstance(n, int)]
        assert len(numbers) == 10
        assert all(0 <= n < 2**63 for n in numbers)
        assert taken.memory_percent == 100.0


def test_negative_counters_are_refused_as_they_are_read() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"memory_stats":{"usage":-1}}', type=docker.Stats)
