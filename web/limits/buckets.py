"""Token buckets: so many at once, so many a second in the long run. Pure: told the time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_second` in the long run, `burst` at once after some quiet. 0 a second: no limit."""

    per_second: float
    burst: float


class Bucket:
    """What is left for one client, full at first.

    Args:
        rate: How fast it fills, and how much it holds.
        now: Monotonic seconds.
    """

    __slots__ = ("_at", "_left", "_rate")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._left = rate.burst
        self._at = now

    def take(self, now: float) -> float:
        """Take one; returns 0, or in how many seconds there is one (nothing was taken then)."""
        if self._rate.per_second <= 0:
            return 0.0
        filled = self._left + max(0.0, now - self._at) * self._rate.per_second
        self._left, self._at = min(self._rate.burst, filled), max(self._at, now)
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) / self._rate.per_second
