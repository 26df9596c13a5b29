"""Figures of the program itself, read out of its own metrics: one source for both."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from web.exposition.text import Family

_SAMPLE = re.compile(r"([a-z0-9_]+)(?:\{(.*)\})? (\S+)\n?")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Sample(NamedTuple):
    """One line of a metric."""

    name: str
    labels: Mapping[str, str]
    value: float


class Figures:
    """Sums over what several processes tell, each under its own label.

    Args:
        families: As a scrape would be told; only those that are asked for are read.
    """

    def __init__(self, families: Iterable[Family]) -> None:
        self._lines = {family.name: family.lines for family in families}

    def value(self, name: str, **labels: str) -> float | None:
        """The sum of all samples with these labels; None where there are none."""
        found = [
            sample.value
            for sample in self._samples(name)
            if all(sample.labels.get(key) == value for key, value in labels.items())
        ]
        return sum(found) if found else None

    def by(self, name: str, label: str) -> dict[str, float]:
        """The sums by the values of one label."""
        found: Counter[str] = Counter()
        for sample in self._samples(name):
            if label in sample.labels:
                found[sample.labels[label]] += sample.value  # type: ignore[assignment] # of floats
        return dict(found)

    def least(self, name: str) -> float | None:
        """The least of all samples."""
        return min((sample.value for sample in self._samples(name)), default=None)

    def says(self, name: str, label: str) -> str:
        """A label of the first sample, empty where there is none."""
        return next((one.labels.get(label, "") for one in self._samples(name)), "")

    def quantile(self, name: str, share: float) -> float | None:
        """What so large a share of a histogram's values is at most; None without any value.

        Between two bounds it is guessed in proportion.
        """
        found: Counter[float] = Counter()
        for sample in self._samples(name):
            if sample.name.endswith("_bucket"):
                found[float(sample.labels["le"])] += int(sample.value)
        return _quantile(sorted(found.items()), share)

    def _samples(self, name: str) -> Iterator[Sample]:
        for line in self._lines.get(name, ()):
            match = _SAMPLE.fullmatch(line)
            if match is not None:
                labels = dict(_LABEL.findall(match[2] or ""))
                yield Sample(match[1], labels, float(match[3]))


def _quantile(buckets: list[tuple[float, int]], share: float) -> float | None:
    if not buckets or not buckets[-1][1]:
        return None
    wanted = share * buckets[-1][1]
    below, before = 0.0, 0
    for bound, count in buckets:
        if count >= wanted:
            if bound == float("inf"):
                return below
            return below + (bound - below) * (wanted - before) / max(1, count - before)
        below, before = bound, count
    return below
