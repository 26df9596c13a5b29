"""Charts of characters: bars of eighths of a row, the extremes shaded, gaps left open. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

EIGHTHS = " ▁▂▃▄▅▆▇█"
PEAK = "░"
GAP = "·"
AXIS = "─"
LABEL = 10  # columns left of a chart
_ASCII = str.maketrans("▁▂▃▄▅▆▇█░·─┤└", "_.,-=+##:.-|+")


@dataclass(frozen=True)
class Reading:
    """What one step of history tells of one figure.

    Attributes:
        time: When the step begins.
        weight: How many samples stand behind it.
        least: The least there was.
        mean: The average.
        most: The most there was.
    """

    time: datetime
    weight: float
    least: float
    mean: float
    most: float


@dataclass(frozen=True)
class Bar:
    """One column of a chart."""

    mean: float
    most: float


@dataclass(frozen=True)
class Frame:
    """From when until when, in steps of what length (`step`), and how many columns to draw.

    Steps that are up to `patience` times as far apart as usual have no gap between them.
    """

    start: datetime
    end: datetime
    step: timedelta
    columns: int
    patience: float = 1.5

    def column(self, time: datetime) -> float:
        """Where a time is."""
        return (time - self.start) / (self.end - self.start) * self.columns


def bars(readings: Sequence[Reading], frame: Frame) -> list[Bar | None]:
    """Spread readings, oldest first, over the columns; None where there was none.

    Several in a column become their average and their most.
    """
    gathered: list[list[Reading]] = [[] for _ in range(frame.columns)]
    usual = max(frame.step, spacing(each.time for each in readings))
    for place, reading in enumerate(readings):
        until = reading.time + usual
        if place + 1 < len(readings):
            following = readings[place + 1].time
            if following - reading.time <= usual * frame.patience:
                until = following
        first = min(max(0, math.floor(frame.column(reading.time))), frame.columns - 1)
        beyond = min(math.floor(frame.column(min(until, frame.end))), frame.columns)
        for at in range(first, max(first + 1, beyond)):
            gathered[at].append(reading)
    return [_bar(each) if each else None for each in gathered]


def spacing(times: Iterable[datetime]) -> timedelta:
    """How far apart times mostly are: samples may be taken at longer intervals than the steps."""
    apart = sorted(after - before for before, after in pairwise(sorted(set(times))))
    return apart[len(apart) * 3 // 4] if apart else timedelta(0)


def _bar(readings: Sequence[Reading]) -> Bar:
    weight = sum(each.weight for each in readings)
    mean = sum(each.mean * each.weight for each in readings) / weight
    return Bar(mean, max(each.most for each in readings))


def draw(row: Sequence[Bar | None], rows: int, unit: Callable[[float], str]) -> list[str]:
    """A chart of so many rows with its axis below; of one row just the row.

    Args:
        row: One bar a column.
        rows: How high it is.
        unit: Writes a figure.
    """
    top = max((each.most for each in row if each), default=0.0) or 1.0
    lines = [
        "".join(_cell(each, level, rows * 8 / top) for each in row)
        for level in range(rows - 1, -1, -1)
    ]
    if rows == 1:
        return ["".join(GAP if each is None else sign for each, sign in _with(row, lines[0]))]
    labels = [unit(top), *[""] * (rows - 2), unit(0)]
    drawn = [f"{label:>{LABEL - 2}} ┤{line}" for label, line in zip(labels, lines, strict=True)]
    axis = "".join(GAP if each is None else AXIS for each in row)
    return [*drawn, " " * (LABEL - 1) + "└" + axis]


def _with(row: Sequence[Bar | None], line: str) -> list[tuple[Bar | None, str]]:
    return list(zip(row, line, strict=True))


def _cell(bar: Bar | None, level: int, eighths: float) -> str:
    if bar is None:
        return " "
    height = round(bar.mean * eighths)
    if bar.mean > 0:
        height = max(1, height)  # little is not nothing
    filled = min(8, max(0, height - 8 * level))
    if filled == 0 and bar.most * eighths > 8 * level + 4:
        return PEAK
    return EIGHTHS[filled]


def plain(line: str, encoding: str) -> str:
    """The line as a terminal of this encoding can show it."""
    return line if encoding.lower().startswith("utf") else line.translate(_ASCII)
