"""Lines of logs as a test makes them: implements the web's source."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import trio

from tests.web.fleet_in_memory import START
from web.history_documents import LogLineDocument


class LogsInMemory:
    """Implements `web.log_source.LogSource`."""

    def __init__(self) -> None:
        self.followers: dict[tuple[str, str], LinesInMemory] = {}

    @contextmanager
    def subscribe(self, host: str, container_id: str) -> Iterator[LinesInMemory]:
        lines = self.followers[host, container_id] = LinesInMemory()
        try:
            yield lines
        finally:
            del self.followers[host, container_id]


class LinesInMemory:
    """Implements `web.log_source.LogSubscription`."""

    def __init__(self) -> None:
        self.dropped = 0
        self._lines: deque[LogLineDocument] = deque()
        self._filled = trio.Event()

    def put(self, *lines: LogLineDocument) -> None:
        self._lines.extend(lines)
        self._filled.set()

    async def next(self) -> LogLineDocument:
        await trio.lowlevel.checkpoint()
        while not self._lines:
            self._filled = trio.Event()
            await self._filled.wait()
        return self._lines.popleft()


def make_line(
    number: int, text: str = "", *, stream: str = "stdout", level: str | None = None
) -> LogLineDocument:
    return LogLineDocument(
        time=START + timedelta(seconds=number),
        time_nano=(int(START.timestamp()) + number) * 10**9,
        host="one",
        container_id="ab" * 32,
        name="web",
        identity="name:web",
        stream=stream,
        sequence=0,
        level=level,
        line=text or f"line {number}",
    )
