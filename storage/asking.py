"""How every query is asked: by name, its rows as records, within bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from psycopg.rows import class_row

from storage.database import Database
from storage.errors import QueryLimitError
from storage.sessions import Connection
from storage.statements import statements
from storage.tables import clean

T = TypeVar("T")

MOST_ROWS = 10_000
MOST_DAYS = 30
MOST_ROLLED_UP = timedelta(days=800)


def rows(
    connection: Connection,
    kind: type[T],
    name: str,
    wanted: Mapping[str, Any],
    marks: Mapping[str, str] | None = None,
) -> list[T]:
    """The rows of the query `name`, each as a `kind`, whose fields are the query's columns.

    `marks` are words of ours that stand for `:KEY` in the query where a value cannot stand.
    """
    sql = statements()[name]
    for mark, word in (marks or {}).items():
        sql = sql.replace(f":{mark}".encode(), word.encode())
    return connection.cursor(row_factory=class_row(kind)).execute(sql, wanted).fetchall()


async def ask(
    database: Database,
    kind: type[T],
    name: str,
    wanted: Mapping[str, Any],
    marks: Mapping[str, str] | None = None,
) -> list[T]:
    """As `rows`, on a connection for reading.

    Raises:
        StorageError: as `Database.read`.
    """
    return await database.read(lambda connection: rows(connection, kind, name, wanted, marks), name)


def labelled(labels: Sequence[tuple[str, str | None]]) -> dict[str, Any]:
    """Parameters `labels` and `keys` of queries: what is there with a value, and with any."""
    exact: dict[str, str | list[str]] = {}
    for key, value in ((clean(key), clean(value)) for key, value in labels if value is not None):
        both = exact.get(key, value) != value  # it would have to have two values: no string has
        exact[key] = [value] if both else value
    return {
        "labels": msgspec.json.encode(exact).decode(),
        "keys": [clean(key) for key, value in labels if value is None],
    }


def check_span(start: datetime, end: datetime, most: timedelta) -> None:
    """Refuse what would be read for too long.

    Raises:
        QueryLimitError: the range is empty, or longer than `most`.
    """
    if end <= start:
        raise QueryLimitError("The end of the range must come after its start.")
    if end - start > most:
        raise QueryLimitError(f"Ask for at most {most.days} days at once.")


def check_points(points: int) -> None:
    """Refuse more points than rows are answered.

    Raises:
        QueryLimitError: they are not 1 to 10,000.
    """
    if not 1 <= points <= MOST_ROWS:
        raise QueryLimitError(f"Ask for 1 to {MOST_ROWS:,} points, not {points:,}.")
