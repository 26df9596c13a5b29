"""Bringing the chunks of a snapshot into a database, whatever is there already.

Each chunk is a transaction, and each row is there once afterwards, however often it is brought: a
restore that was broken off is simply run again.
"""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import psycopg
import trio
from psycopg import sql

from storage import community, partitions
from storage.archive import Moved, Report
from storage.archive_file import ArchiveError, Chunk, Head, chunks, verify
from storage.archive_tables import Kept, archived
from storage.database import Database
from storage.edition import Edition
from storage.layout import LAYOUT, ROLLUPS, SAMPLED
from storage.schema import schema_state
from storage.sessions import Connection, Sessions
from storage.shape import Report as ShapeReport
from storage.shape import ignore

CHUNK_SECONDS = 600.0  # some ten thousand rows, each into its indexes
MOST_PARTITIONS = 400  # made for one chunk; rows of other times go to DEFAULT

_WATERMARK = "SELECT up_to > '-infinity' FROM rollup_progress WHERE name = %s FOR SHARE"
_NOTE_LATE = sql.SQL("""
INSERT INTO rollup_late (name, host, hour)
SELECT DISTINCT progress.name, host, date_bin('1 hour', time, '1970-01-01Z')
FROM {staging}, rollup_progress AS progress
WHERE progress.name = %s AND time < up_to
""")


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that were read, and rows that changed something, by table; the others were there."""

    rows: Counter[str]
    written: Counter[str]


async def restore(
    database: Database, path: Path, report: Report, reshaping: ShapeReport = ignore
) -> Restored:
    """Bring all that the archive `path` holds into the database, after looking it through.

    `report` and `reshaping` may be called in a thread.

    Raises:
        ArchiveError: it is not a whole archive, or a newer fleet's; nothing was then changed.
        StorageError: the database is away or refuses; what was brought until then stays.
    """
    archive = await trio.to_thread.run_sync(verify, path, abandon_on_cancel=True)
    refuse_newer(archive.head, str(path), await known_version(database))
    found = chunks(archive)
    async with restoring(database, archive.head, report, reshaping) as target:
        while chunk := await trio.to_thread.run_sync(next, found, None):
            await target.add(chunk, archive.manifest.rows[chunk.table])
    return target.restored


class Target:
    """Where chunks go; make it with `restoring`."""

    def __init__(self, sessions: Sessions, head: Head, edition: Edition, report: Report) -> None:
        self._sessions = sessions
        self._head = head
        self._edition = edition
        self._report = report
        self._table: str | None = None
        self.restored = Restored(rows=Counter(), written=Counter())

    async def add(self, chunk: Chunk, total: int | None) -> None:
        """Bring one chunk, in one transaction; `total` are the rows of its table.

        Raises:
            StorageError: the database is away, or refuses.
        """
        if chunk.table != self._table:
            self.finish()
            self._table = chunk.table
        columns = self._head.columns[chunk.table]
        load = _Load(archived()[chunk.table], columns, chunk.data, self._edition)
        self.restored.written[chunk.table] += await self._sessions.run(load.run)
        self.restored.rows[chunk.table] += chunk.rows
        rows = self.restored.rows[chunk.table]
        self._report(Moved(table=chunk.table, rows=rows, total=total))

    def finish(self) -> None:
        """Report that all of the last table is there."""
        if self._table is not None:
            rows = self.restored.rows[self._table]
            self._report(Moved(table=self._table, rows=rows, total=rows, done=True))


@contextlib.asynccontextmanager
async def restoring(
    database: Database, head: Head, report: Report, reshaping: ShapeReport
) -> AsyncIterator[Target]:
    """The database with its schema up to date, ready for chunks of a snapshot with this `head`."""
    await database.prepare(reshaping)
    edition = (await database.about()).edition
    with contextlib.closing(database.long_sessions(CHUNK_SECONDS)) as sessions:
        target = Target(sessions, head, edition, report)
        yield target
        target.finish()
        for table in +target.restored.written:
            if table not in ROLLUPS or edition != "timescaledb-community":
                await sessions.run(functools.partial(_analyse, table=table))


def _analyse(connection: Connection, table: str) -> None:
    """Let the planner, and who asks for sizes, know the rows before autovacuum comes by."""
    connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table)))


def refuse_newer(head: Head, source: str, known: int) -> None:
    """Refuse rows of a schema that this fleet does not know.

    Raises:
        ArchiveError: so it is.
    """
    if head.schema > known:
        raise ArchiveError(
            f"{source} has version {head.schema} of fleet's schema, and this fleet knows up to"
            f" {known}. Restore it with the release that made it, or a later one."
        )


async def known_version(database: Database) -> int:
    """The version of the schema that the database has, or will have when it is up to date.

    Raises:
        DatabaseError: the schema there is newer than this fleet, or not fleet's.
    """
    state = await database.read(functools.partial(schema_state, where=database.where))
    return state.known


class _Load:
    """One chunk on its way in."""

    def __init__(self, table: Kept, columns: Sequence[str], data: bytes, edition: Edition) -> None:
        self._table = table
        self._columns = columns
        self._data = data
        self._edition = edition

    def run(self, connection: Connection) -> int:
        """Bring the rows; returns how many changed something."""
        if self._edition == "plain" and self._table.time_at is not None:
            self._make_partitions(connection)
        try:
            with connection.transaction():
                if not self._may_copy(connection):
                    return self._merge(connection)
                return self._copy(connection, self._table.name)
        except psycopg.errors.UniqueViolation:  # some are there
            with connection.transaction():
                return self._merge(connection)

    def _may_copy(self, connection: Connection) -> bool:
        """Whether rows may go straight into the table.

        Current state and rollups have to be compared; of samples that come after their time was
        rolled up the hours are noted.
        """
        name, written = self._table.name, self._table.written
        if written is None:
            return self._edition != "timescaledb-community"
        if name in SAMPLED:
            return connection.execute(_WATERMARK, [name]).fetchone() != (True,)
        return not written.current

    def _copy(self, connection: Connection, target: str) -> int:
        cursor = connection.cursor()
        with cursor.copy(self._table.copy(target, self._columns)) as copy:
            copy.write(self._data)
        return cursor.rowcount

    def _merge(self, connection: Connection) -> int:
        connection.execute(self._table.stage().encode())
        self._copy(connection, self._table.staging)
        if self._edition == "timescaledb-community" and self._table.name in ROLLUPS:
            return _materialize(connection, self._table, self._columns)
        merged = connection.execute(self._table.merge(self._columns)).rowcount
        for statement in self._table.remember():
            connection.execute(statement)
        if merged and self._table.name in SAMPLED:
            staging = sql.Identifier(self._table.staging)
            connection.execute(_WATERMARK, [self._table.name])
            connection.execute(_NOTE_LATE.format(staging=staging), [self._table.name])
        return merged

    def _make_partitions(self, connection: Connection) -> None:
        name, width = self._table.name, LAYOUT[self._table.name].width
        place = self._columns.index("time")
        days = {line.split(b"\t", place + 1)[place][:10] for line in self._data.splitlines()}
        found = sorted(filter(None, map(_day, days)), reverse=True)[:MOST_PARTITIONS]
        wanted = {start for day in found for start in partitions.starts(day, day, width)}
        partitions.make(connection, name, width, sorted(wanted))


def _day(text: bytes) -> datetime | None:
    try:
        day = datetime.fromisoformat(text.decode()).replace(tzinfo=UTC)
    except ValueError:
        return None  # infinity, or before Christ
    return day if day.year >= 2000 and day < datetime.now(UTC) + timedelta(days=2) else None


def _materialize(connection: Connection, table: Kept, columns: Sequence[str]) -> int:
    """Put staged rollups among what is materialized of the continuous aggregate.

    That has no key. The database's own refresh goes over times that have samples once more.
    """
    target = sql.Identifier(*community.materialized(connection, table.name))
    parts = {
        "target": target,
        "staging": sql.Identifier(table.staging),
        "columns": sql.SQL(", ").join(map(sql.Identifier, columns)),
        "same": sql.SQL(" AND ").join(
            sql.SQL("old.{0} = staged.{0}").format(sql.Identifier(name)) for name in table.key
        ),
    }
    for statement in _MATERIALIZE:
        rows = connection.execute(sql.SQL(statement).format(**parts)).rowcount
    return rows


_MATERIALIZE = (
    "DELETE FROM {target} AS old USING {staging} AS staged"
    " WHERE {same} AND staged.samples > old.samples",
    "INSERT INTO {target} ({columns}) SELECT {columns} FROM {staging} AS staged"
    " WHERE NOT EXISTS (SELECT FROM {target} AS old WHERE {same})",
)
