"""How far one reader was told of lines, so that none is told twice and none is left out.

Lines of several containers do not come in the order of their times: one host is read later than
another. So a place alone does not tell what was sent. What a reader resumes with has the last line
of each stream of a container, as far as that was lately; of the others, nothing was sent lately.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from time import time_ns
from zlib import crc32

from storage.queries_logs import LogPlace
from web.history_documents import LogLineDocument
from web.log_cursor import LogReached, place_of, write_cursor

LATE = timedelta(seconds=15)  # how much later than others a container's lines may come in
SEEN = 20_000  # lines that are told apart
_LATE = int(LATE.total_seconds()) * 10**9
_MARKS = 256  # of a cursor, which has to fit into a header

LineKey = tuple[str, str, int, str, int]
_Mark = tuple[int, int, int]  # nanoseconds and sequence of a line, and when it was told as it came


class Seen:
    """The last lines that somebody met, so many of them."""

    def __init__(self) -> None:
        self._keys: OrderedDict[LineKey, None] = OrderedDict()

    def __contains__(self, line: LogLineDocument) -> bool:
        return _key(line) in self._keys

    def add(self, line: LogLineDocument) -> None:
        """Meet a line."""
        self._keys[_key(line)] = None
        if len(self._keys) > SEEN:
            self._keys.popitem(last=False)


class Progress:
    """What one reader was told, here and, up to a place, before.

    Args:
        before: Where the reader resumes, None for a new one.
        since: Before this nothing is told.
    """

    def __init__(self, before: LogPlace | None, since: datetime) -> None:
        self.newest = before
        self._before = before
        self._seen = Seen()
        self._marks: dict[int, _Mark] = {}
        self._floor = nanos(since)
        if isinstance(before, LogReached):
            self._marks = {mark: (*last, time_ns()) for mark, last in before.marks.items()}
            self._floor = before.floor
        elif before is not None:
            mark = _mark(before.host, before.container_id, before.stream)
            self._marks[mark] = (before.time_nano, before.sequence, time_ns())
            self._floor = before.time_nano

    def begin_at(self, line: LogLineDocument) -> None:
        """Nothing before a line is to be told."""
        self._floor = line.time_nano

    def begin(self) -> datetime:
        """From when on there may be lines that were not told, of those that are stored late too."""
        place = self.newest
        if place is None:
            return _time(self._floor)
        if place is self._before:
            return _time(min([self._floor, *(mark[0] for mark in self._marks.values())]))
        return _time(max(self._floor, place.time_nano - _LATE))

    def is_told(self, line: LogLineDocument) -> bool:
        """Whether it was told here."""
        return line in self._seen

    def was_told(self, line: LogLineDocument) -> bool:
        """Whether a line that is stored was told here or before, or is not to be told."""
        if line in self._seen:
            return True
        before = self._before
        if before is None:
            return line.time_nano < self._floor
        if not isinstance(before, LogReached):
            return _order(place_of(line)) <= _order(before)
        mark = before.marks.get(_mark(line.host, line.container_id, line.stream))
        if mark is None:
            return line.time_nano < before.floor
        return (line.time_nano, line.sequence) <= mark

    def tell(self, line: LogLineDocument, *, live: bool) -> None:
        """It is told now, as it came in or from what is stored."""
        self._seen.add(line)
        mark, place = _mark(line.host, line.container_id, line.stream), place_of(line)
        known = self._marks.pop(mark, (0, 0, 0))
        told = time_ns() if live else known[2]
        self._marks[mark] = (*max(known[:2], (line.time_nano, line.sequence)), told)
        if len(self._marks) > _MARKS:
            del self._marks[next(iter(self._marks))]  # the one told longest ago
        if self.newest is None or _order(place) > _order(self.newest):
            self.newest = place

    def cursor(self) -> str | None:
        """Where to resume after what was told, None before anything was.

        An Engine's clock may be ahead, and what was written long ago may come in just now: what was
        told lately counts by either clock.
        """
        place, lately = self.newest, time_ns() - _LATE
        if place is None:
            return None
        floor = max(self._floor, min(place.time_nano - _LATE, lately))
        marks = {
            mark: (nano, sequence)
            for mark, (nano, sequence, told) in self._marks.items()
            if nano >= floor or told >= lately
        }
        return write_cursor(LogReached(*_order(place), floor=floor, marks=marks))


def nanos(time: datetime) -> int:
    """Nanoseconds since 1970."""
    return int(time.timestamp()) * 10**9 + time.microsecond * 1000


def _time(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC)


def _key(line: LogLineDocument) -> LineKey:
    return (line.host, line.container_id, line.time_nano, line.stream, line.sequence)


def _mark(host: str, container_id: str, stream: str) -> int:
    return crc32(f"{host}/{container_id}/{stream}".encode())


def _order(place: LogPlace) -> tuple[datetime, int, str, str, str, int]:
    return (
        place.time,
        place.time_nano,
        place.host,
        place.container_id,
        place.stream,
        place.sequence,
    )
