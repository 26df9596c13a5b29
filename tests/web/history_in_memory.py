"""A history that lives in memory: implements the web's for tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
import trio

from fleet.availability import availability_document
from labels.model import Change
from storage.availability import HealthSpan, availability
from storage.queries_logs import LogPlace
from storage.records import Interval
from tests.web.fleet_in_memory import START
from web.documents import EventDocument, HealthPointDocument, StatsDocument
from web.event_filter import event_test
from web.health_documents import AvailabilityDocument
from web.history import (
    EventFilter,
    HistoryRefused,
    HistoryUnavailable,
    Labelled,
    LogFilter,
    Recorded,
    RouteChangeFilter,
    SortBy,
    Span,
)
from web.history_documents import (
    ConsumersDocument,
    ContainerEventsDocument,
    Direction,
    HostSeriesDocument,
    HostsStatsHistoryDocument,
    HostStatsHistoryDocument,
    ImageHistoryDocument,
    IncarnationDocument,
    LogLineDocument,
    LogsDocument,
    Resolution,
    StatsHistoryDocument,
    StatsPointDocument,
    TotalHistoryDocument,
    UptimeDocument,
)
from web.log_cursor import place_of, write_cursor

POINT = StatsPointDocument(
    time=START,
    samples=6,
    cpu_percent=12.5,
    cpu_percent_max=50.0,
    memory_used=1000.0,
    memory_used_max=2000,
    memory_limit=4000,
    network_rx=1,
    network_tx=2,
    block_read=3,
    block_write=4,
    pids=5,
)


class HistoryInMemory:
    """Implements `web.history.History`.

    `away` makes it refuse for now, `refused` for good, `held_up` makes it wait.
    """

    def __init__(self) -> None:
        self.away = ""
        self.refused = ""
        self.held_up: trio.Event | None = None
        self.waiting = 0
        self.events: list[EventDocument] = []
        self.known: list[Recorded] = []
        self.changes: list[Change] = []
        self.lines: list[LogLineDocument] = []
        self.health: list[HealthSpan] = []
        self.sample: StatsDocument | None = None
        self.asked: list[tuple[str, str, datetime, datetime, int]] = []
        self.meant: list[Labelled | LogFilter] = []

    def remember(self, host: str, name: str, *ids: str) -> Recorded:
        """A container of the past, by all its ids, the newest first."""
        made = Recorded(
            host=host,
            id=ids[0],
            name=name,
            identity=f"name:{name}",
            incarnations=tuple(
                IncarnationDocument(id=one, name=name, image="app:1") for one in ids
            ),
        )
        self.known.append(made)
        return made

    async def recent_events(self, wanted: EventFilter, limit: int) -> Sequence[EventDocument]:
        self._check()
        return list(filter(event_test(wanted, dict), self.events))[-limit:]

    async def recorded(
        self, host: str | None, ref: str, hosts: Sequence[str] | None = None
    ) -> Sequence[Recorded]:
        self._check()
        return [
            known
            for known in self.known
            if host in (None, known.host)
            and (hosts is None or known.host in hosts)
            and (ref in (known.name, known.identity) or known.id.startswith(ref))
        ]

    async def latest_stats(self, container: Recorded) -> StatsDocument | None:  # noqa: ARG002 - the protocol's
        self._check()
        return self.sample

    async def stats_history(
        self, container: Recorded, span: Span, points: int, resolution: Resolution | None
    ) -> StatsHistoryDocument:
        self._check()
        self.asked.append((container.host, container.id, span.start, span.end, points))
        return StatsHistoryDocument(
            host=container.host,
            id=container.id,
            name=container.name,
            identity=container.identity,
            start=span.start,
            end=span.end,
            step_seconds=(span.end - span.start).total_seconds() / points,
            resolution=resolution or "raw",
            incarnations=container.incarnations,
            points=(msgspec.structs.replace(POINT, time=span.start, container_id=container.id),),
        )

    async def host_stats_history(
        self, host: str, span: Span, points: int, resolution: Resolution | None
    ) -> HostStatsHistoryDocument:
        self._check()
        self.asked.append((host, "", span.start, span.end, points))
        return HostStatsHistoryDocument(
            host=host,
            start=span.start,
            end=span.end,
            step_seconds=1.0,
            resolution=resolution or "raw",
            points=(),
        )

    async def hosts_stats_history(
        self, hosts: Sequence[str], span: Span, points: int
    ) -> HostsStatsHistoryDocument:
        self._check()
        self.asked += [(host, "", span.start, span.end, points) for host in hosts]
        return HostsStatsHistoryDocument(
            start=span.start,
            end=span.end,
            step_seconds=60.0,
            resolution="1m",
            hosts=tuple(
                HostSeriesDocument(
                    host=host,
                    cpus=2,
                    memory_total=1000,
                    cpu_percent=(20.0, None, 50.0, 100.0),
                    memory_used=(100.0, None, 500.0, 250.0),
                )
                for host in hosts
            ),
        )

    async def total_history(
        self, wanted: Labelled, span: Span, points: int, resolution: Resolution | None
    ) -> TotalHistoryDocument:
        self._check()
        self.meant.append(wanted)
        self.asked.append(("", "", span.start, span.end, points))
        return TotalHistoryDocument(
            start=span.start,
            end=span.end,
            step_seconds=1.0,
            resolution=resolution or "1m",
            points=(),
        )

    async def top_consumers(
        self, wanted: Labelled, span: Span, sort: SortBy, limit: int
    ) -> ConsumersDocument:
        self._check()
        self.meant.append(wanted)
        self.asked.append(("", "", span.start, span.end, limit))
        return ConsumersDocument(
            start=span.start, end=span.end, sort=sort, resolution="1m", containers=()
        )

    async def health_history(
        self, host: str, start: datetime, end: datetime, points: int
    ) -> Sequence[HealthPointDocument]:
        self._check()
        if self.held_up is not None:
            self.waiting += 1
            await self.held_up.wait()
        self.asked.append((host, "", start, end, points))
        return [
            HealthPointDocument(
                time=start,
                status="up",
                engine_version="28.5.2",
                running=1,
                total=2,
                unhealthy=0,
                response_ms=1.5,
                error=None,
            )
        ]

    async def availability(self, host: str, span: Span) -> AvailabilityDocument:
        self._check()
        self.asked.append((host, "", span.start, span.end, 0))
        within = [
            msgspec.structs.replace(
                one, start=max(one.start, span.start), end=min(one.end, span.end)
            )
            for one in self.health
            if one.start < span.end and one.end > span.start
        ]
        found = availability(within, Interval(start=span.start, end=span.end))
        return availability_document(host, span, found)

    async def uptime(self, container: Recorded, span: Span) -> UptimeDocument:
        self._check()
        return UptimeDocument(
            host=container.host,
            id=container.id,
            name=container.name,
            identity=container.identity,
            start=span.start,
            end=span.end,
            state="running",
            up_seconds=1.0,
            down_seconds=1.0,
            unknown_seconds=0.0,
            up_percent=50.0,
            restarts=0,
            oom_kills=0,
            unhealthy_seconds=None,
            health=None,
            last_exit_codes=(),
            runs=(),
            incarnations=container.incarnations,
        )

    async def container_events(
        self, container: Recorded, span: Span, limit: int
    ) -> ContainerEventsDocument:
        self._check()
        return ContainerEventsDocument(
            host=container.host,
            id=container.id,
            name=container.name,
            start=span.start,
            end=span.end,
            events=tuple(self.events[-limit:]),
            truncated=len(self.events) > limit,
        )

    async def logs(
        self,
        wanted: LogFilter,
        span: Span,
        limit: int,
        direction: Direction,
        beyond: LogPlace | None,
    ) -> LogsDocument:
        self._check()
        self.meant.append(wanted)
        if self.held_up is not None and direction == "forward":
            await self.held_up.wait()
        backward = direction == "backward"
        lines = [
            line
            for line in sorted(self.lines, key=lambda line: line.time)
            if not wanted.containers or {line.container_id, line.name} & {*wanted.containers}
            if beyond is None
            or (
                line.time_nano < beyond.time_nano if backward else line.time_nano > beyond.time_nano
            )
        ]
        kept = tuple(lines[-limit:] if backward else lines[:limit])
        cut = len(lines) > limit
        return LogsDocument(
            start=span.start,
            end=span.end,
            lines=kept,
            older=write_cursor(place_of(kept[0])) if cut and backward else None,
            newer=write_cursor(place_of(kept[-1])) if cut and not backward else None,
        )

    async def image_history(
        self,
        host: str | None,  # noqa: ARG002 - the protocol's
        ref: str,
        hosts: Sequence[str] | None = None,  # noqa: ARG002 - the protocol's
    ) -> ImageHistoryDocument:
        self._check()
        return ImageHistoryDocument(ref=ref, references=(ref,), ids=(), versions=(), uses=())

    async def route_changes(self, wanted: RouteChangeFilter, limit: int) -> Sequence[Change]:
        self._check()
        found = (change for change in self.changes if wanted.domain in (None, change.domain))
        return sorted(found, key=lambda change: change.time, reverse=True)[:limit]

    def _check(self) -> None:
        if self.away:
            raise HistoryUnavailable(self.away)
        if self.refused:
            raise HistoryRefused(self.refused)
