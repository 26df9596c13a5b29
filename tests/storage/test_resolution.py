"""Which rollup a range is read from."""

from datetime import UTC, datetime, timedelta

import pytest

from config.models import Retention
from storage.resolution import Resolution, choose, grid, kept_by, settled

NOW = datetime(2026, 3, 5, 12, 34, 56, 789, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("span", "points", "ago", "series", "chosen"),
    [
        (HOUR, 300, 0 * DAY, None, "raw"),
        (HOUR, 1, 0 * DAY, None, "raw"),
        (2 * HOUR, 60, 0 * DAY, None, "1m"),
        (2 * HOUR, 300, 0 * DAY, None, "raw"),  # steps of 24 s
        (DAY, 300, 0 * DAY, None, "1m"),
        (DAY, 8000, 0 * DAY, None, "raw"),
        (2 * DAY, 10_000, 0 * DAY, None, "1m"),  # samples would be 17,280
        (6 * DAY, 300, 0 * DAY, None, "1m"),
        (7 * DAY, 300, 0 * DAY, None, "1h"),  # minutes would be 10,080
        (30 * DAY, 10, 0 * DAY, None, "1h"),
        (31 * DAY, 10, 0 * DAY, None, "1d"),
        (90 * DAY, 300, 0 * DAY, None, "1h"),
        (90 * DAY, 90, 0 * DAY, None, "1d"),
        (HOUR, 300, 6.9 * DAY, None, "raw"),
        (HOUR, 300, 7 * DAY - HOUR, None, "raw"),
        (HOUR, 300, 7 * DAY - HOUR / 2, None, "1m"),  # some may have been dropped
        (HOUR, 300, 8 * DAY, None, "1m"),  # samples are no longer kept
        (HOUR, 300, 31 * DAY, None, "1h"),
        (HOUR, 300, 91 * DAY, None, "1d"),
        (HOUR, 300, 900 * DAY, None, "1d"),
        (HOUR, 300, -2 * DAY, None, "raw"),
        (HOUR, 300, 0 * DAY, 1000, "1m"),
        (DAY, 300, 0 * DAY, 1000, "1h"),
        (DAY, 300, 0 * DAY, 10, "1m"),
        (7 * DAY, 300, 0 * DAY, 1000, "1h"),
        (90 * DAY, 300, 0 * DAY, 1000, "1d"),
    ],
)
def test_the_resolution_fits_range_points_and_what_is_kept(
    span: timedelta, points: int, ago: timedelta, series: int | None, chosen: Resolution
) -> None:
    end = NOW - ago
    kept = kept_by(Retention(), NOW)
    assert choose(end - span, end, points, kept, series=series) == chosen


@pytest.mark.parametrize("points", [1, 7, 300, 10_000])
@pytest.mark.parametrize("resolution", ["raw", "1m", "1h", "1d"])
def test_steps_are_whole_and_no_more_than_asked(resolution: Resolution, points: int) -> None:
    made = grid(resolution, NOW - DAY, NOW, points)
    steps = {"raw": None, "1m": 60, "1h": 3600, "1d": 86_400}[resolution]
    assert made.start <= NOW - DAY
    assert made.start + made.width * points >= NOW - timedelta(milliseconds=1)
    if steps is not None:
        assert made.start.timestamp() % steps == 0
        assert made.width.total_seconds() % steps == 0
        assert (NOW - DAY) - made.start < timedelta(seconds=steps)


def test_the_minute_that_runs_is_not_settled() -> None:
    minute = NOW.replace(second=0, microsecond=0)
    assert settled(NOW, NOW) == minute
    assert settled(NOW + HOUR, minute + timedelta(seconds=4)) == minute - timedelta(minutes=1)
    assert settled(NOW - HOUR, NOW) == NOW - HOUR
