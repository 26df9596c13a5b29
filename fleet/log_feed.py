"""Lines of logs as they come in, for whoever follows containers: bounded for each reader.

It hears the lines that are collected; of a container whose logs are not wanted nothing comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import trio

from fleet.changes import Change, Logged
from fleet.model import LogLine

WAITING = 5000  # lines, of one reader

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
    def subscribe(self, containers: Collection[Key]) -> Iterator[LogSubscription]:
        """Follow containers (by their whole ids) from now on, for the length of the block."""
        follower = LogSubscription(self._followers)
        follower.follow(containers)
        try:
            yield follower
        finally:
            follower.follow(())


class LogSubscription:
    """One reader's queue of at most `WAITING` lines; see `web.log_source.LogSubscription`.

    Args:
        followers: Who follows which container; this one is kept among them.

    Attributes:
        dropped: Lines let go, the oldest first, because the reader was too slow.
    """

    def __init__(self, followers: dict[Key, list[LogSubscription]]) -> None:
        self.dropped = 0
        self._followers = followers
        self._followed: frozenset[Key] = frozenset()
        self._lines: deque[LogLine] = deque(maxlen=WAITING)
        self._arrived = trio.Event()

    def follow(self, containers: Collection[Key]) -> None:
        """Follow these from now on, and no others."""
        before, self._followed = self._followed, frozenset(containers)
        for key in self._followed - before:
            self._followers.setdefault(key, []).append(self)
        for key in before - self._followed:
            self._followers[key].remove(self)
            if not self._followers[key]:
                del self._followers[key]

    def put(self, lines: tuple[LogLine, ...]) -> None:
        """Add lines and wake the reader."""
        self.dropped += max(0, len(self._lines) + len(lines) - WAITING)
        self._lines.extend(lines)
        self._arrived.set()

    async def arrived(self) -> None:
        """Wait until there are lines. A cancelled wait loses nothing."""
        while not self._lines:
            self._arrived = trio.Event()
            await self._arrived.wait()

    def take(self) -> list[LogLine]:
        """All lines that are there, in the order in which they came in."""
        taken = list(self._lines)
        self._lines.clear()
        return taken
