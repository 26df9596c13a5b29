"""Lines of logs as they come in, as the web sees them: owned here, implemented elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from web.history_documents import LogLineDocument

ContainerKey = tuple[str, str]
"""A container's host and whole id."""


class LogSubscription(Protocol):
    """The lines of some containers, bounded: for a slow reader the oldest are let go."""

    @property
    def dropped(self) -> int:
        """Lines let go so far."""
        ...

    def follow(self, containers: Collection[ContainerKey]) -> None:
        """Follow these from now on, and no others."""
        ...

    async def arrived(self) -> None:
        """Wait until there are lines. A cancelled wait loses nothing."""
        ...

    def take(self) -> Sequence[LogLineDocument]:
        """All lines that are there, in the order in which they came in."""
        ...


class LogSource(Protocol):
    """Where lines come in."""

    def subscribe(
        self, containers: Collection[ContainerKey]
    ) -> AbstractContextManager[LogSubscription]:
        """Follow containers from now on, for the length of the block."""
        ...
