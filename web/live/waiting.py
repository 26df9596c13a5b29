"""Tasks that wait until they are called, a few at a time, on trio and on asyncio."""

from __future__ import annotations

from collections import OrderedDict

import anyio


class WaitingRoom:
    """Who waits, in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[int, anyio.Event] = OrderedDict()
        self._next = 0

    def __len__(self) -> int:
        return len(self._waiting)

    async def wait(self) -> None:
        """Wait to be called."""
        self._next += 1
        number, called = self._next, anyio.Event()
        self._waiting[number] = called
        try:
            await called.wait()
        finally:
            self._waiting.pop(number, None)

    def call(self, count: int) -> None:
        """Call those who wait for longest."""
        for _ in range(min(count, len(self._waiting))):
            _, called = self._waiting.popitem(last=False)
            called.set()
