"""The feed of log lines as the web's source: live values in, documents out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from fleet.log_feed import LogFeed, LogSubscription
from web.history_documents import LogLineDocument


class LiveLogs:
    """Implements `web.log_source.LogSource` over a feed."""

    def __init__(self, feed: LogFeed) -> None:
        self._feed = feed

    @contextmanager
    def subscribe(self, host: str, container_id: str) -> Iterator[LiveLines]:
        """Follow a container; see `web.log_source.LogSource`."""
        with self._feed.subscribe(host, container_id) as subscription:
            yield LiveLines(subscription)


class LiveLines:
    """A subscription that speaks in documents."""

    def __init__(self, subscription: LogSubscription) -> None:
        self._subscription = subscription

    @property
    def dropped(self) -> int:
        """Lines that this reader was too slow for."""
        return self._subscription.dropped

    async def next(self) -> LogLineDocument:
        """Wait for the next line."""
        line = await self._subscription.next()
        return msgspec.convert(line, LogLineDocument, from_attributes=True)
