"""Partitions of plain PostgreSQL, by time: made ahead, and dropped when all in them is old.

A DEFAULT partition takes rows of times that nobody made one for; when somebody does, they move.
Widths are whole days, counted from 1970-01-01 in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg
from psycopg import sql

from storage.alone import PARTITIONS, alone
from storage.sessions import Connection

BEHIND = timedelta(days=1)  # a batch of just before midnight
AHEAD = timedelta(days=2)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STRAYS = 100  # partitions made at a time for rows that came before theirs was there

_PARTITIONS = """
SELECT relation.relname, bounds[1]::timestamptz, bounds[2]::timestamptz
FROM pg_inherits
JOIN pg_class AS relation ON relation.oid = inhrelid,
LATERAL regexp_match(
    pg_get_expr(relpartbound, relation.oid), 'FROM \\(''(.+)''\\) TO \\(''(.+)''\\)'
) AS bounds
WHERE inhparent = %s::regclass
ORDER BY 2
"""


class Partition(msgspec.Struct, frozen=True):
    """One that holds the rows of [start, end)."""

    name: str
    start: datetime
    end: datetime


def partitions(connection: Connection, table: str) -> list[Partition]:
    """The partitions of `table`, oldest first, without the DEFAULT one."""
    rows = connection.execute(_PARTITIONS, [table]).fetchall()
    return [Partition(*row) for row in rows if row[1] is not None]  # type: ignore[arg-type] # text, and two times


def default_of(table: str) -> str:
    """The name of the DEFAULT partition."""
    return f"{table}_default"


def starts(since: datetime, until: datetime, width: timedelta) -> list[datetime]:
    """Where the partitions begin that [since, until] lies in."""
    first, last = (since - _EPOCH) // width, (until - _EPOCH) // width
    return [_EPOCH + number * width for number in range(first, last + 1)]


def make(
    connection: Connection, table: str, width: timedelta, wanted: Iterable[datetime]
) -> list[str]:
    """Make the partitions that begin at `wanted`, as far as they are missing; returns their names.

    Rows of their time in the DEFAULT partition move.
    """
    have = {partition.start for partition in partitions(connection, table)}
    return [_make(connection, table, start, start + width) for start in wanted if start not in have]


def keep_up(
    connection: Connection, table: str, width: timedelta, since: datetime, now: datetime
) -> list[str]:
    """Make the partitions of these days, and for rows from `since` on that had none.

    Returns their names; none where another process is at it. Each is made in a transaction of its
    own: one that has moved rows, and so keeps writers waiting at the DEFAULT partition, could not
    wait for the table that these hold.
    """
    until = now + AHEAD
    wanted = {
        *starts(now - BEHIND, until, width),
        *_strays(connection, table, width, since, until),
    }
    made: list[str] = []
    for start in sorted(wanted - {part.start for part in partitions(connection, table)}):
        with connection.transaction():
            if not alone(connection, PARTITIONS):
                break
            made += make(connection, table, width, [start])
    return made


def _strays(
    connection: Connection, table: str, width: timedelta, since: datetime, until: datetime
) -> list[datetime]:
    """Where partitions would begin for rows of [since, until) that are in the DEFAULT one."""
    query = sql.SQL(
        "SELECT DISTINCT date_bin(%s, time, %s) FROM {} WHERE time >= %s AND time < %s"
        " ORDER BY 1 DESC LIMIT %s"
    ).format(sql.Identifier(default_of(table)))
    values = [width, _EPOCH, since, until, _STRAYS]
    return [start for (start,) in connection.execute(query, values)]  # type: ignore[misc] # times


def drop_older(connection: Connection, table: str, limit: datetime) -> list[str]:
    """Drop the partitions with nothing younger than `limit`; returns their names."""
    old = [part.name for part in partitions(connection, table) if part.end <= limit]
    for name in old:
        connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
    return old


def _make(connection: Connection, table: str, start: datetime, end: datetime) -> str:
    names = {
        "table": sql.Identifier(table),
        "name": sql.Identifier(f"{table}_{start:%Y%m%d}"),
        "default": sql.Identifier(default_of(table)),
        "start": sql.Literal(start.isoformat()),
        "end": sql.Literal(end.isoformat()),
    }
    # Asked first: a refusal stands in the server's log as an error, for somebody to worry about.
    steps = (
        _MOVE if connection.execute(sql.SQL(_IN_DEFAULT).format(**names)).fetchone() else _CREATE
    )
    try:
        _run(connection, steps, names)
    except psycopg.errors.CheckViolation:  # rows of that time came to DEFAULT meanwhile
        _run(connection, _MOVE, names)
    return f"{table}_{start:%Y%m%d}"


def _run(connection: Connection, steps: Iterable[str], names: Mapping[str, sql.Composable]) -> None:
    with connection.transaction():
        for step in steps:
            connection.execute(sql.SQL(step).format(**names))


_IN_DEFAULT = "SELECT 1 FROM {default} WHERE time >= {start} AND time < {end} LIMIT 1"
_CREATE = ("CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ({start}) TO ({end})",)
_MOVE = (
    "LOCK TABLE {default} IN ACCESS EXCLUSIVE MODE",
    "CREATE TABLE {name} (LIKE {table} INCLUDING ALL)",
    "WITH moved AS (DELETE FROM {default} WHERE time >= {start} AND time < {end} RETURNING *)"
    " INSERT INTO {name} SELECT * FROM moved",
    "ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})",
)
