"""Taking all of fleet's history out of a database as one consistent snapshot, in chunks.

The chunks are text, so that neither the edition nor the version of the server that they came from
matters to the one that they go to.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec
import trio

from storage.archive_file import FORMAT, ArchiveError, ArchiveWriter, Chunk, Head, Manifest
from storage.archive_tables import being_reshaped, columns_there
from storage.database import Database
from storage.edition import about
from storage.errors import DatabaseAwayError, DatabaseError
from storage.outliving import outliving
from storage.schema import schema_state
from storage.sessions import Connection

P = TypeVar("P", Head, Chunk)

CHUNK_BYTES = 4 * 2**20
SNAPSHOT_SECONDS = 7 * 86_400.0
STALL_SECONDS = 900.0  # without a row

_AS_TEXT = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "SET LOCAL datestyle = 'ISO, YMD'",
    "SET LOCAL extra_float_digits = 1",  # the shortest text that is exactly the same number
)
_ESTIMATE = """
SELECT sum(greatest(reltuples, 0))::bigint
FROM pg_class
WHERE oid = %(table)s::regclass
   OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = %(table)s::regclass)
"""


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """How far a table is. `total` may be an estimate, and is None where there is none."""

    table: str
    rows: int
    total: int | None
    done: bool = False


Report = Callable[[Moved], None]


class Sink(msgspec.Struct, frozen=True, kw_only=True):
    """Where a snapshot goes: first `begin`, then `add` each chunk; both are called in a thread."""

    begin: Callable[[Head], None]
    add: Callable[[Chunk], None]


async def backup(database: Database, target: Path, report: Report) -> Manifest:
    """Write an archive of all history to `target`; it is there as a whole or not at all.

    `report` is called in a thread. Memory is bounded: some chunks of `CHUNK_BYTES`.

    Raises:
        ArchiveError: the file cannot be written.
        StorageError: the database is away, or refuses.
    """
    unfinished = target.with_name(f"{target.name}.part")
    try:
        with _opened(unfinished) as file:
            manifest = await write_archive(database, file, report)
            await trio.to_thread.run_sync(_sync, file)
        await trio.to_thread.run_sync(_rename, unfinished, target)
    except OSError as error:
        raise _unwritten(target, error) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return manifest


async def write_archive(database: Database, file: BinaryIO, report: Report) -> Manifest:
    """As `backup`, into an open file, which need not be one that can be sought in.

    Raises:
        OSError: as met in writing.
    """
    writer = ArchiveWriter(file)
    sink = Sink(begin=_told_apart(writer.begin), add=_told_apart(writer.add))
    try:
        await snapshot(database, sink, report)
    except ArchiveError as error:
        raise (error.__cause__ or error) from None
    return await trio.to_thread.run_sync(writer.finish)


async def snapshot(database: Database, sink: Sink, report: Report) -> None:
    """Send everything to `sink` as of one moment, tables in the order of `archived`.

    Raises:
        StorageError: the database is away, refuses, or has nothing of fleet's.
    """
    taking = _Taking(database.where, sink, report)
    sessions = database.long_sessions(SNAPSHOT_SECONDS)
    with contextlib.closing(sessions), trio.CancelScope() as scope:
        async with outliving(taking.watch, scope):
            await sessions.run(taking.take)
        return
    raise DatabaseAwayError(f"{database.where}: no row came for {STALL_SECONDS:.0f} s")


class _Taking:
    """One snapshot under way."""

    def __init__(self, where: str, sink: Sink, report: Report) -> None:
        self._where = where
        self._sink = sink
        self._report = report
        self._chunks = 0

    async def watch(self, scope: trio.CancelScope) -> None:
        """Cancel `scope` when nothing comes any more."""
        seen = -1
        while seen != self._chunks:
            seen = self._chunks
            await trio.sleep(STALL_SECONDS)
        scope.cancel()

    def take(self, connection: Connection) -> None:
        """Send all of it, in a thread."""
        with connection.transaction():
            for statement in _AS_TEXT:
                connection.execute(statement.encode())
            head = self._head(connection)
            self._sink.begin(head)
            for table, columns in head.columns.items():
                self._take_table(connection, table, columns)

    def _head(self, connection: Connection) -> Head:
        schema = schema_state(connection, self._where).applied
        if not schema:
            raise DatabaseError(f"{self._where} holds nothing of fleet's yet.")
        if moving := being_reshaped(connection):
            raise DatabaseError(
                f"{self._where}: rows of {', '.join(moving)} are on their way to another shape of"
                " the table. Finish that first with `fleet db migrate`."
            )
        known = about(connection)
        return Head(
            format=FORMAT,
            schema=schema,
            edition=known.edition,
            postgresql=known.version,
            timescaledb=known.timescaledb,
            created=datetime.now(UTC),
            columns=columns_there(connection),
        )

    def _take_table(self, connection: Connection, table: str, columns: list[str]) -> None:
        estimate = connection.execute(_ESTIMATE, {"table": table}).fetchone()
        total = int(str(estimate[0])) if estimate and estimate[0] else None
        taken = number = 0
        lines: list[bytes] = []
        size = 0
        select = f"COPY (SELECT {', '.join(columns)} FROM {table}) TO STDOUT"  # noqa: S608 - names of ours
        self._report(Moved(table=table, rows=0, total=total))
        with connection.cursor().copy(select.encode()) as copy:
            for line in copy:  # one row each
                lines.append(bytes(line))
                size += len(line)
                if size >= CHUNK_BYTES:
                    taken, number = taken + len(lines), number + 1
                    self._give(table, number, lines)
                    self._report(Moved(table=table, rows=taken, total=total))
                    lines, size = [], 0
        if lines:
            taken, number = taken + len(lines), number + 1
            self._give(table, number, lines)
        self._report(Moved(table=table, rows=taken, total=taken, done=True))

    def _give(self, table: str, number: int, lines: list[bytes]) -> None:
        data = b"".join(lines)
        self._sink.add(Chunk(table=table, number=number, rows=len(lines), data=data))
        self._chunks += 1


def _told_apart(write: Callable[[P], None]) -> Callable[[P], None]:
    """`write`, whose failures are not to be taken for those of a connection."""

    def wrapped(part: P) -> None:
        try:
            write(part)
        except OSError as error:
            raise ArchiveError(str(error)) from error

    return wrapped


def _opened(path: Path) -> BinaryIO:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    return os.fdopen(descriptor, "wb")


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _rename(unfinished: Path, target: Path) -> None:
    unfinished.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _unwritten(target: Path, error: OSError) -> ArchiveError:
    return ArchiveError(
        f"{target} cannot be written: {error.strerror or error}. Nothing was left there; choose a"
        " folder with enough room."
    )
