"""How often passwords may be tried for one account, wherever from. Pure: told the time.

Nobody can lock somebody else out with it: where somebody has logged in from before, and is logged
in, tries are counted apart from those of the rest of the world.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from web.limits.addresses import client_key
from web.limits.buckets import Bucket, Rate

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

    def take(self, name: str, address: str) -> float:
        """Take a try; returns 0, or the seconds until there is one."""
        now, key = self._clock(), self._key(name, address)
        bucket = self._tries.get(key)
        if bucket is None:
            bucket = self._tries[key] = Bucket(self._rate, now)
            _keep(self._tries)
        self._tries.move_to_end(key)
        return bucket.take(now)

    def succeeded(self, name: str, address: str) -> None:
        """The password was right: the tries from there are full again, and counted apart."""
        self._tries.pop(self._key(name, address), None)
        self.know(name, address)

    def know(self, name: str, address: str) -> None:
        """Somebody is logged in from there."""
        key = (name, client_key(address))
        self._homes[key] = None
        self._homes.move_to_end(key)
        _keep(self._homes)

    def _key(self, name: str, address: str) -> tuple[str, str]:
        home = (name, client_key(address))
        return home if home in self._homes else (name, "")


def _keep(found: OrderedDict[tuple[str, str], Bucket] | OrderedDict[tuple[str, str], None]) -> None:
    if len(found) > MOST:
        found.popitem(last=False)
