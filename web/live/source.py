"""The live fleet as the streams see it: owned here, implemented elsewhere."""

from __future__ import annotations

from typing import Literal, Protocol

from web.live.ledger import Ledger

LedgerName = Literal["hosts", "containers", "stats"]


class LiveSource(Protocol):
    """Who keeps the ledgers up to date.

    The documents are, in this order, `HostDocument`, `ContainerDocument` without its stats, and
    `SampleDocument`.
    """

    def ledger(self, name: LedgerName) -> Ledger:
        """One of the ledgers, always the same."""
        ...
