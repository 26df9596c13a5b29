"""Times as Engines write them."""

from __future__ import annotations

import functools
import time

SECOND = 10**9
NEVER = "0001-01-01T00:00:00Z"
_UNITS = (
    (2 * 365 * 86_400, 365 * 86_400, "years"),
    (60 * 86_400, 30 * 86_400, "months"),
    (14 * 86_400, 7 * 86_400, "weeks"),
    (2 * 86_400, 86_400, "days"),
    (2 * 3600, 3600, "hours"),
    (120, 60, "minutes"),
    (2, 1, "seconds"),
)


@functools.lru_cache(4096)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def stamp(nanos: int) -> str:
    """Write ``2026-11-21T07:27:08.846901745Z``; 0 is never."""
    seconds, rest = divmod(nanos, SECOND)
    return f"{_second(seconds)}.{rest:09d}Z" if nanos else NEVER


def stamp_seconds(nanos: int) -> str:
    """Write ``2026-11-21T07:27:08Z``."""
    return f"{_second(nanos // SECOND)}Z"


@functools.lru_cache(4)
def http_date(seconds: int) -> bytes:
    """Write the header line of an answer's time."""
    return time.strftime("Date: %a, %d %b %Y %H:%M:%S GMT\r\n", time.gmtime(seconds)).encode()


def for_people(nanos: int) -> str:
    """Write how long something lasts as ``docker ps`` shows it: ``5 minutes``."""
    seconds = nanos // SECOND
    for least, unit, name in _UNITS:
        if seconds >= least:
            return f"{seconds // unit} {name}"
    if seconds >= 3600:
        return "About an hour"
    if seconds >= 60:
        return "About a minute"
    return "1 second" if seconds >= 1 else "Less than a second"


def nanoseconds(text: str) -> int:
    """Read ``seconds.nanoseconds``, which clients write with as many digits as they like.

    Raises:
        ValueError: It is no time.
    """
    seconds, _, rest = text.partition(".")
    return int(seconds) * SECOND + int((rest + "000000000")[:9])
