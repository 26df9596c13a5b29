"""Calls from worker threads into the loop that runs: trio's, or asyncio's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import trio

Call = Callable[[], object]


def caller_of_this_loop() -> Callable[[Call], None]:
    """What calls a function in this loop from any thread, a moment later; at its end no more."""
    if trio.lowlevel.in_trio_run():
        token = trio.lowlevel.current_trio_token()

        def in_trio(call: Call) -> None:
            try:
                token.run_sync_soon(call)
            except trio.RunFinishedError:
                return

        return in_trio
    loop = asyncio.get_running_loop()

    def in_asyncio(call: Call) -> None:
        try:
            loop.call_soon_threadsafe(call)
        except RuntimeError:  # it is closed
            return

    return in_asyncio
