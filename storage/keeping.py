"""What is old, and what stays though it is: the row that tells what a name still means."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from psycopg import sql

from storage import partitions
from storage.edition import Edition
from storage.sessions import Connection

# Written when a name newly meant an image, which may be long ago: it is still so while it is the
# name's last row, and the image is there and called so.
_STILL_MEANT = """(
    NOT EXISTS (
        SELECT FROM image_versions AS later
        WHERE later.host = image_versions.host AND later.reference = image_versions.reference
          AND later.time > image_versions.time
    ) AND EXISTS (
        SELECT FROM docker_images
        WHERE docker_images.host = image_versions.host
          AND docker_images.id = image_versions.image_id
          AND docker_images.removed IS NULL
          AND (docker_images.tags || docker_images.digests) ? image_versions.reference
    )
)"""
_STAYS = {"image_versions": _STILL_MEANT}


def is_old(table: str, column: str = "time") -> str:
    """The condition, with one parameter, of rows of `table` that may go."""
    older = f"{table}.{column} < %s"
    return f"{older} AND NOT {_STAYS[table]}" if table in _STAYS else older


def drop_older(connection: Connection, table: str, edition: Edition, limit: datetime) -> int:
    """Drop the partitions or chunks with nothing younger than `limit`; returns how many.

    Where some rows stay, those go that are empty: their rows are deleted one by one.
    """
    if table in _STAYS:
        return _drop_empty(connection, _older(connection, table, edition, limit))
    if edition == "plain":
        return len(partitions.drop_older(connection, table, limit))
    return connection.execute("SELECT drop_chunks(%s, %s)", [table, limit]).rowcount


def _older(
    connection: Connection, table: str, edition: Edition, limit: datetime
) -> list[sql.Composable]:
    if edition == "plain":
        found = partitions.partitions(connection, table)
        return [sql.Identifier(part.name) for part in found if part.end <= limit]
    query = (
        "SELECT nspname, relname FROM show_chunks(%s, older_than => %s) AS chunk"
        " JOIN pg_class ON pg_class.oid = chunk JOIN pg_namespace AS n ON n.oid = relnamespace"
    )
    rows = connection.execute(query, [table, limit]).fetchall()
    return [sql.Identifier(str(schema), str(name)) for schema, name in rows]


def _drop_empty(connection: Connection, parts: Iterable[sql.Composable]) -> int:
    dropped = 0
    for part in parts:
        if not connection.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(part)).fetchall():
            connection.execute(sql.SQL("DROP TABLE {}").format(part))
            dropped += 1
    return dropped
