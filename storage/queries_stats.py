"""What containers and hosts used: samples, or what they were rolled up into."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar

import msgspec

from config.models import Storage
from storage import resolution
from storage.asking import MOST_ROLLED_UP, MOST_ROWS, ask, check_points, check_span, labelled, rows
from storage.database import Database
from storage.errors import QueryLimitError
from storage.records import (
    Consumer,
    HostSeries,
    HostStatsPoint,
    Series,
    StatsPoint,
    TotalPoint,
)
from storage.resolution import Grid, Resolution, grid
from storage.rows import StatsRow
from storage.sessions import Connection
from storage.tables import clean

P = TypeVar("P")

SortBy = Literal["cpu", "memory", "network", "block"]

_SETTINGS = (  # for a hundred thousand rows, summed up without being sorted first, nor on disk
    "SET LOCAL work_mem = '32MB'",
    "SET LOCAL enable_mergejoin = off",
)
_CONSUMERS_STEPS = 12  # a range of top consumers is cut at its ends to a twelfth at worst


class Meant(msgspec.Struct, frozen=True, kw_only=True):
    """The containers that are on one of the hosts and have all of the labels; empty means any.

    A container has the labels of its host too. A label without a value is met by any value.
    """

    hosts: tuple[str, ...] = ()
    labels: tuple[tuple[str, str | None], ...] = ()

    def values(self) -> dict[str, Any]:
        """Parameters of the queries."""
        return {
            "hosts": [clean(host) for host in self.hosts] or None,
            **labelled(self.labels),
            "all": not self.labels,
        }


class _Reach(msgspec.Struct, frozen=True):
    rolled_to: datetime


class _Count(msgspec.Struct, frozen=True):
    series: int


class StatsQueries:
    """Questions about samples.

    Args:
        database: Is read.
        settings: `[storage]`: how long what is kept, and how long a range of samples may be.
    """

    def __init__(self, database: Database, settings: Storage) -> None:
        self._database = database
        self._retention = settings.retention
        self._most_raw = timedelta(days=settings.query_days)

    async def latest(self, host: str, containers: Sequence[str]) -> StatsRow | None:
        """The newest sample of the first of `containers` that has any."""
        wanted = {"host": clean(host), "containers": [clean(name) for name in containers]}
        found = await ask(self._database, StatsRow, "latest_stats", wanted)
        return found[0] if found else None

    async def containers(
        self,
        host: str,
        containers: Sequence[str],
        start: datetime,
        end: datetime,
        points: int,
        chosen: Resolution | None = None,
    ) -> Series[StatsPoint]:
        """What each of `containers` (ids) used from `start` to `end` (exclusive).

        In at most `points` steps; in fewer where there would be more than 10,000 points. See
        `storage.resolution` for what is read where no resolution is `chosen`.

        Raises:
            QueryLimitError: the range is empty or too long, or not 1 to 10,000 points.
        """
        wanted = {"host": clean(host), "containers": [clean(name) for name in containers]}
        return await self._series(
            StatsPoint,
            ("container_stats", "stats_history"),
            wanted,
            (start, end, points),
            lambda _connection: chosen or self._one(start, end, points),
        )

    async def host(
        self,
        host: str,
        start: datetime,
        end: datetime,
        points: int,
        chosen: Resolution | None = None,
    ) -> Series[HostStatsPoint]:
        """As `containers`, of a host's machine."""
        return await self._series(
            HostStatsPoint,
            ("host_stats", "host_stats_history"),
            {"host": clean(host)},
            (start, end, points),
            lambda _connection: chosen or self._one(start, end, points),
        )

    async def hosts(
        self, hosts: Sequence[str], start: datetime, end: datetime, points: int
    ) -> Series[HostSeries]:
        """As `host`, in short and of all these hosts at once; never finer than minutes."""
        return await self._series(
            HostSeries,
            ("host_stats", "hosts_stats"),
            {"hosts": [clean(host) for host in hosts]},
            (start, end, points),
            lambda _connection: self._many(start, end, points, len(hosts)),
        )

    async def total(
        self,
        meant: Meant,
        start: datetime,
        end: datetime,
        points: int,
        chosen: Resolution | None = None,
    ) -> Series[TotalPoint]:
        """As `containers`, of all that are meant together; never finer than minutes.

        It ends with the last whole minute: not all hosts have samples of the one that runs.

        Raises:
            QueryLimitError: as `containers`, or samples were chosen.
        """
        _check_many(chosen)
        check_span(start, end, MOST_ROLLED_UP)
        wanted = meant.values()
        check_points(points)
        until = resolution.settled(end, datetime.now(UTC))
        if until <= start:
            return Series(grid=grid(chosen or "1m", start, end, points), points=[])
        return await self._series(
            TotalPoint,
            ("container_stats", "total_history"),
            wanted,
            (start, until, points),
            lambda connection: (
                chosen
                or self._many(start, until, points, _series(connection, wanted, start, until))
            ),
        )

    async def top(
        self,
        meant: Meant,
        start: datetime,
        end: datetime,
        sort: SortBy,
        limit: int,
        chosen: Resolution | None = None,
    ) -> Series[Consumer]:
        """The `limit` containers that used the most from `start` to `end`, the most first.

        CPU and memory by their average while there were samples, network and block devices by the
        bytes moved both ways.
        """
        _check_many(chosen)
        wanted = {**meant.values(), "sort": sort}
        return await self._series(
            Consumer,
            ("container_stats", "top_consumers"),
            wanted,
            (start, end, 1),
            lambda connection: (
                chosen
                or self._many(start, end, _CONSUMERS_STEPS, _series(connection, wanted, start, end))
            ),
            min(limit, MOST_ROWS),
        )

    def _one(self, start: datetime, end: datetime, points: int) -> Resolution:
        return resolution.choose(start, end, points, self._kept)

    def _many(self, start: datetime, end: datetime, points: int, series: int) -> Resolution:
        return resolution.choose(start, end, points, self._kept, series=series)

    def _kept(self, name: Resolution, time: datetime) -> bool:
        return resolution.kept_by(self._retention, datetime.now(UTC))(name, time)

    async def _series(
        self,
        kind: type[P],
        query: tuple[str, str],
        wanted: Mapping[str, Any],
        span: tuple[datetime, datetime, int],
        choose: Callable[[Connection], Resolution],
        limit: int | None = None,
    ) -> Series[P]:
        """Find out where rollups end, decide what to read, and read it, on one connection.

        Without a `limit` the steps are made longer until all points are among the most rows.
        """
        start, end, points = span
        check_span(start, end, MOST_ROLLED_UP)
        check_points(points)

        def read(connection: Connection) -> Series[P]:
            with connection.transaction():
                # One view of all: else what is rolled up meanwhile would be read twice.
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                for setting in _SETTINGS:
                    connection.execute(setting)
                return answer(connection)

        def answer(connection: Connection) -> Series[P]:
            family, name = query
            reach = _reach(connection, family, start, end)
            resolved = choose(connection)
            if resolved == "raw":
                check_span(start, end, self._most_raw)
            marks = {"resolution": "1m" if resolved == "raw" else resolved}
            most = MOST_ROWS + 1 if limit is None else limit
            steps, fewer = grid(resolved, start, end, points), points
            while True:
                values = {**wanted, **_values(steps, reach.rolled_to), "limit": most}
                found = rows(connection, kind, name, values, marks)
                if limit is not None or len(found) <= MOST_ROWS or fewer == 1:
                    return Series(grid=steps, points=found)
                fewer //= 2
                steps = grid(resolved, start, end, fewer)

        return await self._database.read(read)


def _reach(connection: Connection, family: str, start: datetime, end: datetime) -> _Reach:
    # A first step of days may begin that much earlier.
    values = {"family": family, "start": start - resolution.STEPS["1d"], "end": end}
    return rows(connection, _Reach, "rolled_to", values)[0]


def _series(
    connection: Connection, wanted: Mapping[str, Any], start: datetime, end: datetime
) -> int:
    values = {**wanted, "start": start, "end": end}
    return rows(connection, _Count, "series", values)[0].series


def _values(steps: Grid, rolled_to: datetime) -> dict[str, Any]:
    """What queries are told of the times that they read."""
    rolled_to = steps.start if steps.resolution == "raw" else max(steps.start, rolled_to)
    step = resolution.STEPS[steps.resolution]
    return {
        "start": steps.start,
        "end": steps.end,
        "width": steps.width,
        "rolled_to": rolled_to,
        "seam": max(steps.start, resolution.floored(rolled_to, step)),
        "step": step,
        "weighted": step > resolution.STEPS["1m"],
    }


def _check_many(chosen: Resolution | None) -> None:
    if chosen == "raw":
        raise QueryLimitError("Totals are not made from single samples: ask for 1m, 1h or 1d.")
