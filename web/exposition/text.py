"""Metrics as text: Prometheus' format 0.0.4, and OpenMetrics 1.0, which differs in its headers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Literal

from web.exposition.instruments import Histogram

Kind = Literal["counter", "gauge", "histogram", "info"]

LONGEST_VALUE = 256  # characters of a label: what an Engine says is not ours to bound elsewhere
_SUFFIX = {"counter": "_total", "info": "_info"}
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Family:
    """One metric: its meaning, and all its samples as lines.

    Args:
        name: Without the suffix that its kind brings (`_total`, `_info`, `_bucket`).
        kind: What it is.
        meaning: One sentence, in plain letters.
    """

    __slots__ = ("kind", "lines", "meaning", "name", "sample")

    def __init__(self, name: str, kind: Kind, meaning: str) -> None:
        self.name = name
        self.kind = kind
        self.meaning = meaning
        self.sample = name + _SUFFIX.get(kind, "")
        self.lines: list[str] = []

    def add(self, value: float, **labels: str) -> Family:
        """Add a sample; returns the family."""
        self.lines.append(f"{self.sample}{braced(labels.items())} {number(value)}\n")
        return self

    def add_each(self, label: str, values: Iterable[tuple[str, float]]) -> Family:
        """Add a sample for each value of one label; returns the family."""
        for word, value in values:
            self.lines.append(f"{self.sample}{braced([(label, word)])} {number(value)}\n")
        return self

    def add_histogram(self, histogram: Histogram, **labels: str) -> Family:
        """Add all samples of a histogram; returns the family."""
        pairs, buckets = list(labels.items()), histogram.buckets()
        for bound, count in buckets:
            text = braced([*pairs, ("le", number(bound))])
            self.lines.append(f"{self.name}_bucket{text} {count}\n")
        self.lines.append(f"{self.name}_sum{braced(pairs)} {number(histogram.total)}\n")
        self.lines.append(f"{self.name}_count{braced(pairs)} {buckets[-1][1]}\n")
        return self

    def parts(self, most: int, *, openmetrics: bool) -> Iterator[list[str]]:
        """The whole metric, so many lines at a time; nothing where it has no samples.

        Each part is forgotten here: to free all of it at once would take long.
        """
        if self.lines:
            yield [self._head(openmetrics=openmetrics)]
        while self.lines:
            part = self.lines[:most]
            del self.lines[:most]
            yield part

    def _head(self, *, openmetrics: bool) -> str:
        name = self.name if openmetrics else self.sample
        kind = "gauge" if self.kind == "info" and not openmetrics else self.kind
        return f"# HELP {name} {self.meaning}\n# TYPE {name} {kind}\n"


def escape(value: str) -> str:
    """A label's value as it stands between quotes."""
    if "\\" in value or '"' in value or "\n" in value:  # rarely, and translating takes long
        return value[:LONGEST_VALUE].translate(_ESCAPES)
    return value[:LONGEST_VALUE]


def braced(labels: Iterable[tuple[str, str]]) -> str:
    """Labels in their braces; nothing where there are none."""
    inner = ",".join([f'{name}="{escape(value)}"' for name, value in labels])
    return f"{{{inner}}}" if inner else ""


def number(value: float) -> str:
    """A value as both formats read it."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")
    return repr(value if isinstance(value, float) else int(value))
