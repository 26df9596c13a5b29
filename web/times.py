"""Times and durations as people write them in a query."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from web.problems import Problem, bad_parameter

MAX_SPAN = timedelta(days=800)  # longer than days are kept, unless told to
DEFAULT_SPAN = timedelta(hours=1)
YEARS = range(1000, 9999)  # of times that any span can be added to, or taken from
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([0-9]{1,9})([smhdw])")
_SECONDS = re.compile(r"[0-9]{1,11}(\.[0-9]{1,9})?")
_LOST_PLUS = re.compile(r"(?<=\d) (?=\d\d:?\d\d$)")  # `+` in a query string means a space


def parse_duration(text: str) -> timedelta | None:
    """`90s`, `15m`, `2h`, `7d`, `1w`; None for anything else."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    try:
        return timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    except OverflowError:  # millions of years
        return None


def parse_time(name: str, text: str, now: datetime) -> datetime:
    """A time with zone, Unix seconds, or a duration before `now`, as UTC.

    Raises:
        Problem: It is none of these; `name` is the parameter to blame.
    """
    try:
        if (ago := parse_duration(text)) is not None:
            time = now - ago
        elif _SECONDS.fullmatch(text):
            time = datetime.fromtimestamp(float(text), UTC)
        else:
            time = datetime.fromisoformat(_LOST_PLUS.sub("+", text))
        if time.tzinfo is None or time.year not in YEARS:
            raise bad_parameter(name, text)
        return time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise bad_parameter(name, text) from error


def window(
    start: str | None, end: str | None, last: str | None, now: datetime
) -> tuple[datetime, datetime]:
    """The span of a history query: `last`, or `start` to `end`; the last hour when nothing is said.

    Raises:
        Problem: The span is contradictory, empty, or longer than 800 days.
    """
    if last is not None:
        span = parse_duration(last)
        if span is None or not timedelta(0) < span <= MAX_SPAN or start or end:
            raise bad_parameter("last", last)
        return now - span, now
    until = parse_time("end", end, now) if end else now
    begin = parse_time("start", start, now) if start else until - DEFAULT_SPAN
    if begin >= until:
        raise _bad_start(begin, "is not before the end")
    if until - begin > MAX_SPAN:
        raise _bad_start(begin, f"is more than {MAX_SPAN.days} days before the end; ask for less")
    return begin, until


def _bad_start(begin: datetime, why: str) -> Problem:
    return Problem(
        "bad-parameter", f"Query parameter `start` ({begin.isoformat()}) {why}.", parameter="start"
    )
