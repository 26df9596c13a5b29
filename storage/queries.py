"""The questions that history answers. All are bounded in time and in rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from storage.asking import MOST_DAYS, MOST_ROWS, ask, check_points, check_span, labelled
from storage.database import Database
from storage.records import CountersRecord, LogPlaceRecord, NetworkRecord, ReferenceRecord
from storage.rows import ContainerRow, EventRow, HealthRow, ImageRow
from storage.statements import statements
from storage.tables import clean

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def recent_events(
    database: Database,
    *,
    hosts: Sequence[str] | None = None,
    containers: Sequence[str] = (),
    types: Sequence[str] = (),
    actions: Sequence[str] = (),
    labels: Sequence[tuple[str, str | None]] = (),
    before: int | None = None,
    since: datetime | None = None,
    limit: int = 100,
) -> list[EventRow]:
    """The newest events first, `before` an Engine's time in nanoseconds (for the next page).

    Not those before `since`.

    Any of each may match, of the labels all must, `hosts` None means any. A container is an id, the
    beginning of one (at least 4 characters), a name, or HOST/NAME. An action stands for its
    family, too. Labels are of the host, or among the event's attributes.
    """
    wanted = {
        "hosts": None if hosts is None else [clean(host) for host in hosts],
        "containers": [clean(one) for one in containers] or None,
        "types": [clean(one) for one in types] or None,
        "actions": [clean(one) for one in actions] or None,
        **labelled(labels),
        "unlabelled": not labels,
        "before": before,
        # Tables are cut by `time`, which is `time_nano` without what is finer than microseconds.
        "since": "-infinity" if since is None else since,
        "until": "infinity" if before is None else _EPOCH + timedelta(microseconds=before // 1000),
        "limit": min(limit, MOST_ROWS),
    }
    return await ask(database, EventRow, "recent_events", wanted)


async def health_history(
    database: Database, host: str, start: datetime, end: datetime, points: int = MOST_ROWS
) -> list[HealthRow]:
    """How a host was from `start` to `end` (exclusive), oldest first, at most `points` rows.

    Every change of status, the newest where there are too many, and of the rest at most one in
    each of `points` steps.

    Raises:
        QueryLimitError: the range is empty or longer than 30 days, or not 1 to 10,000 points.
    """
    check_span(start, end, timedelta(days=MOST_DAYS))
    check_points(points)
    width = max((end - start) / points, timedelta(milliseconds=1))
    wanted = {"host": host, "start": start, "end": end, "width": width, "limit": points}
    return (await ask(database, HealthRow, "health_history", wanted))[::-1]


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
    return await ask(database, CountersRecord, "latest_counters", wanted)


async def latest_network(
    database: Database, hosts: Sequence[str], since: datetime
) -> list[NetworkRecord]:
    """The network counters of each host's machine as last sampled and not before `since`."""
    wanted = {"hosts": list(hosts), "since": since}
    return await ask(database, NetworkRecord, "latest_network", wanted)


async def containers_known(database: Database, host: str) -> list[ContainerRow]:
    """The containers of a host that were not yet removed when it was last written about."""
    return await ask(database, ContainerRow, "containers_known", {"host": host, "limit": MOST_ROWS})


async def last_log_lines(
    database: Database, hosts: Sequence[str], since: datetime
) -> list[LogPlaceRecord]:
    """The newest line, not before `since`, of each container of `hosts` that is there."""
    wanted = {"hosts": list(hosts), "since": since}
    return await ask(database, LogPlaceRecord, "last_log_lines", wanted)


async def images_known(database: Database, host: str) -> list[ImageRow]:
    """The images of a host that were not yet removed when it was last written about."""
    return await ask(database, ImageRow, "images_known", {"host": host, "limit": MOST_ROWS})


async def newest_versions(database: Database, host: str) -> dict[str, str]:
    """The image id that each reference last meant on a host."""
    wanted = {"host": host, "limit": MOST_ROWS}
    found = await ask(database, ReferenceRecord, "newest_versions", wanted)
    return {record.reference: record.image_id for record in found}
