"""Storage's queries as the web's history: rows in, documents out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

import msgspec

from config.models import Storage
from fleet.availability import availability_document
from fleet.recorded import recorded_of
from fleet.revp.rows import stored_change
from labels.model import Change
from storage import queries
from storage.database import Database
from storage.errors import QueryLimitError, QueryTimeoutError, StorageError
from storage.queries_health import host_availability
from storage.queries_logs import BadRegexError, LinesMeant, LogPlace, LogQueries
from storage.queries_past import PastQueries
from storage.queries_routes import route_changes
from storage.queries_stats import Meant, StatsQueries
from storage.records import HostSeries
from storage.rows import EventRow, HealthRow, StatsRow
from web.documents import EventDocument, HealthPointDocument, StatsDocument
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
    ConsumerDocument,
    ConsumersDocument,
    ContainerEventsDocument,
    Direction,
    HostSeriesDocument,
    HostsStatsHistoryDocument,
    HostStatsHistoryDocument,
    HostStatsPointDocument,
    ImageHistoryDocument,
    ImageUseDocument,
    ImageVersionDocument,
    LogLineDocument,
    LogsDocument,
    Resolution,
    RunDocument,
    StatsHistoryDocument,
    StatsPointDocument,
    TotalHistoryDocument,
    TotalPointDocument,
    UptimeDocument,
)
from web.log_cursor import place_of, write_cursor

T = TypeVar("T")


class StoredHistory:
    """Implements `web.history.History` over a database.

    Args:
        database: Is read.
        settings: `[storage]`: how long what is kept, and how much is answered.
    """

    def __init__(self, database: Database, settings: Storage) -> None:
        self._database = database
        self._settings = settings
        self._stats = StatsQueries(database, settings)
        self._past = PastQueries(database, settings)
        self._logs = LogQueries(database, settings)

    async def recent_events(self, wanted: EventFilter, limit: int) -> Sequence[EventDocument]:
        """The last `limit` stored events that match, newest last, with `number` 0."""
        with _translated():
            rows = await queries.recent_events(
                self._database,
                hosts=_hosts(wanted),
                containers=wanted.containers,
                types=wanted.types,
                actions=wanted.actions,
                labels=wanted.labels,
                before=_nanos(wanted.before),
                since=wanted.since,
                limit=limit,
            )
        return [_event(row) for row in reversed(rows)]

    async def recorded(
        self, host: str | None, ref: str, hosts: Sequence[str] | None = None
    ) -> Sequence[Recorded]:
        """The containers ever seen that `ref` could mean, best first."""
        with _translated():
            return recorded_of(await self._past.recorded(host, ref, hosts))

    async def latest_stats(self, container: Recorded) -> StatsDocument | None:
        """The newest stored sample, or None."""
        with _translated():
            row = await self._stats.latest(container.host, _ids(container))
        return None if row is None else _sample(row)

    async def stats_history(
        self, container: Recorded, span: Span, points: int, resolution: Resolution | None
    ) -> StatsHistoryDocument:
        """What it used, in at most `points` steps for each incarnation."""
        with _translated():
            found = await self._stats.containers(
                container.host, _ids(container), span.start, span.end, points, resolution
            )
        return StatsHistoryDocument(
            host=container.host,
            id=container.id,
            name=container.name,
            identity=container.identity,
            start=found.grid.start,
            end=found.grid.end,
            step_seconds=found.grid.width.total_seconds(),
            resolution=found.grid.resolution,
            incarnations=container.incarnations,
            points=_documents(found.points, StatsPointDocument),
        )

    async def host_stats_history(
        self, host: str, span: Span, points: int, resolution: Resolution | None
    ) -> HostStatsHistoryDocument:
        """As `stats_history`, of a host's machine."""
        with _translated():
            found = await self._stats.host(host, span.start, span.end, points, resolution)
        return HostStatsHistoryDocument(
            host=host,
            start=found.grid.start,
            end=found.grid.end,
            step_seconds=found.grid.width.total_seconds(),
            resolution=found.grid.resolution,
            points=_documents(found.points, HostStatsPointDocument),
        )

    async def hosts_stats_history(
        self, hosts: Sequence[str], span: Span, points: int
    ) -> HostsStatsHistoryDocument:
        """What the machines of these hosts used, in at most `points` steps, none below a minute."""
        with _translated():
            found = await self._stats.hosts(hosts, span.start, span.end, points)
        steps = math.ceil((found.grid.end - found.grid.start) / found.grid.width)
        return HostsStatsHistoryDocument(
            start=found.grid.start,
            end=found.grid.end,
            step_seconds=found.grid.width.total_seconds(),
            resolution=found.grid.resolution,
            hosts=tuple(_series(one, steps) for one in found.points),
        )

    async def total_history(
        self, wanted: Labelled, span: Span, points: int, resolution: Resolution | None
    ) -> TotalHistoryDocument:
        """What all that are meant used together, in at most `points` steps."""
        meant = Meant(hosts=wanted.hosts, labels=wanted.labels)
        with _translated():
            found = await self._stats.total(meant, span.start, span.end, points, resolution)
        return TotalHistoryDocument(
            start=found.grid.start,
            end=found.grid.end,
            step_seconds=found.grid.width.total_seconds(),
            resolution=found.grid.resolution,
            points=_documents(found.points, TotalPointDocument),
        )

    async def top_consumers(
        self, wanted: Labelled, span: Span, sort: SortBy, limit: int
    ) -> ConsumersDocument:
        """Those of the containers meant that used the most."""
        meant = Meant(hosts=wanted.hosts, labels=wanted.labels)
        with _translated():
            found = await self._stats.top(meant, span.start, span.end, sort, limit)
        return ConsumersDocument(
            start=found.grid.start,
            end=found.grid.end,
            sort=sort,
            resolution=found.grid.resolution,
            containers=_documents(found.points, ConsumerDocument),
        )

    async def health_history(
        self, host: str, start: datetime, end: datetime, points: int
    ) -> Sequence[HealthPointDocument]:
        """Health of one host in [start, end), at most `points` observations, oldest first."""
        with _translated():
            rows = await queries.health_history(self._database, host, start, end, points)
        return [_health(row) for row in rows]

    async def availability(self, host: str, span: Span) -> AvailabilityDocument:
        """How much of the span a host was up, and each of its outages."""
        with _translated():
            found = await host_availability(
                self._database, self._settings, host, span.start, span.end
            )
        return availability_document(host, span, found)

    async def uptime(self, container: Recorded, span: Span) -> UptimeDocument:
        """How much of the span it ran, and each of its runs."""
        with _translated():
            found = await self._past.uptime(container.host, _ids(container), span.start, span.end)
        figures = {name: getattr(found, name) for name in found.__struct_fields__}
        return UptimeDocument(
            host=container.host,
            id=container.id,
            name=container.name,
            identity=container.identity,
            start=span.start,
            end=span.end,
            incarnations=container.incarnations,
            **{**figures, "runs": _documents(found.runs, RunDocument)},
        )

    async def container_events(
        self, container: Recorded, span: Span, limit: int
    ) -> ContainerEventsDocument:
        """The newest `limit` events of the span."""
        with _translated():
            rows = await self._past.events(
                container.host, _ids(container), span.start, span.end, limit + 1
            )
        return ContainerEventsDocument(
            host=container.host,
            id=container.id,
            name=container.name,
            start=span.start,
            end=span.end,
            events=tuple(_event(row) for row in reversed(rows[:limit])),
            truncated=len(rows) > limit,
        )

    async def logs(
        self,
        wanted: LogFilter,
        span: Span,
        limit: int,
        direction: Direction,
        beyond: LogPlace | None,
    ) -> LogsDocument:
        """At most `limit` lines: the newest (`backward`) or the oldest of the span."""
        newest = direction == "backward"
        with _translated():
            rows = await self._logs.lines(
                msgspec.convert(wanted, LinesMeant, from_attributes=True),
                span.start,
                span.end,
                limit + 1,
                newest=newest,
                beyond=beyond,
            )
        more = len(rows) > limit
        kept = rows[-limit:] if newest else rows[:limit]
        lines = _documents(kept, LogLineDocument)
        before, after = (more, beyond is not None) if newest else (beyond is not None, more)
        return LogsDocument(
            start=span.start,
            end=span.end,
            lines=lines,
            older=write_cursor(place_of(lines[0])) if lines and before else None,
            newer=write_cursor(place_of(lines[-1])) if lines and after else None,
        )

    async def image_history(
        self, host: str | None, ref: str, hosts: Sequence[str] | None = None
    ) -> ImageHistoryDocument:
        """What an image's id (or its beginning) or a reference meant and who used it."""
        with _translated():
            found = await self._past.image(host, ref, hosts)
        versions, uses = found.versions, found.uses
        return ImageHistoryDocument(
            ref=ref,
            references=tuple(sorted({version.reference for version in versions})),
            ids=tuple(sorted({version.image_id for version in versions})),
            versions=_documents(versions, ImageVersionDocument),
            uses=_documents(uses, ImageUseDocument),
        )

    async def route_changes(self, wanted: RouteChangeFilter, limit: int) -> Sequence[Change]:
        """The last `limit` stored changes of routes that match, newest first."""
        with _translated():
            rows = await route_changes(
                self._database,
                domain=wanted.domain,
                host=wanted.host,
                hosts=wanted.hosts,
                since=wanted.since,
                before=wanted.before,
                limit=limit,
            )
        return [stored_change(row) for row in rows]


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except BadRegexError as error:
        raise HistoryRefused(
            f"`regex` is not a regular expression of PostgreSQL's: {error}, at character"
            f" {error.position + 1}.",
            "regex",
        ) from error
    except QueryLimitError as error:
        raise HistoryRefused(str(error)) from error
    except QueryTimeoutError as error:
        raise HistoryUnavailable(
            "The database took longer for this than [storage] statement_timeout allows. Ask for a"
            " shorter span, or of fewer containers."
        ) from error
    except StorageError as error:
        raise HistoryUnavailable(str(error)) from error


