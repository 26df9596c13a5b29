"""Changes of the live fleet to rows of the database: the one mapping, pure but for its memory.

A host and its health are written when they change and every `HEALTH_EVERY`, not at each ping: also
while nothing happens, so that silence in the database means that nobody watched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import trio
from msgspec.structs import asdict, replace

from config.models import Host
from fleet.changes import (
    Change,
    ContainerChanged,
    ContainerRemoved,
    EventSeen,
    HostChanged,
    HostRemoved,
    HostSampled,
    Logged,
    Sampled,
)
from fleet.counts import Counts, count
from fleet.looping import health_word
from fleet.model import Container, EngineEvent, HostSample, HostState, LogLine, Sample
from fleet.tracker import Tracker, now
from storage.rows import (
    ContainerRow,
    EventRow,
    HealthRow,
    HostRow,
    HostStatsRow,
    LogRow,
    Row,
    StatsRow,
)

HEALTH_EVERY = timedelta(seconds=30)


class RowWriter:
    """A tracker's listener that offers a row for every change worth keeping.

    Args:
        tracker: Where the counts of a host come from.
        hosts: The configured hosts, as they are at the time of a change.
        offer: Takes a row; never blocks.
    """

    def __init__(
        self,
        tracker: Tracker,
        hosts: Callable[[], Mapping[str, Host]],
        offer: Callable[[Row], None],
    ) -> None:
        self._tracker = tracker
        self._hosts = hosts
        self._offer = offer
        self._health_written: dict[str, datetime] = {}
        self._failed: dict[str, int] = {}  # the most attempts in a row since a host was up
        self._hosts_seen: dict[str, datetime] = {}  # as in the rows offered last
        self._stored: dict[str, Sequence[ContainerRow]] = {}

    def expect(self, stored: Mapping[str, Sequence[ContainerRow]]) -> None:
        """Compare with these stored rows, by host, when the host is listed next."""
        self._stored |= stored

    def __call__(self, change: Change) -> None:
        """Offer what a change adds to the history."""
        match change:
            case Sampled(container=container, sample=sample):
                self._offer(stats_row(container, sample))
            case Logged(lines=lines):
                for line in lines:
                    self._offer(log_row(line))
            case HostSampled(host=host, sample=sample):
                self._offer(host_stats_row(host, sample))
            case EventSeen(event=event):
                self._offer(event_row(event))
            case ContainerChanged(container=container):
                self._offer(container_row(container))
            case ContainerRemoved(container=container, at=at):
                self._offer(container_row(container, removed=at))
            case HostChanged(state=state, previous=previous):
                self._host_changed(state, previous)
            case HostRemoved(host=host):
                self._health_written.pop(host, None)
                self._failed.pop(host, None)
                self._hosts_seen.pop(host, None)

    def _host_changed(self, state: HostState, previous: HostState) -> None:
        time = now()
        if state.status != "up":
            self._failed[state.name] = max(state.attempts, self._failed.get(state.name, 0))
        due = self._health_written.get(state.name)
        turned = (state.status, _kind(state)) != (previous.status, _kind(previous))
        learned = state.engine != previous.engine
        if due is not None and not turned and not learned and time - due < HEALTH_EVERY:
            return
        if state.listed:
            self._forget_gone(state.name)
        host = self._hosts().get(state.name)
        if host is not None and (learned or state.listed):
            self._offer(self._newest(host_row(host, state)))
        self._observe(state, time)

    async def observe_all(self) -> None:
        """Write of hosts of which nothing was written for long, as they are. Runs until cancelled.

        A host may wait for its next attempt, or for an answer, for longer than is told of it.
        """
        while True:
            await trio.sleep(HEALTH_EVERY.total_seconds() / 2)
            time = now()
            for name, state in self._tracker.hosts.items():
                written = self._health_written.get(name)
                late = written is not None and time - written >= HEALTH_EVERY
                if late and state.status != "disabled":
                    self._observe(state, time)

    def _observe(self, state: HostState, time: datetime) -> None:
        self._health_written[state.name] = time
        counts = count(self._tracker.containers(state.name).values())
        failed = self._failed.get(state.name, 0)
        if state.status == "up":
            self._failed.pop(state.name, None)
        self._offer(health_row(state, counts, time, failed))

    def _newest(self, row: HostRow) -> HostRow:
        """`row`, seen after the one before: of two seen at once, either may be written last."""
        before = self._hosts_seen.get(row.name)
        if before is not None and row.seen <= before:
            row = replace(row, seen=before + timedelta(microseconds=1))
        self._hosts_seen[row.name] = row.seen
        return row

    def _forget_gone(self, host: str) -> None:
        """Mark as removed what went while nobody watched."""
        for row in self._stored.pop(host, ()):
            if row.id not in self._tracker.containers(host):
                gone = now()
                self._offer(replace(row, state="removed", seen=gone, removed=gone))


def _kind(state: HostState) -> str | None:
    return state.error.kind if state.error else None


def host_row(host: Host, state: HostState) -> HostRow:
    """A host's current state."""
    engine = state.engine
    return HostRow(
        name=host.name,
        connection=host.__struct_config__.tag,  # type: ignore[arg-type]  # always a string here
        target=host.target,
        labels=host.labels,
        seen=state.last_seen or now(),
        engine_version=engine.version if engine else None,
        api_version=engine.api_version if engine else None,
        operating_system=engine.operating_system if engine else None,
        architecture=engine.architecture if engine else None,
        cpus=engine.cpus if engine else None,
        memory=engine.memory if engine else None,
    )


