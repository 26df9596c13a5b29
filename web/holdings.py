"""What the web asks of the database as a whole: owned here, implemented elsewhere."""

from __future__ import annotations

from typing import Protocol

from web.holdings_documents import HoldingsDocument


class Holdings(Protocol):
    """Looks into the database, now and then."""

    @property
    def newest(self) -> HoldingsDocument | None:
        """What was found last."""
        ...

    async def look(self) -> HoldingsDocument:
        """What is there, at most a minute old.

        Raises:
            HistoryUnavailable: The database is away, or refuses.
        """
        ...
