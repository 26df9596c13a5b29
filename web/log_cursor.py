"""A line's place in the logs as an opaque word: where the next page begins."""

from __future__ import annotations

import base64
import binascii

import msgspec

from storage.queries_logs import LogPlace
from web.history_documents import LogLineDocument
from web.times import YEARS


def place_of(line: LogLineDocument) -> LogPlace:
    """The place of a line."""
    return LogPlace(
        line.time, line.time_nano, line.host, line.container_id, line.stream, line.sequence
    )


def write_cursor(place: LogPlace) -> str:
    """The place as letters, digits, `-` and `_`."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(place)).decode().rstrip("=")


def read_cursor(cursor: str) -> LogPlace | None:
    """The place that a cursor means; None where it is none that was given out."""
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        place = msgspec.msgpack.decode(data, type=LogPlace)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        return None
    timely = place.time.tzinfo is not None and place.time.year in YEARS
    fits = abs(place.time_nano) < 2**63 and abs(place.sequence) < 2**31
    return place if timely and fits else None