def container_row(container: Container, removed: datetime | None = None) -> ContainerRow:
    """A container's current state, or its last one when it is gone."""
    return ContainerRow(
        host=container.host,
        id=container.id,
        name=container.name,
        identity=container.identity,
        image=container.image,
        image_id=container.image_id,
        state="removed" if removed else container.state,
        health=health_word(container),
        labels=container.labels,
        created=container.created,
        started=container.started,
        finished=container.finished,
        exit_code=container.exit_code,
        restart_count=container.restart_count,
        seen=removed or now(),
        removed=removed,
    )


def event_row(event: EngineEvent) -> EventRow:
    """An Engine event."""
    return EventRow(
        host=event.host,
        time=event.time,
        time_nano=event.time_nano,
        type=event.type,
        action=event.action,
        actor_id=event.actor_id,
        name=event.name,
        exit_code=event.exit_code,
        attributes=event.attributes,
    )


def health_row(state: HostState, counts: Counts, time: datetime, attempts: int = 0) -> HealthRow:
    """One observation of a host's health; `attempts` failed in a row."""
    return HealthRow(
        time=time,
        host=state.name,
        status=state.status,
        engine_version=state.engine.version if state.engine else None,
        running=counts.running,
        total=counts.total,
        unhealthy=counts.unhealthy,
        response_seconds=state.response_seconds,
        error=state.error.message if state.error else None,
        error_kind=_kind(state),
        attempts=attempts,
    )


def stats_row(container: Container, sample: Sample) -> StatsRow:
    """One sample of one container."""
    return StatsRow(
        time=sample.time,
        host=container.host,
        container_id=container.id,
        name=container.name,
        identity=container.identity,
        cpu_percent=sample.cpu_percent,
        cpu_total=sample.cpu_total,
        system_total=sample.system_total,
        online_cpus=sample.online_cpus,
        memory_used=sample.memory_used,
        memory_limit=sample.memory_limit,
        network_rx=sample.network_rx,
        network_tx=sample.network_tx,
        block_read=sample.block_read,
        block_write=sample.block_write,
        pids=sample.pids,
        started=sample.started,
        cpu_increase=sample.cpu_increase,
        network_rx_increase=sample.network_rx_increase,
        network_tx_increase=sample.network_tx_increase,
        block_read_increase=sample.block_read_increase,
        block_write_increase=sample.block_write_increase,
    )


def host_stats_row(host: str, sample: HostSample) -> HostStatsRow:
    """One sample of a host's machine."""
    return HostStatsRow(host=host, **asdict(sample))


def log_row(line: LogLine) -> LogRow:
    """One line of a container's log."""
    return LogRow(
        time=line.time,
        time_nano=line.time_nano,
        host=line.host,
        container_id=line.container_id,
        name=line.name,
        identity=line.identity,
        stream=line.stream,
        sequence=line.sequence,
        level=line.level,
        line=line.line,
        truncated=line.truncated,
    )
