"""What all hosts share, so that a thousand of them stay polite to this machine."""

from __future__ import annotations

from dataclasses import dataclass

import trio

from config.models import Fleet


@dataclass(frozen=True)
class Limits:
    """Limiters of the whole program.

    Attributes:
        dials: Hosts being connected to at a time.
        operations: Containers being inspected at a time.
        connections: Short requests in flight to all Engines together. Each host's first one is
            free, and events, followed logs and pings do not count.
    """

    dials: trio.CapacityLimiter
    operations: trio.CapacityLimiter
    connections: trio.CapacityLimiter

    @classmethod
    def of(cls, fleet: Fleet) -> Limits:
        """Build them from `[fleet]`."""
        return cls(
            dials=trio.CapacityLimiter(fleet.concurrent_dials),
            operations=trio.CapacityLimiter(fleet.concurrent_operations),
            connections=trio.CapacityLimiter(fleet.connections),
        )
