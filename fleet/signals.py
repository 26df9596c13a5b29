"""The operator's signals: SIGINT and SIGTERM end the program, SIGHUP reads the configuration."""

from __future__ import annotations

import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

log = logging.getLogger(__name__)


class Signals:
    """What the signals do now.

    Attributes:
        stop: Cancelled by the first SIGINT or SIGTERM.
        on_hangup: Called for every SIGHUP.
    """

    def __init__(self) -> None:
        self.stop = trio.CancelScope()
        self.on_hangup: Callable[[], None] = lambda: log.info("nothing to read anew yet")

    async def _receive(self, task_status: trio.TaskStatus[None]) -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as received:
            task_status.started()
            async for number in received:
                if number == signal.SIGHUP:
                    self.on_hangup()
                elif not self.stop.cancel_called:
                    log.info("stopping (%s)", signal.Signals(number).name)
                    self.stop.cancel()


@asynccontextmanager
async def open_signals() -> AsyncIterator[Signals]:
    """Receive the signals for the length of the block; what `stop` wraps ends by them."""
    signals = Signals()
    async with trio.open_nursery() as nursery:
        await nursery.start(signals._receive)
        yield signals
        nursery.cancel_scope.cancel()
