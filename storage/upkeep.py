"""What the database needs beside being written to: rollups, partitions, retention.

A database that is away, or refuses, is a state that is logged once and shown; the next round tries
again and goes on where the last one was. Each part goes by itself: that one fails is no reason for
the others to wait, and what grows, to grow.
"""

from __future__ import annotations

import functools
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import msgspec
import trio

from config.models import Retention
from storage import community, partitions, rollups
from storage.database import Database
from storage.edition import Edition, about
from storage.errors import StorageError
from storage.layout import LAYOUT, SAMPLED
from storage.retention import sweep
from storage.sessions import Connection

_log = logging.getLogger(__name__)

Part = Callable[[], Awaitable[object]]

EVERY_SECONDS = 60.0
SWEEP_EVERY = timedelta(hours=1)

_ROLLED_UP = "SELECT min(nullif(readable_to, '-infinity')) FROM rollup_progress"


def _rolled_up_to(connection: Connection) -> datetime | None:
    row = connection.execute(_ROLLED_UP).fetchone()
    return row[0] if row else None  # type: ignore[return-value] # a time


class UpkeepStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the upkeep goes.

    `rolled_up_to` is None before the first samples, and where the database does it by itself.
    `partitions_dropped` (or chunks) and `rows_deleted` are by table, since the start.
    """

    error: str | None
    since: datetime | None
    last_round: datetime | None
    rolled_up_to: datetime | None
    last_retention: datetime | None
    partitions_dropped: dict[str, int]
    rows_deleted: dict[str, int]


class Upkeep:
    """Keeps `database` in order while `run` runs."""

    def __init__(self, database: Database, retention: Retention) -> None:
        self._database = database
        self._retention = retention
        self._error: str | None = None
        self._since: datetime | None = None
        self._last_round: datetime | None = None
        self._rolled_up_to: datetime | None = None
        self._done: dict[str, datetime] = {}  # when, of what is due once an hour
        self._dropped: Counter[str] = Counter()
        self._deleted: Counter[str] = Counter()

    def status(self) -> UpkeepStatus:
        """How it goes now."""
        return UpkeepStatus(
            error=self._error,
            since=self._since,
            last_round=self._last_round,
            rolled_up_to=self._rolled_up_to,
            last_retention=self._done.get("retention"),
            partitions_dropped=dict(+self._dropped),
            rows_deleted=dict(+self._deleted),
        )

    async def run(self) -> None:
        """A round at once and then each minute, until cancelled."""
        while True:
            await self.round()
            await trio.sleep(EVERY_SECONDS)

    async def round(self) -> None:
        """Do all that is due; what could not be done is done in a later round."""
        try:
            edition = (await self._database.maintain(about)).edition
        except StorageError as error:
            self._failed(str(error))
            return
        errors = [await _error_of(part) for part in self._parts(edition, datetime.now(UTC))]
        first = next((error for error in errors if error is not None), None)
        if first is None:
            self._went_well()
        else:
            self._failed(first)

    def _parts(self, edition: Edition, now: datetime) -> list[Part]:
        """In the order in which they are best done; none needs another to have gone well."""
        retention = self._retention
        parts: list[Part] = []
        if edition == "plain":
            make = functools.partial(self._make_partitions, now)
            parts.append(functools.partial(self._hourly, "partitions", make, now))
        if edition == "timescaledb-community":
            keep = functools.partial(community.keep_policies, retention=retention)
            keep_all = functools.partial(self._database.maintain, keep)
            parts.append(functools.partial(self._hourly, "policies", keep_all, now))
        else:
            parts += [functools.partial(self._roll_up, family, edition) for family in SAMPLED]
        sweep_all = functools.partial(self._sweep, edition, now)
        parts.append(functools.partial(self._hourly, "retention", sweep_all, now))
        return parts

    async def _hourly(self, name: str, part: Part, now: datetime) -> None:
        """Do it unless it went well within the hour."""
        last = self._done.get(name)
        if last is None or now - last >= SWEEP_EVERY:
            await part()
            self._done[name] = now

    async def _sweep(self, edition: Edition, now: datetime) -> None:
        swept = await sweep(self._database, edition, self._retention, now)
        self._dropped += swept.partitions
        self._deleted += swept.rows

    async def _roll_up(self, family: str, edition: Edition) -> None:
        maintain = self._database.maintain
        days = self._retention.samples
        if not await maintain(functools.partial(rollups.advance, family=family, days=days)):
            return
        for step in (rollups.roll_up, rollups.roll_up_late):
            while await maintain(functools.partial(step, family=family, edition=edition)):
                await self._look()
        await self._look()

    async def _look(self) -> None:
        self._rolled_up_to = await self._database.maintain(_rolled_up_to)

    async def _make_partitions(self, now: datetime) -> None:
        for table, layout in LAYOUT.items():
            since = now - timedelta(days=getattr(self._retention, layout.kept))
            keep_up = functools.partial(
                partitions.keep_up, table=table, width=layout.width, since=since, now=now
            )
            await self._database.maintain(keep_up)

    def _failed(self, error: str) -> None:
        if self._error is None:
            self._since = datetime.now(UTC)
            _log.error("The database's upkeep waits, history is kept as it is: %s", error)
        self._error = error

    def _went_well(self) -> None:
        self._last_round = datetime.now(UTC)
        if self._error is not None:
            self._error, self._since = None, None
            _log.warning("The database's upkeep goes on")


async def _error_of(part: Part) -> str | None:
    try:
        await part()
    except StorageError as error:
        return str(error)
    return None
