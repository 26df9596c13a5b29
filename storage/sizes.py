"""What a database holds: shape, rows, bytes and times of each table, and how far rollups are."""

from __future__ import annotations

import contextlib
import functools
from datetime import datetime
from importlib import resources
from itertools import groupby
from operator import attrgetter
from typing import Literal, cast

import msgspec
import psycopg

from config.models import Retention
from storage import partitions
from storage.archive_tables import archived
from storage.database import Database
from storage.edition import About, Edition, about
from storage.layout import LAYOUT, ROLLUPS
from storage.schema import SchemaState, schema_state
from storage.sessions import Connection
from storage.statements import parse

Shape = Literal["plain", "partitioned", "hypertable", "aggregate"]

LOOK_SECONDS = 300.0
QUERY_TIMEOUT = "10s"
EXACT_BYTES = 64 * 2**20  # of a part that was never analysed: so much is counted instead
_EMPTY_ENDS = 8  # parts that are looked into for the oldest and for the newest row


class TableSize(msgspec.Struct, frozen=True, kw_only=True):
    """One table. Times are those of its rows, None of current state and of an empty table.

    Attributes:
        parts: partitions or chunks.
        rows: an estimate, None where there is none yet.
        bytes: of the rows, without indexes and what is compressed.
        retention_days: None of current state, which is kept as long as anything.
    """

    name: str
    shape: Shape
    parts: int
    rows: int | None
    bytes: int
    index_bytes: int
    compressed_bytes: int
    oldest: datetime | None
    newest: datetime | None
    retention_days: int | None


class RollupState(msgspec.Struct, frozen=True, kw_only=True):
    """A family of rollups. `by_itself`: the database does it, without marks of ours."""

    name: str
    by_itself: bool
    rolled_up_to: datetime | None
    late_hours: int


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """All that a database tells about itself."""

    where: str
    server: About
    schema: SchemaState
    tables: list[TableSize]
    rollups: list[RollupState]


class _Part(msgspec.Struct, frozen=True):
    table: str
    relation: str
    depth: int
    kind: str
    bytes: int
    index_bytes: int
    rows: float | None


async def holdings(database: Database, retention: Retention) -> Holdings:
    """Look at everything; changes nothing, and works in a database that fleet never used.

    Raises:
        DatabaseError: the schema is newer than this fleet, or not fleet's.
        StorageError: the database is away, or refuses.
    """
    look = functools.partial(_look, where=database.where, retention=retention)
    with contextlib.closing(database.long_sessions(LOOK_SECONDS)) as sessions:
        return await sessions.run(look)


def _look(connection: Connection, where: str, retention: Retention) -> Holdings:
    connection.execute("SET default_transaction_read_only TO on")
    connection.execute("SELECT set_config('statement_timeout', %s, false)", [QUERY_TIMEOUT])
    schema = schema_state(connection, where)
    server = about(connection)
    tables = _tables(connection, server.edition, retention) if schema.applied else []
    there = {table.name for table in tables}
    rollups = _rollups(connection) if there >= ROLLUPS.keys() else []
    return Holdings(where=where, server=server, schema=schema, tables=tables, rollups=rollups)


def bytes_of(connection: Connection, table: str, edition: Edition) -> int:
    """What `table` takes on disk, with its indexes and what is compressed."""
    relation = _relations(connection, edition)[table]
    compressed, _ = _compressed(connection, edition, relation)
    parts = _parts(connection, {table: relation})
    return compressed + sum(part.bytes + part.index_bytes for part in parts)


def _relations(connection: Connection, edition: Edition) -> dict[str, str]:
    """Where the rows of each table are: of an aggregate in what is materialized."""
    relations = {name: name for name in archived()}
    if edition == "timescaledb-community":
        relations |= dict(cast("list[tuple[str, str]]", _run(connection, "aggregates")))
    return relations


def _parts(connection: Connection, relations: dict[str, str]) -> list[_Part]:
    wanted = {"names": list(relations), "relations": list(relations.values())}
    return [_Part(*row) for row in _run(connection, "relations", wanted)]  # type: ignore[arg-type] # as selected


