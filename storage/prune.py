"""Deleting old history now, and to the row, instead of when its whole partition is old."""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import cast

import msgspec
from psycopg import sql

from config.models import Retention
from storage import community
from storage.alone import RETENTION, alone
from storage.database import Database
from storage.edition import Edition
from storage.errors import DatabaseError
from storage.keeping import is_old
from storage.layout import LAYOUT, ROLLUPS, SAMPLED
from storage.restoring import known_version
from storage.retention import Swept, sweep_table
from storage.sessions import Connection
from storage.sizes import bytes_of

PRUNE_SECONDS = 3600.0  # for looking through a table, and for a VACUUM of one

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_ROLLED_UP = "SELECT nullif(readable_to, '-infinity') FROM rollup_progress WHERE name = %s"


class Old(msgspec.Struct, frozen=True, kw_only=True):
    """What of a table is older than `limit`: so many of its `rows`, in parts of so many bytes.

    `bytes` are an estimate by the share of rows.
    """

    table: str
    limit: datetime
    rows: int
    bytes: int


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """What went, by table, and how many bytes the tables are smaller by.

    Of deleted rows PostgreSQL keeps the space for new ones, mostly.
    """

    partitions: dict[str, int]
    rows: dict[str, int]
    freed_bytes: int


async def old_rows(
    database: Database, retention: Retention, tables: list[str], age: timedelta | None
) -> list[Old]:
    """What `prune` would delete of `tables`: all older than `age`, or than `retention` says.

    Samples that are not rolled up yet are not old.

    Raises:
        StorageError: the database is away, or refuses.
    """
    await known_version(database)
    await database.prepare()
    edition = (await database.about()).edition
    now = datetime.now(UTC)
    found = []
    with contextlib.closing(database.long_sessions(PRUNE_SECONDS)) as sessions:
        for table in tables:
            limit = now - (age or timedelta(days=getattr(retention, LAYOUT[table].kept)))
            look = functools.partial(_look, table=table, limit=limit, edition=edition)
            found.append(await sessions.run(look))
    return found


async def prune(database: Database, old: list[Old]) -> Pruned:
    """Delete what `old_rows` has found, and vacuum where rows were deleted one by one.

    Raises:
        DatabaseError: another process is deleting just now.
        StorageError: the database is away, or refuses; what is gone until then stays gone.
    """
    edition = (await database.about()).edition
    swept = Swept(Counter(), Counter())
    freed = 0
    with contextlib.closing(database.long_sessions(PRUNE_SECONDS)) as sessions:
        for each in old:
            if not each.rows:
                continue
            measure = functools.partial(bytes_of, table=each.table, edition=edition)
            before = await sessions.run(measure)
            rest = None if _whole(each.table, edition) else each.table
            await sessions.run(_see_that_nobody_else_does)
            await sweep_table(database, edition, each.table, rest, each.limit, swept)
            if swept.rows[each.table]:
                await sessions.run(functools.partial(_vacuum, table=each.table))
            freed += max(0, before - await sessions.run(measure))
    return Pruned(partitions=dict(+swept.partitions), rows=dict(+swept.rows), freed_bytes=freed)


def _look(connection: Connection, table: str, limit: datetime, edition: Edition) -> Old:
    limit = _rolled_up(connection, table, limit, edition)
    count = f"SELECT count(*), count(*) FILTER (WHERE {is_old(table)}) FROM {table}"  # noqa: S608 - names of ours
    row = connection.execute(count.encode(), [limit]).fetchone()
    total, rows = (int(str(figure)) for figure in row or (0, 0))
    size = bytes_of(connection, table, edition)
    return Old(table=table, limit=limit, rows=rows, bytes=size * rows // max(1, total))


def _rolled_up(connection: Connection, table: str, limit: datetime, edition: Edition) -> datetime:
    """`limit`, or up to where samples are rolled up; where they never were, none are old."""
    if table not in SAMPLED:
        return limit
    if edition == "timescaledb-community":
        done = community.materialized_to(connection, f"{table}_1m")
    else:
        (done,) = cast("tuple[datetime]", connection.execute(_ROLLED_UP, [table]).fetchone())
    return min(limit, done or _NEVER)


def _whole(table: str, edition: Edition) -> bool:
    """Whether only whole chunks go: what is compressed or materialized is not deleted from."""
    small = table not in ROLLUPS and LAYOUT[table].width > timedelta(days=1)
    return edition == "timescaledb-community" and not small


def _see_that_nobody_else_does(connection: Connection) -> None:
    with connection.transaction():
        free = alone(connection, RETENTION)
    if not free:
        raise DatabaseError("A running fleet is deleting old history just now. Try again soon.")


def _vacuum(connection: Connection, table: str) -> None:
    connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(table)))
