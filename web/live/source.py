"""The live fleet as the streams see it: owned here, implemented elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from web.live.ledger import Entry

LedgerName = Literal["hosts", "containers", "stats"]


class Readable(Protocol):
    """What readers need of a `web.live.ledger.Ledger`, which says what each of it means."""

    @property
    def name(self) -> str:
        """What a snapshot calls the things."""
        ...

    @property
    def mark(self) -> str:
        """Of the process that numbers."""
        ...

    @property
    def version(self) -> int:
        """The number of the last change."""
        ...

    @property
    def oldest(self) -> int:
        """Who knows all up to this version can be told of everything since."""
        ...

    def present(self) -> list[Entry]:
        """All that are there now."""
        ...

    def since(self, version: int) -> list[Entry]:
        """What changed after a version."""
        ...

    def is_newest(self, entry: Entry) -> bool:
        """Whether the thing has had no other state since."""
        ...

    def skipped(self, version: int, changed: int, wanted: Sequence[Entry]) -> int | None:
        """How many states after `version` are not among the newest ones."""
        ...

    async def beyond(self, version: int) -> None:
        """Wait until something changed after a version."""
        ...


class LiveSource(Protocol):
    """Who keeps the ledgers up to date.

    The documents are, in this order, `HostDocument`, `ContainerDocument` without its stats, and
    `SampleDocument`.
    """

    def ledger(self, name: LedgerName) -> Readable:
        """One of the ledgers, always the same."""
        ...
