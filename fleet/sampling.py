"""Stats answers to samples, computed as `docker stats` does. Pure.

The difference to the previous answer is ours to keep: one-shot answers have no `precpu_stats`, and
the first frame of a stream has an empty one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from connectors import models as docker
from connectors.times import parse_time
from fleet.increases import LARGEST, increases, run_of
from fleet.model import Counters, Sample


def sample(
    stats: docker.Stats,
    previous: docker.Stats | None,
    *,
    at: datetime,
    started: datetime | None = None,
    before: Counters | None = None,
    host_memory: int = 0,
    wall_clock: bool = False,
) -> Sample:
    """Compute one sample.

    Args:
        stats: The Engine's answer.
        previous: The answer before it of the same incarnation, if any.
        at: When it was received, by our clock.
        started: When the container last started, by the Engine's clock.
        before: Its counters as they were last read, by whichever run of ours.
        host_memory: Bytes of the machine; a limit above it is no limit.
        wall_clock: Use elapsed time as the system's CPU time: Podman's `system_cpu_usage` is not
            the machine's.
    """
    used, limit = memory_used(stats.memory_stats), bounded(stats.memory_stats.limit)
    if host_memory and (limit <= 0 or limit > host_memory):
        limit = host_memory
    pids = stats.pids_stats.current
    counted = counters(stats, at, started, before)
    grown = increases(counted, before)
    return Sample(
        **msgspec.structs.asdict(counted),
        cpu_percent=None if previous is None else cpu_percent(stats, previous, wall_clock),
        memory_used=used,
        memory_limit=limit,
        memory_percent=used / limit * 100 if limit else None,
        pids=None if pids is None else bounded(pids),
        system_total=bounded(stats.cpu_stats.system_cpu_usage) or None,
        online_cpus=online_cpus(stats.cpu_stats),
        cpu_increase=grown.cpu,
        network_rx_increase=grown.network_rx,
        network_tx_increase=grown.network_tx,
        block_read_increase=grown.block_read,
        block_write_increase=grown.block_write,
    )


def counters(
    stats: docker.Stats, at: datetime, started: datetime | None, before: Counters | None
) -> Counters:
    """The raw counters of an answer; see `sample` for the arguments."""
    networks, read_at = stats.networks, parse_time(stats.read)
    read, write = block_bytes(stats.blkio_stats)
    return Counters(
        time=at,
        read=read_at,
        started=run_of(started, read_at, before),
        cpu_total=bounded(stats.cpu_stats.cpu_usage.total_usage),
        network_rx=None if networks is None else total(n.rx_bytes for n in networks.values()),
        network_tx=None if networks is None else total(n.tx_bytes for n in networks.values()),
        block_read=read,
        block_write=write,
    )


def online_cpus(cpu: docker.CpuStats) -> int:
    """CPUs; older Engines leave it 0 and list every CPU, which cgroup v2 does not have."""
    return cpu.online_cpus or len(cpu.cpu_usage.percpu_usage or ()) or 1


def cpu_percent(stats: docker.Stats, previous: docker.Stats, wall_clock: bool) -> float | None:
    """Percent of one core between two answers; None when a counter went back (a restart)."""
    now, then = stats.cpu_stats, previous.cpu_stats
    used = bounded(now.cpu_usage.total_usage) - bounded(then.cpu_usage.total_usage)
    if used < 0:
        return None
    if wall_clock:
        read, before = parse_time(stats.read), parse_time(previous.read)
        elapsed = (read - before).total_seconds() if read and before else 0.0
        return used / (elapsed * 1e9) * 100 if elapsed > 0 else None
    system = bounded(now.system_cpu_usage) - bounded(then.system_cpu_usage)
    return used / system * online_cpus(now) * 100 if system > 0 else None


def memory_used(memory: docker.MemoryStats) -> int:
    """Usage without the page cache that the kernel would give back, as the CLI computes it."""
    if memory.private_working_set:  # Windows
        return bounded(memory.private_working_set)
    details = memory.stats or docker.MemoryDetails()
    total_cache = details.total_inactive_file
    cache = details.inactive_file if total_cache is None else total_cache
    return bounded(memory.usage - cache if cache < memory.usage else memory.usage)


def block_bytes(block: docker.BlkioStats) -> tuple[int | None, int | None]:
    """Bytes read and written over all devices; None where the Engine tells nothing."""
    entries = block.io_service_bytes_recursive
    if entries is None:
        return None, None
    read = total(entry.value for entry in entries if entry.op.lower() == "read")
    write = total(entry.value for entry in entries if entry.op.lower() == "write")
    return read, write


def bounded(counter: int) -> int:
    """A counter as 64 signed bits hold it, which is what is stored: Engines count unsigned."""
    return min(counter, LARGEST)


def total(counters: Iterable[int]) -> int:
    """The sum of counters, bounded as each of them is."""
    return bounded(sum(counters))
