"""One host's life: connect, follow, lose, wait, connect again, until cancelled.

The client's lifetime is the attempt's lifetime: connecting, following and closing sit inside one
attempt. Expected failures become the host's state; anything else ends the program loudly.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, ExitStack
from datetime import timedelta
from functools import partial
from typing import NoReturn

import trio

from config.models import Host
from connectors.endpoint import Endpoint
from connectors.errors import EngineError
from fleet.backoff import Backoff
from fleet.connected import most_telling, open_connected
from fleet.events import EventCursor
from fleet.follow import follow
from fleet.limits import Limits
from fleet.model import Failure
from fleet.tracker import Tracker, now

log = logging.getLogger(__name__)

Publish = Callable[[Host, Endpoint], AbstractAsyncContextManager[None]]


class HostSession:
    """Keeps the tracker true to one host.

    Args:
        host: Its configuration.
        tracker: Where everything learned goes.
        limits: What all hosts share.
        cursor: Where its events stand; outlives connections.
        publish: Offers a connected host's Engine to other programs on this machine.
    """

    def __init__(
        self,
        host: Host,
        tracker: Tracker,
        limits: Limits,
        cursor: EventCursor,
        publish: Publish,
    ) -> None:
        self._host = host
        self._tracker = tracker
        self._limits = limits
        self._cursor = cursor
        self._publish = publish
        self._backoff = Backoff(host.retry)
        self._up_since: float | None = None

    async def run(self) -> NoReturn:
        """Attempt after attempt, with jittered backoff between them."""
        while True:
            self._up_since = None
            error = await self._attempt()
            await trio.sleep(self._after_failure(error))

    async def _attempt(self) -> EngineError:
        """Connect and follow until that fails; returns why."""
        error: EngineError | None = None
        try:
            await self._connect_and_follow()
        except* EngineError as group:
            error = most_telling(group)
        assert error is not None, "following an Engine only ends by an error"  # noqa: S101
        return error

    async def _connect_and_follow(self) -> NoReturn:
        with ExitStack() as attempt:
            attempt.enter_context(
                self._limits.watch("host.connect", {"fleet.host": self._host.name})
            )
            async with (
                open_connected(self._host, self._limits) as connected,
                self._publish(self._host, connected.endpoint),
            ):
                came_up = partial(self._came_up, attempt)
                await follow(connected, self._tracker, self._cursor, self._limits, came_up)

    def _came_up(self, attempt: ExitStack) -> None:
        attempt.close()
        self._up_since = trio.current_time()
        state = self._tracker.hosts[self._host.name]
        if state.attempts:
            log.info("%s: up after %d failed attempts", self._host.name, state.attempts)

    def _after_failure(self, error: EngineError) -> float:
        """Show the failure; returns the seconds to wait."""
        was_up = self._up_since is not None
        if (
            self._up_since is not None
            and trio.current_time() - self._up_since >= self._host.retry.stable_after
        ):
            self._backoff.reset()
        delay = self._backoff.next_delay()
        state = self._tracker.hosts[self._host.name]
        if state.error is None or state.error.message != error.what:
            log.warning("%s", error)
        self._tracker.update_host(
            self._host.name,
            status="down",
            error=Failure(kind=error.kind, message=error.what, hint=error.hint, at=now()),
            stale_since=state.stale_since or (state.last_seen if state.listed else None),
            attempts=1 if was_up else state.attempts + 1,
            reconnects=state.reconnects + was_up,
            next_attempt=now() + timedelta(seconds=delay),
            response_seconds=None,
        )
        return delay
