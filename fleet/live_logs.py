"""The feed of log lines as the web's source: live values in, documents out."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import msgspec

from fleet.log_feed import LogFeed, LogSubscription
from web.history_documents import LogLineDocument
from web.log_source import ContainerKey


class LiveLogs:
    """Implements `web.log_source.LogSource` over a feed."""

    def __init__(self, feed: LogFeed) -> None:
        self._feed = feed

    @contextmanager
    def subscribe(self, containers: Collection[ContainerKey]) -> Iterator[LiveLines]:
        """Follow containers; see `web.log_source.LogSource`."""
        with self._feed.subscribe(containers) as subscription:
            yield LiveLines(subscription)


class LiveLines:
    """A subscription that speaks in documents."""

    def __init__(self, subscription: LogSubscription) -> None:
        self._subscription = subscription
        self.follow = subscription.follow
        self.arrived = subscription.arrived

    @property
    def dropped(self) -> int:
        """Lines that this reader was too slow for."""
        return self._subscription.dropped

    def take(self) -> list[LogLineDocument]:
        """All lines that are there."""
        return [
            msgspec.convert(line, LogLineDocument, from_attributes=True)
            for line in self._subscription.take()
        ]
