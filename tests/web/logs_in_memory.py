"""Lines of logs as a test makes them: implements the web's source."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta

import trio

from tests.web.fleet_in_memory import START
from web.history_documents import LogLineDocument
from web.log_source import ContainerKey


class LogsInMemory:
    """Implements `web.log_source.LogSource`, for one reader of each container."""

    def __init__(self) -> None:
        self.followers: dict[ContainerKey, LinesInMemory] = {}

    @contextmanager
    def subscribe(self, containers: Collection[ContainerKey]) -> Iterator[LinesInMemory]:
        lines = LinesInMemory(self.followers)
        lines.follow(containers)
        try:
            yield lines
        finally:
            lines.follow(())


class LinesInMemory:
    """Implements `web.log_source.LogSubscription`."""

    def __init__(self, followers: dict[ContainerKey, LinesInMemory]) -> None:
        self.dropped = 0
        self._followers = followers
        self._lines: list[LogLineDocument] = []
        self._filled = trio.Event()

    def follow(self, containers: Collection[ContainerKey]) -> None:
        for key in [key for key, lines in self._followers.items() if lines is self]:
            del self._followers[key]
        self._followers.update(dict.fromkeys(containers, self))

    def put(self, *lines: LogLineDocument) -> None:
        self._lines.extend(lines)
        self._filled.set()

    async def arrived(self) -> None:
        await trio.lowlevel.checkpoint()
        while not self._lines:
            self._filled = trio.Event()
            await self._filled.wait()

    def take(self) -> list[LogLineDocument]:
        taken, self._lines = self._lines, []
        return taken


def make_line(
    number: int,
    text: str = "",
    *,
    stream: str = "stdout",
    level: str | None = None,
    name: str = "web",
    container_id: str = "ab" * 32,
) -> LogLineDocument:
    return LogLineDocument(
        time=START + timedelta(seconds=number),
        time_nano=(int(START.timestamp()) + number) * 10**9,
        host="one",
        container_id=container_id,
        name=name,
        identity=f"name:{name}",
        stream=stream,
        sequence=0,
        level=level,
        line=text or f"line {number}",
    )
