"""The pool of connections to one Engine: it leases single connections at a flat cost.

What to reuse and what to close is decided on plain values (`Shelf`); sockets are touched after.
The pools of httpx and httpcore look at every connection for every request; this one looks at one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from time import perf_counter
from types import TracebackType
from typing import Self

import msgspec
import trio

from connectors.dial import Connection
from connectors.errors import NotFoundError

IDLE_SECONDS = 60.0

Observe = Callable[[str, float, bool], None]
"""Told of each request that ended: its kind (`inspect`), seconds, and whether it was answered."""


class PoolCounts(msgspec.Struct, frozen=True):
    """What a pool does now (the first four) and has done since it was made."""

    active: int
    idle: int
    waiting: int
    streams: int
    opened: int
    closed: int
    requests: int


class Shelf:
    """Idle connections, reused last in first out, so that surplus ones grow old and expire.

    It decides only: what it returns to be closed is no longer on it.
    """

    def __init__(self, expiry: float) -> None:
        """Keep connections for at most `expiry` seconds."""
        self._expiry = expiry
        self._idle: deque[Connection] = deque()  # the longest idle first

    def __len__(self) -> int:
        return len(self._idle)

    def put(self, connection: Connection, now: float) -> None:
        """Keep a connection that may be used again."""
        connection.idle_since = now
        self._idle.append(connection)

    def take(self) -> Connection | None:
        """Return the connection used last; whether its peer is still there is not looked at."""
        return self._idle.pop() if self._idle else None

    def expired(self, now: float) -> list[Connection]:
        """Drop and return those that were idle for too long."""
        dropped = []
        while self._idle and now - self._idle[0].idle_since > self._expiry:
            dropped.append(self._idle.popleft())
        return dropped

    def clear(self) -> list[Connection]:
        """Drop and return all."""
        dropped = list(self._idle)
        self._idle.clear()
        return dropped


class Pool:
    """Connections to one Engine.

    `limit` bounds the short requests in flight, `stream_limit` the streams (events, followed
    logs), which never take a place from requests. `shared` bounds the requests of all hosts
    together; each host's first request in flight is free of it, so that hosts that do not answer
    can never bring the others to a stop.
    """

    def __init__(
        self,
        dial: Callable[[], Awaitable[Connection]],
        *,
        limit: int,
        stream_limit: int,
        shared: trio.CapacityLimiter | None = None,
        idle_seconds: float = IDLE_SECONDS,
        observe: Observe | None = None,
    ) -> None:
        """Open nothing yet; `dial` opens one connection or raises an `EngineError`."""
        self._dial = dial
        self._requests_limit = trio.CapacityLimiter(limit)
        self._streams_limit = trio.CapacityLimiter(stream_limit)
        self._shared = shared
        self._observe = observe
        self._shelf = Shelf(idle_seconds)
        self._free_place: Lease | None = None
        self._is_closed = False
        self._waiting = self._opened = self._closed = self._requests = 0

    def lease(self, call: str = "other") -> Lease:
        """Lease a connection for one request: `async with pool.lease() as lease`.

        How long that takes is observed as of this kind of call, once it has its place.
        """
        self._requests += 1
        return Lease(self, self._requests_limit, self._shared, call)

    def stream_lease(self) -> Lease:
        """Lease a new connection for a stream's whole life; it is closed afterwards."""
        self._requests += 1
        return Lease(self, self._streams_limit, None)

    def counts(self) -> PoolCounts:
        """Count, for health views."""
        return PoolCounts(
            active=self._requests_limit.borrowed_tokens,
            idle=len(self._shelf),
            waiting=self._waiting,
            streams=self._streams_limit.borrowed_tokens,
            opened=self._opened,
            closed=self._closed,
            requests=self._requests,
        )

    def close(self) -> None:
        """Close what is idle now, and what is leased as soon as it is returned."""
        self._is_closed = True
        self.close_idle()

    def close_idle(self) -> None:
        """Close all idle connections: one of them turned out dead, the others share its fate."""
        self._close(self._shelf.clear())

    async def _connection(self, *, is_stream: bool) -> Connection:
        if self._is_closed:
            raise trio.ClosedResourceError("the pool is closed")
        self._close(self._shelf.expired(trio.current_time()))
        while not is_stream and (connection := self._shelf.take()):
            if not connection.is_stale():
                return connection
            self._close([connection])
        connection = await self._dial()
        self._opened += 1
        return connection

    def _give_back(self, connection: Connection, *, is_stream: bool) -> None:
        if connection.reusable and not is_stream and not self._is_closed:
            self._shelf.put(connection, trio.current_time())
        else:
            self._close([connection])

    def _close(self, connections: list[Connection]) -> None:
        for connection in connections:
            connection.close()
            self._closed += 1


class Lease:
    """One connection for one user; leaving returns it if its last exchange ended cleanly."""

    __slots__ = ("_began", "_call", "_connection", "_holds", "_limiter", "_pool", "_shared")

    def __init__(
        self,
        pool: Pool,
        limiter: trio.CapacityLimiter,
        shared: trio.CapacityLimiter | None,
        call: str = "",
    ) -> None:
        self._pool = pool
        self._limiter = limiter
        self._shared = shared
        self._holds: list[trio.CapacityLimiter] = []
        self._connection: Connection | None = None
        self._call = call
        self._began = 0.0

    @property
    def connection(self) -> Connection:
        """The leased connection."""
        if self._connection is None:
            raise RuntimeError("the lease has not begun or is over")
        return self._connection

    async def __aenter__(self) -> Self:
        try:
            await self._admit()
            self._began = perf_counter()
            self._connection = await self._pool._connection(is_stream=self._is_stream)
        except BaseException as error:
            self._leave()
            self._tell(type(error))
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._leave()
        self._tell(kind)

    async def renew(self) -> Connection:
        """Exchange a connection that turned out dead for a new one."""
        pool, dead = self._pool, self.connection
        self._connection = None
        pool._close([dead])
        pool.close_idle()
        self._connection = await pool._connection(is_stream=self._is_stream)
        return self._connection

    @property
    def _is_stream(self) -> bool:
        return self._limiter is self._pool._streams_limit

    def _tell(self, kind: type[BaseException] | None) -> None:
        observe = self._pool._observe
        if observe is None or not self._call or (kind and issubclass(kind, trio.Cancelled)):
            return
        answered = kind is None or issubclass(kind, NotFoundError)
        observe(self._call, perf_counter() - self._began, answered)

    async def _admit(self) -> None:
        await self._take_place(self._limiter)
        if self._shared is None:
            return
        if self._pool._free_place is None:
            self._pool._free_place = self
        else:
            await self._take_place(self._shared)

    async def _take_place(self, limiter: trio.CapacityLimiter) -> None:
        try:
            limiter.acquire_on_behalf_of_nowait(self)  # a fraction of the cost of acquire
        except trio.WouldBlock:
            self._pool._waiting += 1
            try:
                await limiter.acquire_on_behalf_of(self)
            finally:
                self._pool._waiting -= 1
        self._holds.append(limiter)

    def _leave(self) -> None:
        if self._connection is not None:
            self._pool._give_back(self._connection, is_stream=self._is_stream)
            self._connection = None
        if self._pool._free_place is self:
            self._pool._free_place = None
        while self._holds:
            self._holds.pop().release_on_behalf_of(self)
