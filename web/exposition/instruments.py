"""What is counted while the program runs: plain numbers of one thread, without locks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

# Seconds, from what a local answer takes to what no client waits for.
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Histogram:
    """How many values were at most as large as each of a few bounds.

    Args:
        bounds: Ascending; one more bucket takes what is larger than all of them.
    """

    __slots__ = ("_bounds", "_counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[float, int]]:
        """Each bound, and how many values were at most that large; infinity comes last."""
        found, so_far = [], 0
        for bound, count in zip((*self._bounds, float("inf")), self._counts, strict=True):
            so_far += count
            found.append((bound, so_far))
        return found


class Histograms:
    """A histogram for each word of a few, made when it is first used."""

    __slots__ = ("_bounds", "by_word")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.by_word: dict[str, Histogram] = {}

    def observe(self, word: str, value: float) -> None:
        """Count one value under its word. Words must be few: each is as many series as buckets."""
        histogram = self.by_word.get(word)
        if histogram is None:
            histogram = self.by_word[word] = Histogram(self._bounds)
        histogram.observe(value)
