"""Work that many streams do on the one loop: with many viewers it would leave no time for hosts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio

T = TypeVar("T")


class LoopShare:
    """At most half of a loop's time: one piece of work after another, each with as long a rest.

    Who waits is let in first come, first served: with more viewers all are told less often.
    """

    def __init__(self) -> None:
        self._lock = anyio.Lock()
        self._rested = float("-inf")

    async def do(self, work: Callable[[], T]) -> T:
        """Work, which does not wait for anything, once it is its turn."""
        async with self._lock:
            await anyio.sleep_until(self._rested)
            began = anyio.current_time()
            try:
                return work()
            finally:
                ended = anyio.current_time()
                self._rested = ended + (ended - began)
