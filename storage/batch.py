"""Writing one batch: a binary COPY for each table, all in one transaction.

COPY knows no ON CONFLICT, and the way around it, a staging table, costs time. So a batch is first
copied straight into the tables. Only if it meets a row that is there already (it was written
before and the answer was lost, or an Engine told of an event twice) is it merged instead.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from operator import attrgetter

import msgspec
import psycopg

from storage.late import SAMPLES, note_late
from storage.rows import Row
from storage.sessions import Connection
from storage.tables import TABLES, Table, clean


class Batch(msgspec.Struct, frozen=True):
    """Rows to be written together, by their type."""

    rows: dict[type[Row], list[Row]]

    def __len__(self) -> int:
        return sum(map(len, self.rows.values()))

    def counts(self) -> dict[str, int]:
        """Rows by table."""
        return {TABLES[kind].name: len(rows) for kind, rows in self.rows.items()}

    def halves(self) -> tuple[Batch, Batch]:
        """Two batches of about half the rows each, in the same order."""
        flat = [row for rows in self.rows.values() for row in rows]
        middle = len(flat) // 2
        return batch_of(flat[:middle]), batch_of(flat[middle:])


def batch_of(rows: Sequence[Row]) -> Batch:
    """A batch of `rows`."""
    grouped: dict[type[Row], list[Row]] = {}
    for row in rows:
        grouped.setdefault(type(row), []).append(row)
    return Batch(grouped)


def merged(batches: Sequence[Batch]) -> Batch:
    """One batch of all rows, in the tables' own order."""
    rows = {kind: [row for batch in batches for row in batch.rows.get(kind, ())] for kind in TABLES}
    return Batch({kind: found for kind, found in rows.items() if found})


def write_batch(connection: Connection, batch: Batch) -> None:
    """Write `batch` in one transaction; each row is there once, however often this is repeated.

    Raises:
        psycopg.Error: as met; nothing of the batch has then been written, unless the connection
            was lost, when nobody knows.
    """
    try:
        _write_once(connection, batch)
    except psycopg.errors.CheckViolation:
        # No table has a check. While the rows waited to go into the DEFAULT partition, their own
        # was made; now they find it.
        _write_once(connection, batch)


def _write_once(connection: Connection, batch: Batch) -> None:
    try:
        # One COPY is a transaction by itself, and saves two of four round trips.
        alone = len(batch.rows) == 1 and not any(
            TABLES[kind].current or kind in SAMPLES for kind in batch.rows
        )
        with contextlib.nullcontext() if alone else connection.transaction():
            _write(connection, batch, merging=False)
    except psycopg.errors.UniqueViolation:
        with connection.transaction():
            _write(connection, batch, merging=True)


def _write(connection: Connection, batch: Batch, *, merging: bool) -> None:
    for kind, rows in batch.rows.items():
        table = TABLES[kind]
        if table.current or merging:
            connection.execute(table.stage().encode())
            _copy(connection, table, table.staging, _newest(table, rows) if table.current else rows)
            connection.execute(table.merge().encode())
        else:
            _copy(connection, table, table.name, rows)
    note_late(connection, batch.rows)


def _newest(table: Table, rows: list[Row]) -> list[Row]:
    """Of each key the newest row; in the order of keys, so that writers never wait in a circle."""
    try:
        newest = {
            tuple(clean(getattr(row, name)) for name in table.key): row  # as they will be stored
            for row in sorted(rows, key=attrgetter("seen"))
        }
        return [newest[known] for known in sorted(newest)]
    except (AttributeError, TypeError) as error:  # a key or a time that is none
        raise psycopg.DataError(f"{table.name}: {error}") from error


def _copy(connection: Connection, table: Table, target: str, rows: list[Row]) -> None:
    values = table.values
    try:
        with connection.cursor().copy(table.copy(target).encode()) as copy:
            copy.set_types(list(table.columns.values()))
            for row in rows:
                copy.write_row(values(row))
    except (OverflowError, TypeError, ValueError) as error:  # no such value in the column's type
        raise psycopg.DataError(f"{table.name}: {error}") from error
