"""Connections of web clients: bounded in number, and none can hold the server up.

Hypercorn shields its sends from cancellation, so a client that stops reading would otherwise keep
its task, and with it the end of the program, waiting for ever.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import trio

from web.limits.counts import EdgeCounts
from web.stream import ClientStream

MOST_UNSENT = 128 * 1024 * 1024  # bytes of answers that wait for their clients, altogether
SLOW = 5.0  # seconds that a send takes before it may be given up for the others


class Connections:
    """All connections that are open now.

    When places run out, the connection that has waited longest without a request makes room: who
    asks finds a place, however many only hold one.

    Args:
        limit: At once.
        per_client: Of one client, at once.
        counts: What was ended early is counted there.
    """

    def __init__(self, limit: int, per_client: int, counts: EdgeCounts) -> None:
        self.limit = limit
        self.per_client = per_client
        self.unsent = 0
        self._counts = counts
        self._open: dict[ClientStream, str | None] = {}
        self._by_client: Counter[str] = Counter()
        self._waiting: OrderedDict[ClientStream, None] = OrderedDict()
        self._emptied = trio.Event()

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def place(self, stream: ClientStream, client: str | None = None) -> Iterator[bool]:
        """Hold a place for the connection; False when all are taken by who is being answered.

        Args:
            stream: The connection, which waits for its first request.
            client: Who is counted, None for who may have as many as there are.
        """
        if not self._has_room(client):
            yield False
            return
        self._open[stream] = client
        self._counts.open = len(self._open)
        if client is not None:
            self._by_client[client] += 1
        self._waiting[stream] = None
        try:
            yield True
        finally:
            self._remove(stream)

    def busy(self, stream: ClientStream) -> None:
        """It has a request: it is not the one that makes room."""
        self._waiting.pop(stream, None)

    def idle(self, stream: ClientStream) -> None:
        """It waits for a request."""
        if stream in self._open:
            self._waiting[stream] = None
            self._waiting.move_to_end(stream)

    def sending(self, count: int) -> None:
        """So many more bytes wait to be sent; too many altogether cost the worst its connection."""
        self.unsent += count
        if self.unsent <= MOST_UNSENT:
            return
        slow = [each for each in self._open if each.blocked_for() > SLOW]
        if slow:
            self._end(max(slow, key=lambda each: each.unsent), "slow")

    def sent(self, count: int) -> None:
        """So many bytes wait no more."""
        self.unsent -= count

    async def wait_empty(self) -> None:
        """Wait until no connection is open."""
        while self._open:
            self._emptied = trio.Event()
            await self._emptied.wait()

    def abort(self) -> None:
        """Close all at once."""
        for stream in tuple(self._open):
            stream.abort()

    def _has_room(self, client: str | None) -> bool:
        if client is not None and self._by_client[client] >= self.per_client:
            if not self._make_room(client):
                self._counts.turned["client"] += 1
                return False
        elif len(self._open) >= self.limit and not self._make_room(None):
            self._counts.turned["places"] += 1
            return False
        return True

    def _make_room(self, client: str | None) -> bool:
        """End the connection that has waited longest, of one client or of all."""
        for stream in self._waiting:
            if client is None or self._open[stream] == client:
                self._end(stream, "evicted")
                return True
        return False

    def _end(self, stream: ClientStream, why: Literal["slow", "evicted"]) -> None:
        self._counts.turned[why] += 1
        self._remove(stream)
        stream.abort()

    def _remove(self, stream: ClientStream) -> None:
        if stream not in self._open:
            return  # it made room
        client = self._open.pop(stream)
        self._counts.open = len(self._open)
        self._waiting.pop(stream, None)
        if client is not None:
            self._by_client[client] -= 1
            if not self._by_client[client]:
                del self._by_client[client]
        if not self._open:
            self._emptied.set()
