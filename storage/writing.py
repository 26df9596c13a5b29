"""Writing one batch for good: rows that the database refuses are found and left out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from storage.batch import Batch, write_batch
from storage.errors import RefusedRowsError
from storage.sessions import Connection

Writer = Callable[[Callable[[Connection], None]], Awaitable[None]]
"""`Database.write` or `Database.replay`."""


class Refusal(msgspec.Struct, frozen=True):
    """One row that is refused: its table, and why."""

    table: str
    reason: str


async def write_rows(write: Writer, batch: Batch) -> list[Refusal]:
    """Write `batch`, but for the rows that are refused, which are returned.

    Raises:
        StorageError: the database is away or refuses altogether; then some rows may be written.
    """
    try:
        await write(lambda connection: write_batch(connection, batch))
    except RefusedRowsError as error:
        if len(batch) == 1:
            (table,) = batch.counts()
            return [Refusal(table, str(error))]
        return [refusal for half in batch.halves() for refusal in await write_rows(write, half)]
    return []
