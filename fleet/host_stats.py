"""A sample of a host's machine, every interval.

This machine is read directly, one behind SSH by a command over the connection that is there. Where
neither is possible, or the Engine turns out to run elsewhere (in a virtual machine, behind a
proxy), the sums over its containers stand in.
"""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec
import trio

from config.models import LocalHost
from connectors.errors import CommandError
from connectors.models import Info
from fleet import machine
from fleet.connected import Connected
from fleet.machine import Reading
from fleet.model import HostSample
from fleet.sampling import bounded
from fleet.tracker import Tracker, now

log = logging.getLogger(__name__)

FIRST_DIFFERENCE = 2.0  # seconds
PATIENCE = 5.0  # for reading this machine, whose disks may hang
TRIES = 3  # of a machine that has answered before, until its containers stand in
LONGEST_REST = 3600.0  # seconds before a machine that does not answer is asked again

Read = Callable[[], Awaitable[Reading]]


class HostStatsCollector:
    """Samples one host's machine during one connection.

    Args:
        connected: The host and its Engine.
        tracker: Where the samples go.
        info: What the Engine said of its machine.
    """

    def __init__(self, connected: Connected, tracker: Tracker, info: Info) -> None:
        self._host = connected.name
        self._tracker = tracker
        self._info = info
        self._interval = connected.host.monitoring.stats_interval
        self._read = _way(connected, info)
        self._before: Reading | None = None
        self._failures = 0
        self._ask_again = 0.0

    async def run(self) -> None:
        """Sample for ever. The first look only gives what the next one is compared with."""
        tick = trio.current_time()
        await self._look()
        tick += min(FIRST_DIFFERENCE, self._interval)
        await trio.sleep_until(tick)
        await self._sample()
        tick += random.uniform(self._interval / 2, self._interval)  # noqa: S311 - spreads load
        while True:
            await trio.sleep_until(tick)
            await self._sample()
            tick = max(tick + self._interval, trio.current_time())

    async def _sample(self) -> None:
        before = self._before
        found = await self._look()
        if found is not None:
            known = self._tracker.interfaces(self._host)
            self._tracker.put_machine(
                self._host, _of_machine(found, before, known), found.interfaces
            )
        elif self._before is None and (summed := self._of_containers()) is not None:
            self._tracker.put_machine(self._host, summed)

    async def _look(self) -> Reading | None:
        """Read the machine; None where there is no way, or it gave no answer."""
        if self._read is None or trio.current_time() < self._ask_again:
            return None
        try:
            found = await self._read()
        except CommandError as error:
            self._failed(str(error))
            return None
        if not machine.is_machine_of(found, self._info, self._tracker.containers(self._host)):
            self._read = self._before = None
            log.info(
                "%s: its Engine seems to run on another machine than the one that can be read; its"
                " containers' sums stand in",
                self._host,
            )
            return None
        if found.name != self._info.name:  # read in a container, which has its own of these
            found = msgspec.structs.replace(found, interfaces={}, disk_total=None, disk_used=None)
        self._before, self._failures = found, 0
        return found

    def _failed(self, why: str) -> None:
        self._failures += 1
        if self._before is not None and self._failures < TRIES:
            return
        if self._ask_again == 0.0:
            log.warning(
                "%s: its machine cannot be asked, its containers' sums stand in: %s",
                self._host,
                why,
            )
        self._before = None
        rest = min(LONGEST_REST, self._interval * 2.0 ** min(self._failures, 20))
        self._ask_again = trio.current_time() + rest

    def _of_containers(self) -> HostSample | None:
        """Sums over the running containers; None while not all that was asked of them is known."""
        running = self._tracker.running(self._host)
        samples = [s for c in running if (s := self._tracker.sample(self._host, c.id)) is not None]
        if running and not samples:
            return None
        percents = [s.cpu_percent for s in samples if s.cpu_percent is not None]
        return HostSample(
            time=now(),
            source="containers",
            cpus=self._info.cpus,
            cpu_percent=sum(percents) if percents or not running else None,
            memory_total=self._info.memory,
            memory_used=bounded(sum(s.memory_used for s in samples)),
        )


def _of_machine(
    found: Reading, before: Reading | None, interfaces: machine.Interfaces
) -> HostSample:
    """A sample from a reading, the one before it and the interfaces' counters as last seen."""
    one, five, fifteen = found.load or (None, None, None)
    received, sent = machine.network_increases(found.interfaces, interfaces)
    return HostSample(
        time=now(),
        source="machine",
        cpus=found.cpus,
        cpu_percent=None if before is None else machine.cpu_percent(found, before),
        load_1=one,
        load_5=five,
        load_15=fifteen,
        memory_total=found.memory_total,
        memory_used=found.memory_used,
        swap_total=found.swap_total,
        swap_used=found.swap_used,
        disk_total=found.disk_total,
        disk_used=found.disk_used,
        network_rx=machine.total(found.interfaces, 0),
        network_tx=machine.total(found.interfaces, 1),
        network_rx_increase=received,
        network_tx_increase=sent,
    )


def _way(connected: Connected, info: Info) -> Read | None:
    """How a host's machine can be read, if it can."""
    if connected.endpoint.run is not None:
        return partial(_read_remote, connected.endpoint.run, machine.command(info.root_dir))
    if isinstance(connected.host, LocalHost):
        return partial(_read_local, info.root_dir, trio.CapacityLimiter(1))
    return None


async def _read_remote(
    run: Callable[[Sequence[str]], Awaitable[str]], words: Sequence[str]
) -> Reading:
    found = machine.reading(machine.sections(await run(words)))
    if found is None:
        raise CommandError("the host runs no such commands, or has no /proc")
    return found


async def _read_local(folder: str, limiter: trio.CapacityLimiter) -> Reading:
    with trio.move_on_after(PATIENCE):
        # Left to itself when late; the limiter keeps it at one such thread.
        found = await trio.to_thread.run_sync(
            read_here, folder, limiter=limiter, abandon_on_cancel=True
        )
        if found is None:
            raise CommandError("this machine has no /proc")
        return found
    raise CommandError(f"no answer within {PATIENCE:g} s")


def read_here(folder: str) -> Reading | None:
    """Read this machine, and the file system that holds `folder`; None where there is no /proc."""
    texts = {name: _text(Path(path)) for name, path in machine.FILES.items()}
    texts["mounts"] = _text(Path(machine.MOUNTS))
    texts["devices"] = "\n".join(map(str, Path("/sys/class/net").glob("*/device")))
    found = machine.reading(texts)
    try:
        disk = os.statvfs(folder)
    except (OSError, ValueError):
        return found
    return found and msgspec.structs.replace(
        found,
        disk_total=disk.f_blocks * disk.f_frsize,
        disk_used=(disk.f_blocks - disk.f_bfree) * disk.f_frsize,
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
