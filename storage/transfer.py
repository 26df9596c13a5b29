"""History from one database into another at once, without a file in between."""

from __future__ import annotations

import contextlib
import functools

import trio

from storage.archive import Moved, Report, Sink, snapshot
from storage.archive_file import Chunk, Head
from storage.database import Database
from storage.errors import DatabaseError, StorageError
from storage.outliving import outliving
from storage.restoring import Restored, known_version, refuse_newer, restoring
from storage.sessions import Connection
from storage.shape import Report as ShapeReport

COUNT_SECONDS = 3600.0
_AHEAD = 2  # chunks that wait for the target


async def transfer(
    source: Database, target: Database, report: Report, reshaping: ShapeReport
) -> Restored:
    """Bring all history of `source` into `target`, then see that as many rows are there.

    `source` stays as it is. It does no harm to do it again.

    Raises:
        StorageError: one of them is away or refuses; what was brought until then stays.
    """
    known = await known_version(target)
    pipe = _Pipe(source)
    try:
        async with outliving(pipe.fill):
            head = await pipe.head()
            refuse_newer(head, source.where, known)
            async with restoring(target, head, report, reshaping) as into:
                async for chunk in pipe.chunks:
                    await into.add(chunk, pipe.totals.get(chunk.table))
            pipe.check()
    finally:
        pipe.close()
    await _see_that_all_came(target, into.restored)
    return into.restored


class _Pipe:
    """What comes of a snapshot."""

    def __init__(self, source: Database) -> None:
        self._source = source
        self._heads, self._head = trio.open_memory_channel[Head](1)
        self._chunks, self.chunks = trio.open_memory_channel[Chunk](_AHEAD)
        self._failure: StorageError | None = None
        self.totals: dict[str, int | None] = {}

    async def fill(self) -> None:
        """Take the snapshot; a failure is told by `head` and `check`."""
        sink = Sink(
            begin=lambda head: trio.from_thread.run(self._heads.send, head),
            add=lambda chunk: trio.from_thread.run(self._chunks.send, chunk),
        )
        async with self._heads, self._chunks:
            try:
                await snapshot(self._source, sink, self._moved)
            except StorageError as error:
                self._failure = error

    async def head(self) -> Head:
        """What comes first.

        Raises:
            StorageError: the source failed before.
        """
        async for head in self._head:
            return head
        self.check()
        raise DatabaseError(f"{self._source.where} gave nothing")

    def check(self) -> None:
        """Raise what the source failed with, if it did.

        Raises:
            StorageError: so it is.
        """
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Take nothing any more: a thread that would still send learns it."""
        self._head.close()
        self.chunks.close()

    def _moved(self, progress: Moved) -> None:
        self.totals[progress.table] = progress.total


async def _see_that_all_came(target: Database, restored: Restored) -> None:
    with contextlib.closing(target.long_sessions(COUNT_SECONDS)) as sessions:
        for table, rows in restored.rows.items():
            there = await sessions.run(functools.partial(_count, table=table))
            if there < rows:
                raise DatabaseError(
                    f"{target.where}: {table} has {there} rows, and should have {rows} at least."
                    " What they came from is as it was; try again."
                )


def _count(connection: Connection, table: str) -> int:
    row = connection.execute(b"SELECT count(*) FROM " + table.encode()).fetchone()
    return int(str(row[0])) if row else 0
