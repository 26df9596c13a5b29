"""What happens at its time if nothing else does: one timer for each name."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

Name = tuple[str, ...]


class Timer(NamedTuple):
    """When something happens, to whom, and what it is called."""

    time: datetime
    name: Name
    event: str


class Timers:
    """Timers, the earliest first. Those that were moved are skipped when they come up."""

    def __init__(self) -> None:
        self._valid: dict[Name, Timer] = {}
        self._queue: list[Timer] = []

    def put(self, name: Name, time: datetime | None, event: str = "") -> None:
        """Set, move or cancel (None) the timer of a name."""
        if time is None:
            self._valid.pop(name, None)
            if not self._valid:
                self._queue.clear()
            return
        made = Timer(time, name, event)
        if self._valid.get(name) != made:
            self._valid[name] = made
            heapq.heappush(self._queue, made)

    @property
    def first(self) -> datetime | None:
        """When the next one is."""
        self._skip()
        return self._queue[0].time if self._queue else None

    def due(self, now: datetime) -> Iterator[Timer]:
        """Those whose time has come, the earliest first; each only once."""
        while (first := self.first) is not None and first <= now:
            made = heapq.heappop(self._queue)
            del self._valid[made.name]
            yield made

    def _skip(self) -> None:
        while self._queue and self._valid.get(self._queue[0].name) != self._queue[0]:
            heapq.heappop(self._queue)
