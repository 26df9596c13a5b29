"""Looks into the database as a whole for the API: one at a time, and not for each who asks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import anyio
import msgspec
from msgspec.structs import asdict

from config.models import Retention
from storage.database import Database
from storage.errors import StorageError
from storage.layout import LAYOUT
from storage.sizes import Holdings, TableSize, holdings
from web.history import HistoryUnavailable
from web.holdings_documents import HoldingsDocument, RollupDocument, SchemaDocument, TableDocument

KEPT = timedelta(seconds=60)
SECONDS = 60.0  # for one look; a table is waited for ten at most


class StoredHoldings:
    """Implements `web.holdings.Holdings`.

    Args:
        database: What is looked into.
        retention: How long rows are kept, as it is now.
    """

    def __init__(self, database: Database, retention: Callable[[], Retention]) -> None:
        self._database = database
        self._retention = retention
        self._turn = anyio.Lock()
        self.newest: HoldingsDocument | None = None

    async def look(self) -> HoldingsDocument:
        """What is there, at most a minute old."""
        try:
            with anyio.fail_after(SECONDS):
                async with self._turn:
                    known = self.newest
                    if known is None or datetime.now(UTC) - known.asked >= KEPT:
                        found = await holdings(self._database, self._retention())
                        known = self.newest = document_of(found, datetime.now(UTC))
                    return known
        except StorageError as error:
            raise HistoryUnavailable(str(error)) from error
        except TimeoutError as error:
            raise HistoryUnavailable(
                f"The database did not tell what it holds within {SECONDS:.0f} s."
            ) from error


def document_of(found: Holdings, asked: datetime) -> HoldingsDocument:
    """What was found, as it is shown."""
    return HoldingsDocument(
        asked=asked,
        database=found.where,
        edition=found.server.edition,
        postgresql=found.server.version,
        timescaledb=found.server.timescaledb,
        schema=msgspec.convert(found.schema, SchemaDocument, from_attributes=True),
        tables=tuple(map(_table, found.tables)),
        rollups=msgspec.convert(found.rollups, tuple[RollupDocument, ...], from_attributes=True),
        bytes=sum(one.bytes + one.index_bytes + one.compressed_bytes for one in found.tables),
    )


def _table(found: TableSize) -> TableDocument:
    kind = LAYOUT[found.name].kept if found.name in LAYOUT else None
    end: datetime | None = None
    if found.oldest is not None and found.retention_days is not None:
        end = found.oldest + timedelta(days=found.retention_days)
    return TableDocument(**asdict(found), kind=kind, deleted_next=end)
