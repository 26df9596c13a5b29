"""Engine times: RFC 3339 with nanoseconds, and year 1 for "never"."""

from __future__ import annotations

from datetime import UTC, datetime


def parse_time(text: str) -> datetime | None:
    """Read an Engine's time as UTC; None for "never", an empty string or nonsense.

    Nanoseconds are cut to microseconds. Podman writes offsets other than `Z`, which may move a time
    out of the years that a datetime knows.
    """
    if not text or text.startswith("0001-"):
        return None
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
