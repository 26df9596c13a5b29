"""Lines of logs as they come in, as the web sees them: owned here, implemented elsewhere."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from web.history_documents import LogLineDocument


class LogSubscription(Protocol):
    """The lines of one container, bounded: for a reader that is too slow the oldest are let go."""

    @property
    def dropped(self) -> int:
        """Lines let go so far."""
        ...

    async def next(self) -> LogLineDocument:
        """Wait for the next line. A cancelled wait loses nothing."""
        ...


class LogSource(Protocol):
    """Where lines come in."""

    def subscribe(self, host: str, container_id: str) -> AbstractContextManager[LogSubscription]:
        """Follow a container (its whole id) from now on, for the length of the block."""
        ...
