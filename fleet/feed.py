"""A bounded, numbered feed: one ring for all readers, however slow they are.

Readers hold only a position, so a thousand of them cost no more memory than one. A reader that
falls behind the ring is moved to its oldest item and the gap is counted in `dropped`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import anyio

T = TypeVar("T")


class Feed(Generic[T]):
    """The ring. Items are numbered from 1 in the order of `append`."""

    def __init__(self, size: int) -> None:
        self._ring: deque[T] = deque(maxlen=size)
        self._last = 0
        self._waiting = anyio.Event()

    @property
    def last(self) -> int:
        """The number of the newest item, 0 while there is none."""
        return self._last

    @property
    def next_number(self) -> int:
        """The number that the next item will have."""
        return self._last + 1

    def append(self, item: T) -> None:
        """Add an item and wake the readers; the oldest leaves when the ring is full."""
        self._ring.append(item)
        self._last += 1
        if self._waiting.statistics().tasks_waiting:
            self._waiting.set()
            self._waiting = anyio.Event()

    def skip_to(self, number: int) -> None:
        """Give the next item this number; those in between are missing, as are all before."""
        if number != self.next_number:
            self._ring.clear()
            self._last = number - 1

    def newest(self, limit: int) -> list[T]:
        """Up to `limit` items, newest last."""
        skip = max(0, len(self._ring) - limit)
        return [item for index, item in enumerate(self._ring) if index >= skip]

    def beyond(self, number: int) -> list[T]:
        """The items with higher numbers than this that are still held, newest last."""
        return self.newest(max(0, self._last - number))

    @contextmanager
    def subscribe(self, after: int | None = None) -> Iterator[Subscription[T]]:
        """Follow the feed from the item numbered `after`, or from now on."""
        yield Subscription(self, self._last if after is None else min(after, self._last))

    async def _beyond(self, position: int) -> None:
        while self._last <= position:
            await self._waiting.wait()

    def _take(self, position: int) -> tuple[int, T]:
        oldest = self._last - len(self._ring) + 1
        number = max(position + 1, oldest)
        return number, self._ring[number - oldest]


class Subscription(Generic[T]):
    """One reader's place in a feed.

    Attributes:
        dropped: Items that left the ring before this reader came to them.
    """

    def __init__(self, feed: Feed[T], position: int) -> None:
        self._feed = feed
        self._position = position
        self.dropped = 0

    async def next(self) -> T:
        """Wait for the next item."""
        await self._feed._beyond(self._position)
        number, item = self._feed._take(self._position)
        self.dropped += number - self._position - 1
        self._position = number
        return item
