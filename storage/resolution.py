"""Which of the samples and their rollups a query of history reads. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from config.models import Retention

Resolution = Literal["raw", "1m", "1h", "1d"]

STEPS: dict[Resolution, timedelta] = {
    "raw": timedelta(milliseconds=1),
    "1m": timedelta(minutes=1),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
}
_KEPT: dict[Resolution, str] = {"raw": "samples", "1m": "minutes", "1h": "hours", "1d": "days"}
_READ_EVERY = {**STEPS, "raw": timedelta(seconds=10)}  # for samples a guess
_MOST_READ = {False: 10_000, True: 100_000}  # rows, for finer points than the range is for; many
_SLACK = timedelta(minutes=1)  # between when a range is asked for, up to now, and when it is read
_ARRIVAL = timedelta(seconds=5)  # from a sample to its row
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ONE: dict[Resolution, timedelta] = {
    "raw": timedelta(hours=1),
    "1m": timedelta(hours=24),
    "1h": timedelta(days=30),
    "1d": timedelta.max,
}
"""The longest range that each is for, where one container or host is read."""

MANY: dict[Resolution, timedelta] = {
    "1m": timedelta(hours=6),
    "1h": timedelta(days=8),
    "1d": timedelta.max,
}
"""The same where many are read, and summed up."""


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """Steps of `width` from `start`, the last of which holds the time just before `end`."""

    resolution: Resolution
    start: datetime
    end: datetime
    width: timedelta


def choose(
    start: datetime,
    end: datetime,
    points: int,
    kept: Callable[[Resolution, datetime], bool],
    *,
    series: int | None = None,
) -> Resolution:
    """The resolution for one container or host, or a sum over `series` of them, in `points` steps.

    The one that the range is for, finer where steps would be shorter than what it has and that
    is not too much to read, coarser where the finer ones no longer reach back to `start`.
    """
    longest = ONE if series is None else MANY
    there = [name for name in longest if kept(name, start)] or ["1d"]
    fitting = [name for name in there if end - start <= longest[name]] or there[-1:]
    place = there.index(fitting[0])
    wished = (end - start) / points
    while place > 0 and STEPS[there[place]] > wished:
        reads = (end - start) / _READ_EVERY[there[place - 1]] * (series or 1)
        if reads > _MOST_READ[series is not None]:
            break
        place -= 1
    return there[place]


def kept_by(retention: Retention, now: datetime) -> Callable[[Resolution, datetime], bool]:
    """Whether each resolution still reaches back to a time."""
    return lambda name, time: time >= now - timedelta(days=getattr(retention, _KEPT[name])) - _SLACK


def grid(resolution: Resolution, start: datetime, end: datetime, points: int) -> Grid:
    """At most `points` steps over a range, each a multiple of what the resolution has.

    They begin where the resolution has a step, at `start` or a little before.
    """
    step = STEPS[resolution]
    begin = start if resolution == "raw" else floored(start, step)
    width = max((end - begin) / points, step)
    if resolution != "raw":
        width = step * math.ceil((end - begin) / points / step)
    return Grid(resolution=resolution, start=begin, end=end, width=width)


def settled(end: datetime, now: datetime) -> datetime:
    """`end`, or where the last minute ends that samples of all hosts have had time to come for.

    In the minute that runs some hosts are not sampled yet: a sum over all would dip there.
    """
    return min(end, floored(now - _ARRIVAL, STEPS["1m"]))


def floored(time: datetime, step: timedelta) -> datetime:
    """The last multiple of `step` that is not after `time`."""
    return time - (time - _EPOCH) % step
