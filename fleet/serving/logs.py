"""Lines of logs as they come into the database: whoever serves alone hears of them there."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import anyio

from fleet.tracker import now
from storage.queries_logs import LogPlace
from web.history import History, HistoryUnavailable, LogFilter, Span
from web.history_documents import LogLineDocument
from web.log_cursor import place_of

EVERY = 1.0  # seconds between looks
OVERLAP = timedelta(seconds=10)  # in which lines may come in another order than they were written
# Together less than a day, the least that `query_days` may be, however long nothing comes in.
LATE = timedelta(hours=12)  # what comes in so long after it was written is not told any more
AHEAD = timedelta(hours=1)  # an Engine's clock may be ahead of ours
PAGE = 1000
SEEN = 20_000  # lines that are told apart

Key = tuple[int, str, int]


class StoredLogs:
    """Implements `web.log_source.LogSource` over the database."""

    def __init__(self, history: History) -> None:
        self._history = history

    @contextmanager
    def subscribe(self, host: str, container_id: str) -> Iterator[StoredLines]:
        """Follow a container from now on; see `web.log_source.LogSource`."""
        yield StoredLines(self._history, host, container_id, now())


class StoredLines:
    """The lines of one container that were written after a moment.

    Attributes:
        dropped: Always 0: who reads slowly reads them later.
    """

    def __init__(self, history: History, host: str, container_id: str, begin: datetime) -> None:
        self._history = history
        self._wanted = LogFilter(hosts=(host,), containers=(container_id,))
        self._begin = self._since = begin
        self._beyond: LogPlace | None = None  # while there are more than were read at once
        self._lines: deque[LogLineDocument] = deque()
        self._seen: OrderedDict[Key, None] = OrderedDict()
        self.dropped = 0

    async def next(self) -> LogLineDocument:
        """Wait for the next line. A cancelled wait loses nothing."""
        while not self._lines:
            if self._beyond is None:
                await anyio.sleep(EVERY)
            await self._look()
        return self._lines.popleft()

    async def _look(self) -> None:
        at = now()
        span = Span(max(self._since, at - LATE), at + AHEAD)
        try:
            found = await self._history.logs(self._wanted, span, PAGE, "forward", self._beyond)
        except HistoryUnavailable:
            await anyio.sleep(EVERY)  # they are kept elsewhere meanwhile, and come later
            return
        for line in found.lines:
            key = (line.time_nano, line.stream, line.sequence)
            if key not in self._seen:
                self._seen[key] = None
                self._lines.append(line)
        while len(self._seen) > SEEN:
            self._seen.popitem(last=False)
        if found.lines:
            self._since = max(self._begin, found.lines[-1].time - OVERLAP)
        self._beyond = place_of(found.lines[-1]) if found.lines and found.newer else None
