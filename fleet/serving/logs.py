"""Lines of logs as they come into the database: whoever serves alone hears of them there."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import anyio

from fleet.tracker import now
from storage.queries_logs import LogPlace
from web.history import History, HistoryUnavailable, LogFilter, Span
from web.history_documents import LogLineDocument
from web.log_cursor import place_of
from web.log_progress import Seen
from web.log_source import ContainerKey

EVERY = 1.0  # seconds between looks
OVERLAP = timedelta(seconds=10)  # in which lines may come in another order than they were written
# Together less than a day, the least that `query_days` may be, however long nothing comes in.
LATE = timedelta(hours=12)  # what comes in so long after it was written is not told any more
AHEAD = timedelta(hours=1)  # an Engine's clock may be ahead of ours
PAGE = 1000


class StoredLogs:
    """Implements `web.log_source.LogSource` over the database."""

    def __init__(self, history: History) -> None:
        self._history = history

    @contextmanager
    def subscribe(self, containers: Collection[ContainerKey]) -> Iterator[StoredLines]:
        """Follow containers from now on; see `web.log_source.LogSource`."""
        yield StoredLines(self._history, containers, now())


class StoredLines:
    """The lines of some containers that were written after a moment.

    Attributes:
        dropped: Always 0: who reads slowly reads them later.
    """

    def __init__(
        self, history: History, containers: Collection[ContainerKey], begin: datetime
    ) -> None:
        self._history = history
        self._begin = self._since = begin
        self._beyond: LogPlace | None = None  # while there are more than were read at once
        self._lines: list[LogLineDocument] = []
        self._seen = Seen()
        self.dropped = 0
        self.follow(containers)

    def follow(self, containers: Collection[ContainerKey]) -> None:
        """Follow these from now on, and no others; of who joins, the last seconds come too."""
        self._wanted = LogFilter(
            hosts=tuple(sorted({host for host, _ in containers})),
            containers=tuple(sorted(id_ for _, id_ in containers)),
        )

    async def arrived(self) -> None:
        """Wait until there are lines. A cancelled wait loses nothing."""
        while not self._lines:
            if self._beyond is None or not self._wanted.containers:
                await anyio.sleep(EVERY)
            if self._wanted.containers:  # none would mean any
                await self._look()

    def take(self) -> list[LogLineDocument]:
        """All lines that are there."""
        taken, self._lines = self._lines, []
        return taken

    async def _look(self) -> None:
        at = now()
        span = Span(max(self._since, at - LATE), at + AHEAD)
        try:
            found = await self._history.logs(self._wanted, span, PAGE, "forward", self._beyond)
        except HistoryUnavailable:
            await anyio.sleep(EVERY)  # they are kept elsewhere meanwhile, and come later
            return
        for line in found.lines:
            if line not in self._seen:
                self._seen.add(line)
                self._lines.append(line)
        if found.lines:
            self._since = max(self._begin, found.lines[-1].time - OVERLAP)
        self._beyond = place_of(found.lines[-1]) if found.lines and found.newer else None
