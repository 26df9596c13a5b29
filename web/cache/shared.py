"""Redis or Valkey, which may be slow or away at any time: then it is done without, at no cost."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import anyio
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

logger = logging.getLogger("fleet.web")

FAILURES = 3  # in a row, after which nothing is asked for a while
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds
CONNECTIONS = 16  # and so many calls at once: more would fail, as if the cache did not work


class Breaker:
    """Asks nothing of what failed again and again; after a while one tries.

    Attributes:
        open_until: Until when nothing is asked.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._pause = FIRST_PAUSE
        self.open_until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether it is to be done without now."""
        return self._clock() < self.open_until

    def failed(self) -> bool:
        """It failed; returns whether nothing is asked from now on."""
        self._failures += 1
        if self._failures < FAILURES:
            return False
        self.open_until = self._clock() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        return True

    def worked(self) -> bool:
        """It worked; returns whether it had not before."""
        was_away = self._failures >= FAILURES
        self._failures, self._pause, self.open_until = 0, FIRST_PAUSE, 0.0
        return was_away


class SharedCache:
    """On asyncio.

    Args:
        url: Without a password.
        password: Asked at each new connection.
        seconds: That each call may take.

    Attributes:
        failures: Calls that failed.
        skipped: Calls that were not made, as too many were under way.
    """

    def __init__(self, url: str, password: str | None, seconds: float) -> None:
        self._seconds = seconds
        self._redis = redis.asyncio.Redis.from_url(
            url,
            password=password,
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            retry=Retry(NoBackoff(), 0),
            max_connections=CONNECTIONS,
            client_name="fleet",
        )
        self._breaker = Breaker()
        self._under_way = 0
        self.failures = self.skipped = 0

    @property
    def is_away(self) -> bool:
        """Whether it is done without now."""
        return self._breaker.is_open

    async def get(self, key: str) -> bytes | None:
        """What is there; None also where it does not answer."""
        found = await self._call(lambda: self._redis.get(key))
        return found if isinstance(found, bytes) else None

    async def put(self, key: str, data: bytes, seconds: float) -> None:
        """Keep it for so long, if that works at once."""
        await self._call(lambda: self._redis.set(key, data, px=max(1, int(seconds * 1000))))

    async def _call(self, call: Callable[[], Awaitable[object]]) -> object:
        if self._breaker.is_open:
            return None
        if self._under_way >= CONNECTIONS:
            self.skipped += 1
            return None
        self._under_way += 1
        try:
            with anyio.fail_after(self._seconds):
                found = await call()
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)
            return None
        finally:
            self._under_way -= 1
        self._worked()
        return found

    async def aclose(self) -> None:
        """Close all connections."""
        async with aclosing(self._redis):
            return

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        first = not self._breaker.open_until
        if self._breaker.failed() and first:
            why = str(error) or type(error).__name__
            logger.warning("the cache does not work, it is done without: %s", why)

    def _worked(self) -> None:
        if self._breaker.worked():
            logger.info("the cache works again")
