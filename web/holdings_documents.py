"""What the API answers of the database itself: the published documents, as elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from web.documents import Document


class SchemaDocument(Document, frozen=True, kw_only=True):
    """`applied` is the newest version there, 0 of an empty database; `known` that of this fleet."""

    applied: int
    known: int
    pending: tuple[str, ...]


class TableDocument(Document, frozen=True, kw_only=True):
    """One table. Times are those of its rows, None of current state and of an empty table.

    `kind` is its key of `[storage.retention]`, None of current state; `parts` are partitions or
    chunks; `rows` an estimate, None where there is none yet; `bytes` is without indexes and what is
    compressed. `retention_days` None: kept as long as anything. `deleted_next` is when its oldest
    rows are as old as that, and go, with the part they are in.
    """

    name: str
    kind: str | None
    shape: Literal["plain", "partitioned", "hypertable", "aggregate"]
    parts: int
    rows: int | None
    bytes: int
    index_bytes: int
    compressed_bytes: int
    oldest: datetime | None
    newest: datetime | None
    retention_days: int | None
    deleted_next: datetime | None = None


class RollupDocument(Document, frozen=True, kw_only=True):
    """Samples are rolled up to here. `by_itself`: the database does it, without marks of ours."""

    name: str
    by_itself: bool
    rolled_up_to: datetime | None
    late_hours: int


class HoldingsDocument(Document, frozen=True, kw_only=True):
    """`/api/storage`: which database it is, and what it holds, as it was found at `asked`.

    `edition` is `plain`, `timescaledb-apache` or `timescaledb-community`; `bytes` counts all tables
    with their indexes and what is compressed.
    """

    asked: datetime
    database: str
    edition: str
    postgresql: str
    timescaledb: str | None
    schema: SchemaDocument
    tables: tuple[TableDocument, ...]
    rollups: tuple[RollupDocument, ...]
    bytes: int
