"""Figures and times as people read them. None is "not known" and becomes an empty text."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size(count: float | None) -> str:
    """Bytes in binary units with four significant figures at most: `1.5GiB`, as docker stats."""
    if count is None:
        return ""
    value = float(count)
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            break
        value /= 1024
    return f"{value:.4g}{unit}"


def percent(value: float | None) -> str:
    """A percentage with two decimals."""
    return "" if value is None else f"{value:.2f}%"


def milliseconds(value: float | None) -> str:
    """A response time: `0.8 ms`, `12 ms`."""
    if value is None:
        return ""
    return f"{value:.1f} ms" if value < 10 else f"{value:.0f} ms"


def ago(time: datetime | None, now: datetime | None = None) -> str:
    """How long ago, in the largest unit: `12s`, `5m`, `3h`, `4d`."""
    if time is None:
        return ""
    seconds = max(0.0, ((now or datetime.now(UTC)) - time).total_seconds())
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{int(seconds // length)}{unit}"
    return f"{int(seconds)}s"


def minute(time: datetime) -> str:
    """A point in time in this machine's zone: `2026-01-30 12:05`."""
    return f"{time.astimezone():%Y-%m-%d %H:%M}"


def pairs(values: dict[str, str]) -> str:
    """Labels as `key=value,key=value`."""
    return ",".join(f"{key}={value}" for key, value in values.items())


def count(number: float) -> str:
    """A whole number with its thousands apart: `1,234,567`."""
    return f"{number:,.0f}"