def _documents(records: Sequence[object], kind: type[T]) -> tuple[T, ...]:
    return tuple(msgspec.convert(record, kind, from_attributes=True) for record in records)


def _series(record: HostSeries, steps: int) -> HostSeriesDocument:
    cpu = dict(zip(record.steps, record.cpu_percent, strict=True))
    memory = dict(zip(record.steps, record.memory_used, strict=True))
    return HostSeriesDocument(
        host=record.host,
        cpus=record.cpus,
        memory_total=record.memory_total,
        cpu_percent=tuple(map(cpu.get, range(steps))),
        memory_used=tuple(map(memory.get, range(steps))),
    )


def _ids(container: Recorded) -> list[str]:
    return [incarnation.id for incarnation in container.incarnations]


def _hosts(wanted: EventFilter) -> Sequence[str] | None:
    """Those of which events are wanted and seen, None for all."""
    if wanted.seen is None or not wanted.hosts:
        return wanted.hosts or wanted.seen
    return [host for host in wanted.hosts if host in wanted.seen]


def _nanos(time: datetime | None) -> int | None:
    return None if time is None else int(time.timestamp() * 1e6) * 1000


def _event(row: EventRow) -> EventDocument:
    return EventDocument(number=0, **msgspec.structs.asdict(row))


def _sample(row: StatsRow) -> StatsDocument:
    used, limit = row.memory_used, row.memory_limit
    return StatsDocument(
        memory_percent=100 * used / limit if limit else None,
        **{
            name: getattr(row, name)
            for name in StatsDocument.__struct_fields__
            if name != "memory_percent"
        },
    )


def _health(row: HealthRow) -> HealthPointDocument:
    return HealthPointDocument(
        time=row.time,
        status=row.status,
        engine_version=row.engine_version,
        running=row.running,
        total=row.total,
        unhealthy=row.unhealthy,
        response_ms=None if row.response_seconds is None else row.response_seconds * 1000,
        error=row.error,
    )
