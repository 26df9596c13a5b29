"""The questions that history answers. All are bounded in time and in rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from psycopg.rows import class_row, scalar_row

from storage.database import Database
from storage.errors import QueryLimitError
from storage.records import CountersRecord, NetworkRecord, StatsHistory, StatsPoint
from storage.rows import ContainerRow, EventRow, HealthRow
from storage.statements import statements

T = TypeVar("T")

MOST_ROWS = 10_000
MOST_DAYS = 30


async def recent_events(
    database: Database,
    *,
    host: str | None = None,
    container: str | None = None,
    type: str | None = None,  # noqa: A002 - the Engine's word
    action: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[EventRow]:
    """The newest events first, `before` an Engine's time in nanoseconds (for the next page).

    `container` is an id, the beginning of one, or a name.
    """
    wanted = {
        "host": host,
        "container": container,
        "type": type,
        "action": action,
        "before": before,
        "limit": min(limit, MOST_ROWS),
    }
    return await _rows(database, EventRow, "recent_events", wanted)


async def stats_history(
    database: Database, host: str, container: str, start: datetime, end: datetime, points: int
) -> StatsHistory:
    """What a container used from `start` to `end` (exclusive), in about `points` points.

    `container` is an id, or an identity: then all its incarnations are meant.

    Raises:
        QueryLimitError: the range is empty or longer than 30 days, or not 1 to 10,000 points.
    """
    _check_range(start, end)
    if not 1 <= points <= MOST_ROWS:
        raise QueryLimitError(f"Ask for 1 to {MOST_ROWS:,} points, not {points:,}.")
    width = max((end - start) / points, timedelta(milliseconds=1))
    containers = await _incarnations(database, host, container)
    wanted = {"host": host, "containers": containers, "start": start, "end": end, "width": width}
    found = await _rows(database, StatsPoint, "stats_history", wanted)
    return StatsHistory(start=start, end=end, width=width.total_seconds(), points=found)


async def health_history(
    database: Database, host: str, start: datetime, end: datetime
) -> list[HealthRow]:
    """How a host was from `start` to `end` (exclusive), oldest first, at most 10,000 rows.

    Raises:
        QueryLimitError: the range is empty or longer than 30 days.
    """
    _check_range(start, end)
    wanted = {"host": host, "start": start, "end": end, "limit": MOST_ROWS}
    return await _rows(database, HealthRow, "health_history", wanted)


async def last_event_nanos(database: Database) -> dict[str, int]:
    """The Engine's time of the newest event stored for each host, in nanoseconds."""
    sql = statements()["last_event_nanos"]
    rows = await database.read(lambda connection: connection.execute(sql).fetchall())
    return {str(host): int(str(nanos)) for host, nanos in rows}


async def latest_counters(
    database: Database, hosts: Sequence[str], since: datetime
) -> list[CountersRecord]:
    """The counters of each container of `hosts` in its newest sample that is not before `since`."""
    wanted = {"hosts": list(hosts), "since": since}
    return await _rows(database, CountersRecord, "latest_counters", wanted)


async def latest_network(
    database: Database, hosts: Sequence[str], since: datetime
) -> list[NetworkRecord]:
    """The network counters of each host's machine as last sampled and not before `since`."""
    wanted = {"hosts": list(hosts), "since": since}
    return await _rows(database, NetworkRecord, "latest_network", wanted)


async def containers_known(database: Database, host: str) -> list[ContainerRow]:
    """The containers of a host that were not yet removed when it was last written about."""
    return await _rows(
        database, ContainerRow, "containers_known", {"host": host, "limit": MOST_ROWS}
    )


async def _incarnations(database: Database, host: str, container: str) -> list[str]:
    sql = statements()["incarnations"]
    wanted = {"host": host, "container": container}

    def query(connection: Any) -> list[str]:
        cursor = connection.cursor(row_factory=scalar_row)
        found: list[str] = cursor.execute(sql, wanted).fetchall()
        return found

    return await database.read(query) or [container]


async def _rows(database: Database, kind: type[T], name: str, wanted: dict[str, Any]) -> list[T]:
    sql = statements()[name]
    return await database.read(
        lambda connection: (
            connection.cursor(row_factory=class_row(kind)).execute(sql, wanted).fetchall()
        )
    )


def _check_range(start: datetime, end: datetime) -> None:
    if end <= start:
        raise QueryLimitError("The end of the range must come after its start.")
    if end - start > timedelta(days=MOST_DAYS):
        raise QueryLimitError(f"Ask for at most {MOST_DAYS} days at once.")
