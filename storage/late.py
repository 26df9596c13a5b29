"""Samples that come after their time was rolled up: their hours have to be rolled up again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from storage.rollups import statement
from storage.rows import HostStatsRow, Row, StatsRow
from storage.sessions import Connection
from storage.tables import TABLES, clean

SAMPLES = (StatsRow, HostStatsRow)


def note_late(connection: Connection, rows: Mapping[type[Row], Sequence[Row]]) -> None:
    """Note the hours of the samples among `rows` that are older than the watermark of their kind.

    Belongs into the transaction that writes them: until it ends, the watermark stays.

    Raises:
        psycopg.Error: as met.
    """
    oldest: dict[tuple[str, str, datetime], datetime] = {}
    for kind in SAMPLES:
        name = TABLES[kind].name
        for row in cast("Sequence[StatsRow | HostStatsRow]", rows.get(kind, ())):
            hour = row.time.replace(minute=0, second=0, microsecond=0)
            key = name, row.host, hour
            oldest[key] = min(row.time, oldest.get(key, row.time))
    if oldest:
        names, hosts, hours = zip(*oldest, strict=True)
        values = {
            "names": list(names),
            "hosts": [clean(host) for host in hosts],
            "hours": list(hours),
            "oldest": list(oldest.values()),
        }
        connection.execute(statement("note_late").encode(), values)
