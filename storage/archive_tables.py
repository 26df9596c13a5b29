"""What an archive holds: every table that cannot be made anew, and how its rows are taken back.

Not in it are marks of progress: how far samples are rolled up, each database finds out by itself.
Nor sessions and links for logging in: who has one logs in again.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

import msgspec

from storage.layout import SAMPLED
from storage.rollups import levels
from storage.sessions import Connection
from storage.shape import ASIDE
from storage.tables import TABLES, Table

_COLUMNS = """
SELECT relname, attname
FROM pg_class
JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
WHERE relnamespace = to_regnamespace(current_schema()::text) AND relkind IN ('r', 'p', 'v')
ORDER BY relname, attnum
"""


# Who may ask, by names that must not be given twice: what is there stays as it is.
_ALLOWED = {
    "access_tokens": (
        *("id", "name", "hash", "role", "scope", "created", "created_by"),
        *("expires", "revoked", "revoked_by"),
    ),
    "accounts": (
        *("name", "password", "issuer", "subject", "role", "scope", "created", "created_by"),
        *("changed", "disabled", "last_login"),
    ),
}


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One table of the archive. `written` is its definition where batches are written to it."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    written: Table | None = None

    @property
    def time_at(self) -> int | None:
        """The place of the column that history is cut by; None of what is."""
        if "time" not in self.columns:
            return None
        return self.columns.index("time")

    @property
    def staging(self) -> str:
        """The temporary table that a merge goes through."""
        return f"staged_{self.name}"

    def stage(self) -> str:
        """SQL for the staging table, made once in a connection and emptied by each commit."""
        return (
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {self.staging}"
            f" (LIKE {self.name}) ON COMMIT DELETE ROWS"
        )

    def copy(self, target: str, columns: Sequence[str]) -> bytes:
        """SQL for a COPY of text into `target`."""
        return f"COPY {target} ({', '.join(columns)}) FROM STDIN".encode()

    def merge(self, columns: Sequence[str]) -> bytes:
        """SQL that moves what is staged into the table, each key once.

        Of current state the row that was seen last wins, of rollups the one of more samples, of
        tokens and accounts the one that is there.
        """
        if self.written is not None:
            types = {name: self.written.columns[name] for name in columns}
            return msgspec.structs.replace(self.written, columns=types).merge().encode()
        names = ", ".join(columns)
        if self.name in _ALLOWED:
            return (
                f"INSERT INTO {self.name} ({names}) SELECT {names} FROM {self.staging}"  # noqa: S608 - names of ours
                " ON CONFLICT DO NOTHING"
            ).encode()
        changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in self.key)
        return (
            f"INSERT INTO {self.name} AS old ({names}) SELECT {names} FROM {self.staging}"  # noqa: S608 - names of ours
            f" ON CONFLICT ({', '.join(self.key)}) DO UPDATE SET {changes}"
            " WHERE excluded.samples > old.samples"
        ).encode()

    def remember(self) -> list[bytes]:
        """SQL that keeps the earlier of two times where a column stays as it was first written."""
        if self.written is None:
            return []
        same = " AND ".join(f"old.{name} = staged.{name}" for name in self.key)
        return [
            f"UPDATE {self.name} AS old SET {name} = staged.{name} FROM {self.staging} AS staged"  # noqa: S608 - names of ours
            f" WHERE {same} AND staged.{name} < old.{name}".encode()
            for name in self.written.kept
        ]


@functools.cache
def archived() -> dict[str, Kept]:
    """All tables by name, rollups after what they are made of."""
    written = [
        Kept(name=table.name, columns=tuple(table.columns), key=table.key, written=table)
        for table in TABLES.values()
    ]
    rollups = []
    for level in (level for family in SAMPLED for level in levels(family)):
        columns = tuple(level.columns())
        key = tuple(name for name in ("host", "container_id", "time") if name in columns)
        rollups.append(Kept(name=level.target, columns=columns, key=key))
    allowed = [
        Kept(name=name, columns=columns, key=columns[:1]) for name, columns in _ALLOWED.items()
    ]
    return {kept.name: kept for kept in (*written, *rollups, *allowed)}


def columns_there(connection: Connection) -> dict[str, list[str]]:
    """Those tables of the archive that the database has, each with the columns that it has.

    A database of an older release has fewer.
    """
    rows = connection.execute(_COLUMNS).fetchall()
    there = {
        str(table): {str(column) for _, column in columns}
        for table, columns in groupby(rows, itemgetter(0))
    }
    return {
        name: [column for column in kept.columns if column in there[name]]
        for name, kept in archived().items()
        if name in there
    }


def being_reshaped(connection: Connection) -> list[str]:
    """Tables whose rows are on their way to a new shape."""
    names = [f"{name}{ASIDE}" for name in archived()]
    query = """
        SELECT relname FROM pg_class
        WHERE relnamespace = to_regnamespace(current_schema()::text) AND relname = ANY(%s)
    """
    rows = connection.execute(query, [names])
    return [str(name).removesuffix(ASIDE) for (name,) in rows]
