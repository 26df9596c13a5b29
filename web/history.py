"""What the web asks of the database: owned here, implemented over storage's queries elsewhere.

All methods may wait for the database and answer within its statement timeout, or raise
`HistoryUnavailable`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from web.documents import EventDocument, HealthPointDocument
from web.history_documents import StatsPointDocument


class HistoryUnavailable(Exception):  # noqa: N818 - a state of the database, not a mistake
    """History cannot be read now. The message says why, in a sentence for people."""


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which events are wanted; None or empty means any.

    `container` is a name or the beginning of an id (at least 4 characters). `since` is inclusive,
    `before` exclusive.
    """

    host: str | None = None
    type: str | None = None
    action: str | None = None
    container: str | None = None
    since: datetime | None = None
    before: datetime | None = None


class History(Protocol):
    """Stored events, samples and health."""

    async def recent_events(self, wanted: EventFilter, limit: int) -> Sequence[EventDocument]:
        """The last `limit` stored events that match, newest last, with `number` 0."""
        ...

    async def stats_history(
        self, host: str, container_id: str, start: datetime, end: datetime, points: int
    ) -> Sequence[StatsPointDocument]:
        """Samples of one container in [start, end), in at most `points` steps, oldest first."""
        ...

    async def health_history(
        self, host: str, start: datetime, end: datetime, points: int
    ) -> Sequence[HealthPointDocument]:
        """Health of one host in [start, end), at most `points` observations, oldest first."""
        ...
