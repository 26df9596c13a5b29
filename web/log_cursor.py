"""Places in the logs as opaque words: where the next page begins, or a stream goes on."""

from __future__ import annotations

import base64
import binascii
from typing import TypeVar

import msgspec

from storage.queries_logs import LogPlace
from web.history_documents import LogLineDocument
from web.times import YEARS

P = TypeVar("P", bound=LogPlace)


class LogReached(LogPlace, frozen=True, kw_only=True, array_like=True):
    """How far a stream was told: the newest line's place, and what else there was just before it.

    Attributes:
        floor: Nanoseconds: what was written before, and has no mark, is told of no more.
        marks: The last line of each stream of a container, by a short mark of it, as its
            nanoseconds and sequence.
    """

    floor: int
    marks: dict[int, tuple[int, int]]


def place_of(line: LogLineDocument) -> LogPlace:
    """The place of a line."""
    return LogPlace(
        line.time, line.time_nano, line.host, line.container_id, line.stream, line.sequence
    )


def write_cursor(place: LogPlace) -> str:
    """The place as letters, digits, `-` and `_`."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(place)).decode().rstrip("=")


def read_cursor(cursor: str) -> LogPlace | None:
    """The place that a cursor means, a stream's too; None where it is none that was given out."""
    return _read(cursor, LogPlace)


def read_reached(cursor: str) -> LogPlace | None:
    """The same, as far as it goes: a `LogReached` where a stream gave it."""
    reached = _read(cursor, LogReached)
    if reached is None:
        return _read(cursor, LogPlace)
    times = [reached.floor, *(nanoseconds for nanoseconds, _ in reached.marks.values())]
    return reached if all(0 <= time < 2**62 for time in times) else None


def _read(cursor: str, kind: type[P]) -> P | None:
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        place = msgspec.msgpack.decode(data, type=kind)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        return None
    timely = place.time.tzinfo is not None and place.time.year in YEARS
    fits = abs(place.time_nano) < 2**63 and abs(place.sequence) < 2**31
    return place if timely and fits else None
