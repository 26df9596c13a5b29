"""The clients that asked lately, each with what it may still ask."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from web.limits.addresses import client_key
from web.limits.buckets import Bucket, Rate

MOST_CLIENTS = 20_000


class Rates:
    """A bucket for each client, of those that were seen last.

    Args:
        rate: What each may take.
        clock: Monotonic seconds.
    """

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, address: str) -> float:
        """Take one for a client; returns 0, or in how many seconds there is one."""
        now, key = self._clock(), client_key(address)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(self._rate, now)
            if len(self._buckets) > MOST_CLIENTS:
                self._buckets.popitem(last=False)
                self.forgotten += 1
        self._buckets.move_to_end(key)
        return bucket.take(now)
