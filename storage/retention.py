"""Nothing grows without bound: history older than it should be goes.

Where tables are cut by time, whole partitions or chunks are dropped, which costs next to nothing.
Of those that are cut coarsely, what is old of the rest is deleted, a little at a time.
"""

from __future__ import annotations

import functools
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import cast

import msgspec
import trio

from config.models import Retention
from storage import community, partitions
from storage.alone import RETENTION, alone
from storage.database import Database
from storage.edition import Edition
from storage.keeping import drop_older, is_old
from storage.layout import LAYOUT, RAW, SAMPLED, Layout
from storage.sessions import Connection

CHUNK_ROWS = 5_000  # of one transaction: locks are short, and a cancel loses little
PAUSE_SECONDS = 0.05  # between chunks, for the writer

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_COARSE = timedelta(days=1)  # wider partitions than this are not waited for

# Current state, by the column that its age is told by: kept while rollups may name it.
_CURRENT = {"containers": "removed", "hosts": "seen", "docker_images": "removed"}
_NAMING = [layout for layout in LAYOUT.values() if layout.kept != "audit"]
# Who may no longer ask, by the column that tells since when; None: kept as long as the audit.
_ACCESS = (
    ("access_tokens", "revoked", None),
    ("access_tokens", "expires", None),
    ("account_sessions", "expires", 1),
    ("account_links", "expires", 1),
)


class Swept(msgspec.Struct, frozen=True):
    """What went: partitions (or chunks) and rows, by table."""

    partitions: Counter[str]
    rows: Counter[str]


async def sweep(
    database: Database,
    edition: Edition,
    retention: Retention,
    now: datetime,
    *,
    chunk_rows: int = CHUNK_ROWS,
) -> Swept:
    """Drop and delete all that is older than `retention` says; returns what went.

    Samples stay until they are rolled up. Does nothing for a table that another process is at.

    Raises:
        StorageError: as `Database.maintain`; what is gone until then stays gone.
    """
    swept = Swept(Counter(), Counter())
    for table, layout in LAYOUT.items():
        limit = now - timedelta(days=getattr(retention, layout.kept))
        if table in SAMPLED:
            rolled_up = functools.partial(_rolled_up, table=table, edition=edition, limit=limit)
            limit = await database.maintain(rolled_up)
        rest = _rest(table, layout, edition)
        await sweep_table(database, edition, table, rest, limit, swept, chunk_rows=chunk_rows)
    longest = max(getattr(retention, layout.kept) for layout in _NAMING)
    for table, column in _CURRENT.items():
        limit = now - timedelta(days=longest)
        swept.rows[table] += await _delete(database, table, column, limit, chunk_rows)
    for table, column, days in _ACCESS:
        limit = now - timedelta(days=retention.audit if days is None else days)
        swept.rows[table] += await _delete(database, table, column, limit, chunk_rows)
    return swept


async def sweep_table(
    database: Database,
    edition: Edition,
    table: str,
    rest: str | None,
    limit: datetime,
    swept: Swept,
    *,
    chunk_rows: int = CHUNK_ROWS,
) -> None:
    """Drop what of `table` is older than `limit`, and delete such rows from `rest`, if any.

    Raises:
        StorageError: as `sweep`; `swept` has what went until then.
    """
    drop = functools.partial(_drop, table=table, edition=edition, limit=limit)
    swept.partitions[table] += await database.maintain(drop)
    if rest is not None:
        swept.rows[table] += await _delete(database, rest, "time", limit, chunk_rows)


def _rolled_up(connection: Connection, table: str, edition: Edition, limit: datetime) -> datetime:
    """`limit`, or up to where the samples in `table` are rolled up, if that is earlier.

    Where none were ever by fleet itself, none are as young as retention says.
    """
    if edition == "timescaledb-community":
        return min(limit, community.materialized_to(connection, f"{table}_1m") or _NEVER)
    query = (
        "SELECT least(%s, nullif(readable_to, '-infinity')) FROM rollup_progress WHERE name = %s"
    )
    row = connection.execute(query, [limit, table]).fetchone()
    return cast("tuple[datetime]", row)[0]


def _drop(connection: Connection, table: str, edition: Edition, limit: datetime) -> int:
    with connection.transaction():
        if not alone(connection, RETENTION):
            return 0
        return drop_older(connection, table, edition, limit)


def _rest(table: str, layout: Layout, edition: Edition) -> str | None:
    """Where to look for old rows that no partition went with."""
    if layout.width > _COARSE and (table in RAW or edition != "timescaledb-community"):
        return table
    return partitions.default_of(table) if edition == "plain" else None


async def _delete(
    database: Database, table: str, column: str, limit: datetime, chunk_rows: int
) -> int:
    total, count = 0, chunk_rows
    while count >= chunk_rows:
        chunk = functools.partial(
            _delete_chunk, table=table, column=column, limit=limit, rows=chunk_rows
        )
        count = await database.maintain(chunk)
        total += count
        await trio.sleep(PAUSE_SECONDS if count >= chunk_rows else 0)
    return total


def _delete_chunk(
    connection: Connection, table: str, column: str, limit: datetime, rows: int
) -> int:
    with connection.transaction():
        if not alone(connection, RETENTION):
            return 0
        old = is_old(table, column)
        oldest = f"SELECT ctid FROM {table} WHERE {old} LIMIT %s"  # noqa: S608 - names of ours
        # In a partitioned table each partition has a row with the same ctid: hence `old` again.
        delete = f"DELETE FROM {table} WHERE ctid = ANY(ARRAY({oldest})) AND {old}"  # noqa: S608 - as above
        return connection.execute(delete.encode(), [limit, rows, limit]).rowcount
