"""How often passwords may be tried for one account, wherever from. Pure: told the time.

Nobody can lock somebody else out with it: where somebody is logged in from, tries are counted
apart from those of the rest of the world, and a password that was right is never held up.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from hashlib import blake2b
from secrets import token_bytes
from typing import TypeVar

from web.limits.addresses import client_key
from web.limits.buckets import Bucket, Rate

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

TRIES = Rate(per_second=1 / 20, burst=10)
MOST = 10_000  # accounts and addresses that are remembered


class Throttle:
    """Tries left by account, of those that were tried last.

    Args:
        rate: How many there may be.
        clock: Monotonic seconds.
    """

    def __init__(self, rate: Rate = TRIES, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._tries: OrderedDict[tuple[str, str], Bucket] = OrderedDict()
        self._homes: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._right: OrderedDict[tuple[str, bytes], None] = OrderedDict()
        self._key = token_bytes(32)

    def take(self, name: str, address: str, password: str) -> float:
        """Take a try; returns 0, or the seconds until there is one."""
        if (name, self._digest(password)) in self._right:
            return 0.0
        now, key = self._clock(), self._place(name, address)
        bucket = self._tries.get(key)
        if bucket is None:
            bucket = self._tries[key] = Bucket(self._rate, now)
            _keep(self._tries)
        self._tries.move_to_end(key)
        return bucket.take(now)

    def succeeded(self, name: str, address: str, password: str) -> None:
        """It was right. This forgives no try: somebody else may be guessing there."""
        right = (name, self._digest(password))
        self._right[right] = None
        self._right.move_to_end(right)
        _keep(self._right)
        self.know(name, address)

    def know(self, name: str, address: str) -> None:
        """Somebody is logged in from there."""
        key = (name, client_key(address))
        self._homes[key] = None
        self._homes.move_to_end(key)
        _keep(self._homes)

    def _digest(self, password: str) -> bytes:
        """With a key that nobody ever sees: it stands for the password here alone."""
        return blake2b(password.encode(errors="replace"), key=self._key, digest_size=16).digest()

    def _place(self, name: str, address: str) -> tuple[str, str]:
        home = (name, client_key(address))
        return home if home in self._homes else (name, "")


def _keep(found: OrderedDict[K, V]) -> None:
    if len(found) > MOST:
        found.popitem(last=False)
