"""One process at a time: several may share a database, and each would do the upkeep."""

from __future__ import annotations

from storage.sessions import Connection

RETENTION = 0x666C6565_74000002  # "fleet", 2; 1 is that of migrations
ROLLUPS = 0x666C6565_74000003
PARTITIONS = 0x666C6565_74000004


def alone(connection: Connection, lock: int) -> bool:
    """Whether no other process is at it; if so, none will be until the transaction ends."""
    row = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock]).fetchone()
    return row == (True,)
