"""What the clients of all Engines do together, for whoever watches the program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors.pool import Observe, Pool, PoolCounts


class Traffic:
    """The pools that are open, and what those did that no longer are.

    Attributes:
        observe: Called with each request that ended; None while nobody watches.
    """

    def __init__(self, observe: Observe | None = None) -> None:
        self.observe = observe
        self._pools: set[Pool] = set()
        self._ended = PoolCounts(0, 0, 0, 0, 0, 0, 0)

    @contextmanager
    def of(self, pool: Pool) -> Iterator[None]:
        """Count a pool in, for the length of a block."""
        self._pools.add(pool)
        try:
            yield
        finally:
            self._pools.discard(pool)
            self._ended = _sum([self._ended, _left(pool.counts())])

    def counts(self) -> PoolCounts:
        """All pools together."""
        return _sum([self._ended, *(pool.counts() for pool in self._pools)])


def _left(counts: PoolCounts) -> PoolCounts:
    """What is left of a pool: its sums; what it still has open closes by itself."""
    return PoolCounts(0, 0, 0, 0, counts.opened, counts.opened, counts.requests)


def _sum(counts: list[PoolCounts]) -> PoolCounts:
    return PoolCounts(
        active=sum(each.active for each in counts),
        idle=sum(each.idle for each in counts),
        waiting=sum(each.waiting for each in counts),
        streams=sum(each.streams for each in counts),
        opened=sum(each.opened for each in counts),
        closed=sum(each.closed for each in counts),
        requests=sum(each.requests for each in counts),
    )
