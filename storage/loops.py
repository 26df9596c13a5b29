"""The loop that runs, trio's or asyncio's, for worker threads that have something to tell it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import trio

Call = Callable[[], object]


class Loop(Protocol):
    """One of both."""

    def time(self) -> float:
        """As deadlines count it. Call it in the loop."""
        ...

    def call_soon(self, call: Call) -> None:
        """Call something in the loop, from any thread; once the loop has ended no more."""
        ...


def this_loop() -> Loop:
    """The loop that this is called in."""
    return _Trio() if trio.lowlevel.in_trio_run() else _Asyncio()


class _Trio:
    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()

    def time(self) -> float:
        return trio.current_time()

    def call_soon(self, call: Call) -> None:
        try:
            self._token.run_sync_soon(call)
        except trio.RunFinishedError:
            return


class _Asyncio:
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def time(self) -> float:
        return self._loop.time()

    def call_soon(self, call: Call) -> None:
        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:  # it is closed
            return
