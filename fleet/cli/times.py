"""Points in time as people give them: `15m` ago, an ISO 8601 time, or Unix seconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click

_AGO = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d|w)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_point(text: str, now: datetime) -> datetime | None:
    """Read a point in time as UTC; None when it is none. Without a zone it is local time."""
    try:
        if match := _AGO.fullmatch(text):
            return now - timedelta(seconds=float(match[1]) * _SECONDS[match[2]])
        if re.fullmatch(r"\d{9,11}(\.\d+)?", text):
            return datetime.fromtimestamp(float(text), UTC)
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


class Point(click.ParamType[datetime]):
    """A point in time as an option's value."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read it, or fail with what would be right."""
        if isinstance(value, datetime):
            return value
        found = parse_point(str(value), datetime.now(UTC))
        if found is None:
            self.fail(
                f"{value!r} is no time; write 15m, 2h, 7d (ago), 2026-01-31T12:00:00Z"
                " or Unix seconds",
                param,
                ctx,
            )
        return found


def nanoseconds(time: datetime | None) -> int | None:
    """A time as the Engine client takes it."""
    return None if time is None else int(time.timestamp() * 1_000_000) * 1000
