"""The changes of the routes for those who follow them, by revision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import anyio

from fleet.feed import Feed, Subscription
from labels.model import Change

KEPT = 1000  # changes in memory


class RouteFeed:
    """The last changes, and who waits for the next ones.

    Args:
        revision: That of the table now; changes up to here are not kept.

    Attributes:
        first: This revision.
    """

    def __init__(self, revision: int = 0) -> None:
        self._feed: Feed[Change] = Feed(KEPT)
        self.first = revision
        self._news = anyio.Event()

    def publish(self, changes: Iterable[Change]) -> None:
        """Pass on what a revision changed, and wake who waits for one."""
        for change in changes:
            self._feed.append(change)
        self._news.set()
        self._news = anyio.Event()

    @property
    def last(self) -> int:
        """How many changes there were; each has its number, from 1."""
        return self._feed.last

    def beyond(self, number: int) -> Sequence[Change]:
        """The changes with higher numbers than this, as far as they are kept."""
        return self._feed.beyond(number)

    def skip_to(self, number: int) -> None:
        """Give the next change this number; those before it are not kept."""
        self._feed.skip_to(number)

    async def wait(self) -> None:
        """Wait for the next revision."""
        await self._news.wait()

    def recent(self, limit: int) -> Sequence[Change]:
        """The last changes, newest last."""
        return self._feed.newest(limit)

    @contextmanager
    def follow(self, after: int | None) -> Iterator[Subscription[Change]]:
        """Follow changes of revisions above `after`, None: from now on.

        Where some of them are no longer kept, one is dropped from the beginning: how many there
        were is not known.
        """
        kept = self._feed.newest(KEPT)
        newer = 0 if after is None else sum(change.revision > after for change in kept)
        with self._feed.subscribe(self._feed.last - newer) as subscription:
            reached = kept[0].revision if self._feed.last > KEPT else self.first
            subscription.dropped = int(after is not None and after < reached)
            yield subscription