def _compressed(connection: Connection, edition: Edition, relation: str) -> tuple[int, int]:
    """Bytes of what is compressed, and the rows in it."""
    if edition != "timescaledb-community":
        return 0, 0
    size, rows = _run(connection, "compressed", {"relation": relation})[0]
    return int(str(size or 0)), int(str(rows or 0))


def _tables(connection: Connection, edition: Edition, retention: Retention) -> list[TableSize]:
    relations = _relations(connection, edition)
    found = _parts(connection, relations)
    return [
        _table(connection, edition, retention, relations[name], list(parts))
        for name, parts in groupby(found, attrgetter("table"))
    ]


def _table(
    connection: Connection,
    edition: Edition,
    retention: Retention,
    relation: str,
    parts: list[_Part],
) -> TableSize:
    name = parts[0].table
    compressed, packed = _compressed(connection, edition, relation)
    counts = [_rows(connection, part) for part in parts]
    oldest, newest = None, None
    if name in LAYOUT:
        oldest, newest = _times(connection, edition, relation, parts)
    return TableSize(
        name=name,
        shape=_shape(edition, relation, parts),
        parts=max(0, len(parts) - 1),
        rows=None if None in counts else round(sum(filter(None, counts))) + packed,
        bytes=sum(part.bytes for part in parts),
        index_bytes=sum(part.index_bytes for part in parts),
        compressed_bytes=compressed,
        oldest=oldest,
        newest=newest,
        retention_days=getattr(retention, LAYOUT[name].kept) if name in LAYOUT else None,
    )


def _shape(edition: Edition, relation: str, parts: list[_Part]) -> Shape:
    if relation != parts[0].table:
        return "aggregate"
    if any(part.kind == "p" for part in parts):
        return "partitioned"
    return "hypertable" if edition != "plain" and parts[0].table in LAYOUT else "plain"


def _rows(connection: Connection, part: _Part) -> float | None:
    if part.rows is not None or part.bytes > EXACT_BYTES:
        return part.rows
    count = "SELECT count(*) FROM ONLY " + part.relation  # noqa: S608 - a name as the server quotes it
    row = connection.execute(count.encode()).fetchone()
    return float(str(row[0])) if row else None


def _times(
    connection: Connection, edition: Edition, relation: str, parts: list[_Part]
) -> tuple[datetime | None, datetime | None]:
    """The oldest and the newest time, looked for in the parts at either end."""
    if edition == "plain":
        ordered = [part.name for part in partitions.partitions(connection, relation)]
        others = [part.relation for part in parts if part.relation not in ordered and part.bytes]
    else:
        ordered = [str(name) for (name,) in _run(connection, "chunks", {"relation": relation})]
        others = [part.relation for part in parts if part.depth == 0 and part.bytes]
    found = [time for name in others for time in _ends(connection, name)]
    for end, names in ((0, ordered), (1, ordered[::-1])):
        times = (_ends(connection, name)[end] for name in names[:_EMPTY_ENDS])
        found.append(next(filter(None, times), None))
    known = [time for time in found if time is not None]
    return (min(known), max(known)) if known else (None, None)


def _ends(connection: Connection, relation: str) -> tuple[datetime | None, datetime | None]:
    query = "SELECT min(time), max(time) FROM " + relation  # noqa: S608 - a name as the server quotes it
    try:
        row = connection.execute(query.encode()).fetchone()
    except psycopg.errors.QueryCanceled:  # more than can be read in the time for a query
        return None, None
    return cast("tuple[datetime | None, datetime | None]", row)


def _rollups(connection: Connection) -> list[RollupState]:
    return [
        RollupState(
            name=str(name),
            by_itself=by_itself is True,
            rolled_up_to=cast("datetime | None", readable_to),
            late_hours=int(str(late)),
        )
        for name, by_itself, readable_to, late in _run(connection, "progress")
    ]


def _run(
    connection: Connection, name: str, values: dict[str, object] | None = None
) -> list[tuple[object, ...]]:
    return connection.execute(_statements()[name], values or {}).fetchall()


@functools.cache
def _statements() -> dict[str, bytes]:
    return parse(resources.files("storage").joinpath("sizes.sql").read_text())
