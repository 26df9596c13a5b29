"""Nothing grows without bound: history older than it should be is deleted, a little at a time."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import trio

from storage.database import Database
from storage.errors import StorageError
from storage.sessions import Connection

_log = logging.getLogger(__name__)

EVERY_SECONDS = 3600.0
CHUNK_ROWS = 5_000  # of one transaction: locks are short, and a cancel loses little
PAUSE_SECONDS = 0.05  # between chunks, for the writer

_LOCK = 0x666C6565_74000002  # "fleet", 2: one process at a time deletes

# Each table with the column that its age is told by.
_AGED = {
    "container_stats": "time",
    "host_health": "time",
    "container_events": "time",
    "containers": "removed",
    "hosts": "seen",
}


async def keep_retention(database: Database, days: int) -> None:
    """Delete what is older than `days`, now and every hour; runs until cancelled.

    A database that is away is left for the next time.
    """
    while True:
        try:
            deleted = await delete_older(database, datetime.now(UTC) - timedelta(days=days))
        except StorageError as error:
            _log.warning("Old history is not deleted now: %s", error)
        else:
            _log.debug("Deleted history older than %d days: %s", days, deleted)
        await trio.sleep(EVERY_SECONDS)


async def delete_older(
    database: Database, limit: datetime, *, chunk_rows: int = CHUNK_ROWS
) -> dict[str, int]:
    """Delete all rows older than `limit`; returns how many, by table.

    Raises:
        StorageError: as `Database.maintain`; what was deleted until then stays deleted.
    """
    deleted = dict.fromkeys(_AGED, 0)
    for table, column in _AGED.items():
        count = chunk_rows
        while count >= chunk_rows:
            count = await database.maintain(
                lambda connection, table=table, column=column: _delete_chunk(  # type: ignore[misc] # bound at once
                    connection, table, column, limit, chunk_rows
                )
            )
            deleted[table] += count
            await trio.sleep(PAUSE_SECONDS if count >= chunk_rows else 0)
    return deleted


def _delete_chunk(
    connection: Connection, table: str, column: str, limit: datetime, rows: int
) -> int:
    with connection.transaction():
        locked = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK]).fetchone()
        if locked != (True,):
            return 0  # another process is at it
        oldest = f"SELECT ctid FROM {table} WHERE {column} < %s LIMIT %s"  # noqa: S608 - names of ours
        # In a partitioned table each partition has a row with the same ctid: hence the age again.
        delete = f"DELETE FROM {table} WHERE ctid = ANY(ARRAY({oldest})) AND {column} < %s"  # noqa: S608 - as above
        return connection.execute(delete.encode(), [limit, rows, limit]).rowcount
