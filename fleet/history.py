"""Storage's queries as the web's history: rows in, documents out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from storage import queries
from storage.database import Database
from storage.errors import StorageError
from storage.records import StatsPoint
from storage.rows import EventRow, HealthRow
from web.documents import EventDocument, HealthPointDocument
from web.history import EventFilter, HistoryUnavailable
from web.history_documents import StatsPointDocument


class StoredHistory:
    """Implements `web.history.History` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recent_events(self, wanted: EventFilter, limit: int) -> Sequence[EventDocument]:
        """The last `limit` stored events that match, newest last, with `number` 0."""
        try:
            rows = await queries.recent_events(
                self._database,
                host=wanted.host,
                container=wanted.container,
                type=wanted.type,
                action=wanted.action,
                before=_nanos(wanted.before),
                limit=limit,
            )
        except StorageError as error:
            raise HistoryUnavailable(str(error)) from error
        since = wanted.since
        return [_event(row) for row in reversed(rows) if since is None or row.time >= since]

    async def stats_history(
        self, host: str, container_id: str, start: datetime, end: datetime, points: int
    ) -> Sequence[StatsPointDocument]:
        """Samples of one container in [start, end), in at most `points` steps, oldest first."""
        try:
            history = await queries.stats_history(
                self._database, host, container_id, start, end, points
            )
        except StorageError as error:
            raise HistoryUnavailable(str(error)) from error
        return [_stats(point) for point in history.points]

    async def health_history(
        self, host: str, start: datetime, end: datetime, points: int
    ) -> Sequence[HealthPointDocument]:
        """Health of one host in [start, end), at most `points` observations, oldest first."""
        try:
            rows = await queries.health_history(self._database, host, start, end)
        except StorageError as error:
            raise HistoryUnavailable(str(error)) from error
        return [_health(row) for row in thinned(rows, start, end, points)]


def thinned(
    rows: Sequence[HealthRow], start: datetime, end: datetime, points: int
) -> list[HealthRow]:
    """Every change of status, and of the rest at most one in each of `points` steps."""
    step = max((end - start) / points, timedelta(milliseconds=1))
    kept: list[HealthRow] = []
    last_step = -1
    for row in rows:
        this_step = (row.time - start) // step
        if this_step != last_step or row.status != kept[-1].status:
            kept.append(row)
            last_step = this_step
    return kept[-points:]


def _nanos(time: datetime | None) -> int | None:
    return None if time is None else int(time.timestamp() * 1e6) * 1000


def _event(row: EventRow) -> EventDocument:
    return EventDocument(number=0, **msgspec.structs.asdict(row))


def _stats(point: StatsPoint) -> StatsPointDocument:
    return StatsPointDocument(
        time=point.time,
        samples=point.samples,
        cpu_percent=point.cpu_percent_avg,
        cpu_percent_max=point.cpu_percent_max,
        memory_used=point.memory_used_avg,
        memory_used_max=point.memory_used_max,
        memory_limit=point.memory_limit,
        network_rx=point.network_rx,
        network_tx=point.network_tx,
        block_read=point.block_read,
        block_write=point.block_write,
        pids=point.pids_max,
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
