"""Lines of logs as they come in, for whoever follows a container: bounded for each reader.

It hears the lines that are collected; of a container whose logs are not wanted nothing comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import trio

from fleet.changes import Change, Logged
from fleet.model import LogLine

WAITING = 1000  # lines, of one reader

Key = tuple[str, str]


class LogFeed:
    """A tracker's listener that passes lines on to those who follow their container."""

    def __init__(self) -> None:
        self._followers: dict[Key, list[LogSubscription]] = {}

    def __call__(self, change: Change) -> None:
        """Pass on what a change holds."""
        if not isinstance(change, Logged) or not self._followers:
            return
        for follower in self._followers.get((change.host, change.container), ()):
            follower.put(change.lines)

    @contextmanager
    def subscribe(self, host: str, container_id: str) -> Iterator[LogSubscription]:
        """Follow a container (its whole id) from now on, for the length of the block."""
        key = (host, container_id)
        follower = LogSubscription()
        self._followers.setdefault(key, []).append(follower)
        try:
            yield follower
        finally:
            self._followers[key].remove(follower)
            if not self._followers[key]:
                del self._followers[key]


class LogSubscription:
    """One reader's queue of at most `WAITING` lines, as `web.read_model.Subscription`.

    Attributes:
        dropped: Lines let go, the oldest first, because the reader was too slow.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._lines: deque[LogLine] = deque(maxlen=WAITING)
        self._arrived = trio.Event()

    def put(self, lines: tuple[LogLine, ...]) -> None:
        """Add lines and wake the reader."""
        self.dropped += max(0, len(self._lines) + len(lines) - WAITING)
        self._lines.extend(lines)
        self._arrived.set()

    async def next(self) -> LogLine:
        """Wait for the next line. A cancelled wait loses nothing."""
        while not self._lines:
            self._arrived = trio.Event()
            await self._arrived.wait()
        return self._lines.popleft()
