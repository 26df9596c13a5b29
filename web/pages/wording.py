"""How figures and times are written on pages: the filters of the templates."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from markupsafe import Markup, escape

UNKNOWN = "-"
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_SAFE = re.compile(r"[^A-Za-z0-9-]")


def size(value: float | None) -> str:
    """Bytes in the unit that fits: `512 B`, `1.5 GiB`."""
    if value is None:
        return UNKNOWN
    unit = 0
    while abs(value) >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return (
        f"{value:.0f} {_UNITS[unit]}"
        if unit == 0 or value >= 100
        else f"{value:.1f} {_UNITS[unit]}"
    )


def percent(value: float | None, digits: int = 1) -> str:
    """A percentage."""
    return UNKNOWN if value is None else f"{value:.{digits}f}%"


def share(part: float | None, whole: float | None) -> float | None:
    """Percent that a part is of the whole; None where that is not known."""
    return None if part is None or not whole else 100 * part / whole


def milliseconds(value: float | None) -> str:
    """A time of response."""
    return UNKNOWN if value is None else f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"


def duration(seconds: float | None) -> str:
    """A span in its two biggest units: `3 d 4 h`, `12 min 5 s`."""
    if seconds is None:
        return UNKNOWN
    rest = max(0, round(seconds))
    found: list[str] = []
    for length, name in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, length)
        if count or (name == "s" and not found):
            found.append(f"{count} {name}")
    return " ".join(found[:2])


@lru_cache(maxsize=64)
def zone_of(name: str) -> tzinfo:
    """The zone that a browser says; UTC where it is not known here."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def in_zone(time: datetime, zone: tzinfo) -> datetime:
    """A time on the clocks of a zone; in UTC where those would leave the years that there are.

    An Engine may say anything, the year 9999 too.
    """
    try:
        return time.astimezone(zone)
    except OverflowError:
        return time.astimezone(UTC)


def time_element(time: datetime | None, zone: tzinfo, now: datetime, counting: str = "") -> Markup:
    """A time in the viewer's zone, with UTC to be seen by pointing at it.

    `counting` `ago` or `for`: a script of the page tells how long ago it was, and goes on to.
    `clock`: what stands above it says the day.
    """
    if time is None:
        return escape(UNKNOWN)
    local, today = in_zone(time, zone), now.astimezone(zone)
    near = counting == "clock" or local.date() == today.date()
    text = f"{local:%H:%M:%S}" if near else f"{local.day} {local:%b %H:%M:%S}"
    count = Markup(" data-{}").format(counting) if counting else ""
    utc = time.astimezone(UTC)
    return Markup('<time datetime="{}" title="{} UTC"{}>{}</time>').format(
        utc.isoformat(), f"{utc:%Y-%m-%d %H:%M:%S}", count, text
    )


def element_id(*parts: str) -> str:
    """An id for an element that belongs to something by its names: each has another one."""
    return "-".join(_SAFE.sub(lambda found: f"_{ord(found[0]):x}_", part) for part in parts)


def prose(text: str) -> Markup:
    """A sentence in which what stands in backticks is typed by people."""
    parts = text.split("`")
    return Markup().join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part)
        for number, part in enumerate(parts)
    )
