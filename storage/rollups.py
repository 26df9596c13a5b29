"""Rollups of samples where no continuous aggregates do it: plain PostgreSQL, TimescaleDB Apache.

Each function here does one bounded step in a transaction of its own, so the work can be broken off
at any time and goes on where it was. One process at a time does it, and it alone moves:

- `up_to`, the watermark: samples older than it that are written from now on are late, and their
  writer notes the hour (`storage.late`);
- `readable_to`, which follows when everything before it is rolled up.

What was rolled up is only ever replaced by what has more samples. Samples are never changed, so
that is what a late one makes; and where retention has dropped samples, nothing is lost.
"""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import cast

import msgspec

from storage.alone import ROLLUPS, alone
from storage.edition import Edition
from storage.sessions import Connection
from storage.statements import parse

LAG = timedelta(seconds=30)  # batches are written within seconds of their samples

_LAST_KNOWN = re.compile(r"last_known\((\w+)\)")
_LAST = {
    "plain": r"(array_agg(\1 ORDER BY time DESC) FILTER (WHERE \1 IS NOT NULL))[1]",
    "timescaledb-apache": r"last(\1, time) FILTER (WHERE \1 IS NOT NULL)",
    "timescaledb-community": r"last(\1, time) FILTER (WHERE \1 IS NOT NULL)",
}


class Level(msgspec.Struct, frozen=True):
    """One step of rolling up: `source` into `target`, in buckets of `width`."""

    family: str
    source: str
    target: str
    width: timedelta

    def select(self, edition: Edition, where: str = "") -> str:
        """The query that rolls up."""
        seconds = f"interval '{self.width.total_seconds():.0f} s'"
        bucket = (
            f"time_bucket({seconds}, time)"
            if edition == "timescaledb-community"
            else f"date_bin({seconds}, time, '1970-01-01Z')"
        )
        text = _LAST_KNOWN.sub(_LAST[edition], self._text)
        return text.format(bucket=bucket, source=self.source, where=where)

    def columns(self) -> list[str]:
        """Of the target, in the order of the query."""
        return re.findall(r"(\w+),?$", self._text.split("\nFROM ")[0], re.MULTILINE)

    @property
    def _text(self) -> str:
        kind = "samples" if self.source == self.family else "rollups"
        return statement(f"{self.family}_from_{kind}")

    def start(self, time: datetime) -> datetime:
        """Of the bucket that `time` lies in."""
        return time - (time - datetime(1970, 1, 1, tzinfo=UTC)) % self.width


def levels(family: str) -> tuple[Level, Level, Level]:
    """Those of `container_stats` or `host_stats`, in the order in which they are to be done."""
    minutes, hours, days = (f"{family}_{suffix}" for suffix in ("1m", "1h", "1d"))
    return (
        Level(family, family, minutes, timedelta(minutes=1)),
        Level(family, minutes, hours, timedelta(hours=1)),
        Level(family, hours, days, timedelta(days=1)),
    )


def advance(connection: Connection, family: str, days: int, lag: timedelta = LAG) -> bool:
    """Move the watermark to `lag` before now; returns whether this process is the one to roll up.

    The first time it begins with the samples that are there, of the last `days` days.

    Raises:
        psycopg.Error: as met, here and below.
    """
    values: dict[str, object] = {"name": family, "lag": lag, "days": days}
    with connection.transaction():
        if not alone(connection, ROLLUPS):
            return False
        if connection.execute(_statements()["lock_progress"], values).fetchone() == (True,):
            begin = statement("begin").format(source=family)
            connection.execute(begin.encode(), values)
        connection.execute(_statements()["advance"], values)
    return True


def roll_up(connection: Connection, family: str, edition: Edition) -> bool:
    """Roll up what the watermark has passed, an hour at most; returns whether there was any."""
    with connection.transaction():
        if not alone(connection, ROLLUPS):
            return False
        found = connection.execute(_statements()["pending"], {"name": family}).fetchone()
        if found is None:
            return False
        start, end = cast("tuple[datetime, datetime]", found)
        _fill(connection, family, edition, start, end, None)
        connection.execute(_statements()["finish"], {"name": family, "end": end})
    return True


def roll_up_late(connection: Connection, family: str, edition: Edition) -> bool:
    """Roll up again the oldest hour that a late sample came for; returns whether there was any."""
    with connection.transaction():
        if not alone(connection, ROLLUPS):
            return False
        late = connection.execute(_statements()["late"], {"name": family}).fetchall()
        if not late:
            return False
        found = cast("list[tuple[datetime, datetime, str]]", late)
        hosts = sorted({host for _, _, host in found})
        start, end, _ = found[0]
        _fill(connection, family, edition, start, end, hosts)
    return True


def _fill(
    connection: Connection,
    family: str,
    edition: Edition,
    start: datetime,
    end: datetime,
    hosts: list[str] | None,
) -> None:
    """Bring all levels up to what there is in [start, end), which lies within one hour."""
    for level in levels(family):
        first = level.start(start)
        values = {"start": first, "end": max(end, first + level.width), "hosts": hosts}
        connection.execute(_merge(level, edition, hosts is not None), values)


@functools.cache
def _merge(level: Level, edition: Edition, some_hosts: bool) -> bytes:
    where = statement("span_of_hosts" if some_hosts else "span")
    select = level.select(edition, where)
    columns = level.columns()
    key = [name for name in ("host", "container_id", "time") if name in columns]
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
    return (
        f"INSERT INTO {level.target} AS old ({', '.join(columns)})\n{select}\n"
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"
        " WHERE excluded.samples > old.samples"
    ).encode()


@functools.cache
def _statements() -> dict[str, bytes]:
    return parse(resources.files("storage").joinpath("rollups.sql").read_text())


def statement(name: str) -> str:
    """One of `rollups.sql`."""
    return _statements()[name].decode()
