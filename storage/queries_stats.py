"""What containers and hosts used: samples, or what they were rolled up into."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar

import msgspec

from config.models import Storage
from storage import resolution
from storage.asking import MOST_ROLLED_UP, MOST_ROWS, ask, check_points, check_span, rows
from storage.database import Database
from storage.errors import QueryLimitError
from storage.records import Consumer, HostStatsPoint, Series, StatsPoint, TotalPoint
from storage.resolution import Resolution, grid
from storage.rows import StatsRow
from storage.sessions import Connection
from storage.tables import clean

P = TypeVar("P")

SortBy = Literal["cpu", "memory", "network", "block"]

_CONSUMERS_STEPS = 12  # a range of top consumers is cut at its ends to a twelfth at worst


class Meant(msgspec.Struct, frozen=True, kw_only=True):
    """The containers that are on one of the hosts and have all of the labels; empty means any.

    A container has the labels of its host too. A label without a value is met by any value.
    """

    hosts: tuple[str, ...] = ()
    labels: tuple[tuple[str, str | None], ...] = ()

    def values(self) -> dict[str, Any]:
        """Parameters of the queries."""
        exact = {clean(key): clean(value) for key, value in self.labels if value is not None}
        return {
            "hosts": [clean(host) for host in self.hosts] or None,
            "labels": msgspec.json.encode(exact).decode(),
            "keys": [clean(key) for key, value in self.labels if value is None],
            "all": not (self.labels or self.hosts),
        }


class _Reach(msgspec.Struct, frozen=True):
    rolled_to: datetime
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

        In at most `points` steps, and at most 10,000 points. See `storage.resolution` for what is
        read where no resolution is `chosen`.

        Raises:
            QueryLimitError: the range is empty or too long, or not 1 to 10,000 points.
        """
        wanted = {"host": clean(host), "containers": [clean(name) for name in containers]}
        return await self._series(
            StatsPoint,
            ("container_stats", "stats_history"),
            wanted,
            (start, end, points),
            lambda _series: chosen or self._one(start, end, points),
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
            lambda _series: chosen or self._one(start, end, points),
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

        Raises:
            QueryLimitError: as `containers`, or samples were chosen.
        """
        _check_many(chosen)
        return await self._series(
            TotalPoint,
            ("container_stats", "total_history"),
            meant.values(),
            (start, end, points),
            lambda series: chosen or self._many(start, end, points, series),
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
        return await self._series(
            Consumer,
            ("container_stats", "top_consumers"),
            {**meant.values(), "sort": sort},
            (start, end, 1),
            lambda series: chosen or self._many(start, end, _CONSUMERS_STEPS, series),
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
        choose: Callable[[int], Resolution],
        limit: int = MOST_ROWS,
    ) -> Series[P]:
        """Find out where rollups end, decide what to read, and read it, on one connection."""
        start, end, points = span
        check_span(start, end, MOST_ROLLED_UP)
        check_points(points)

        def read(connection: Connection) -> Series[P]:
            with connection.transaction():
                # One view of all: else what is rolled up meanwhile would be read twice.
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                return answer(connection)

        def answer(connection: Connection) -> Series[P]:
            family, name = query
            reach = _reach(connection, family, start, end, wanted)
            resolved = choose(reach.series)
            if resolved == "raw":
                check_span(start, end, self._most_raw)
            steps = grid(resolved, start, end, points)
            rolled_to = steps.start if resolved == "raw" else max(steps.start, reach.rolled_to)
            step = resolution.STEPS[resolved]
            values = {
                **wanted,
                "start": steps.start,
                "end": end,
                "width": steps.width,
                "rolled_to": rolled_to,
                "seam": max(steps.start, resolution.floored(rolled_to, step)),
                "step": step,
                "limit": limit,
            }
            marks = {"resolution": "1m" if resolved == "raw" else resolved}
            return Series(grid=steps, points=rows(connection, kind, name, values, marks))

        return await self._database.read(read)


def _reach(
    connection: Connection, family: str, start: datetime, end: datetime, wanted: Mapping[str, Any]
) -> _Reach:
    # A first step of days may begin that much earlier.
    span = {"start": start - resolution.STEPS["1d"], "end": end}
    meant: dict[str, Any] = {"hosts": None, "labels": "{}", "keys": []}
    values = {**meant, **wanted, **span, "family": family}
    return rows(connection, _Reach, "rolled_to", values)[0]


def _check_many(chosen: Resolution | None) -> None:
    if chosen == "raw":
        raise QueryLimitError("Totals are not made from single samples: ask for 1m, 1h or 1d.")
