"""Places for live streams: bounded in number, each ending when its client or the server goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import copy

import anyio

from web.loop_share import LoopShare
from web.problems import Problem

Lease = Callable[[anyio.CancelScope], AbstractContextManager[None]]


class Streams:
    """Who is being streamed to.

    Args:
        limit: How many at once.
        heartbeat: Seconds of silence after which a comment is sent, so that proxies and clients
            see a live connection and a dead one is found.
    """

    def __init__(self, limit: int, heartbeat: float) -> None:
        self.limit = limit
        self.heartbeat = heartbeat
        self.refused = 0
        self.drawing = LoopShare()
        self._scopes: set[anyio.CancelScope] = set()
        self._closed = False
        self._whole = self
        self._lease: Lease | None = None

    def leased(self, lease: Lease) -> Streams:
        """The same places, for who may stream only for a while: a lease cancels what it is given.

        All counts are those of the whole.
        """
        part = copy(self)
        part._lease = lease
        return part

    def __len__(self) -> int:
        return len(self._scopes)

    @contextmanager
    def place(self) -> Iterator[anyio.CancelScope]:
        """Take a place until the block ends; `close` cancels the block.

        Raises:
            Problem: All places are taken, or the program is ending (503).
        """
        if self._whole._closed:
            raise Problem("too-many-streams", "fleet is shutting down.")
        if len(self._scopes) >= self.limit:
            self._whole.refused += 1
            raise Problem(
                "too-many-streams",
                f"All {self.limit} places for live streams are taken. Close one, or try again.",
                headers={"retry-after": "5"},
            )
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                with nullcontext() if self._lease is None else self._lease(scope):
                    yield scope
            finally:
                self._scopes.discard(scope)

    def close(self) -> None:
        """End all streams, each with a proper end of its answer, and admit no more."""
        self._closed = True
        self.end_all()

    def end_all(self) -> None:
        """End all streams; their clients may come again at once, and are told what they missed."""
        for scope in tuple(self._scopes):
            scope.cancel()
