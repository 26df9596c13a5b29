"""What all hosts share, so that a thousand of them stay polite to this machine."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import trio

from config.models import Fleet, Retention
from connectors.traffic import Traffic
from storage.watching import Watch, unwatched

ROOM_SECONDS = 0.25  # before it is asked again whether there is room; then doubled
LONGEST_ROOM_SECONDS = 5.0


def _nobody(seconds: float) -> None:
    """Nobody is told."""


@dataclass(frozen=True)
class Limits:
    """Limiters of the whole program.

    Attributes:
        dials: Hosts being connected to at a time.
        operations: Containers being inspected at a time.
        connections: Short requests in flight to all Engines together. Each host's first one is
            free, and events, followed logs and pings do not count.
        log_age: How old a line of a log may be to be kept.
        has_room: Whether there is room for what can as well be read later.
        traffic: Where requests and connections are counted.
        discovered: Told the seconds that it took to list and inspect all containers of a host.
        watch: Told of attempts to connect to a host, until it is up.
    """

    dials: trio.CapacityLimiter
    operations: trio.CapacityLimiter
    connections: trio.CapacityLimiter
    log_age: timedelta
    has_room: Callable[[], bool]
    traffic: Traffic = field(default_factory=Traffic)
    discovered: Callable[[float], None] = _nobody
    watch: Watch = unwatched

    @classmethod
    def of(
        cls,
        fleet: Fleet,
        retention: Retention | None = None,
        has_room: Callable[[], bool] = lambda: True,
        traffic: Traffic | None = None,
        discovered: Callable[[float], None] | None = None,
        watch: Watch = unwatched,
    ) -> Limits:
        """Build them from `[fleet]` and `[storage.retention]`."""
        return cls(
            dials=trio.CapacityLimiter(fleet.concurrent_dials),
            operations=trio.CapacityLimiter(fleet.concurrent_operations),
            connections=trio.CapacityLimiter(fleet.connections),
            log_age=timedelta(days=(retention or Retention()).logs),
            has_room=has_room,
            traffic=traffic or Traffic(),
            discovered=discovered or _nobody,
            watch=watch,
        )

    async def room(self) -> None:
        """Wait until there is room, asking ever more rarely: twenty thousand logs may wait."""
        seconds = ROOM_SECONDS
        while not self.has_room():
            await trio.sleep(random.uniform(seconds / 2, seconds))  # noqa: S311 - jitter
            seconds = min(2 * seconds, LONGEST_ROOM_SECONDS)
