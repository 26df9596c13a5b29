"""What the page of logs is asked for, and the addresses that ask for it again. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

import msgspec

from web.expectations import Level, LogStream
from web.history import LogFilter, Span
from web.history_documents import LogLineDocument
from web.problems import bad_parameter
from web.selection import parse_labels
from web.times import parse_time, window

SPANS = (("15m", "15 min"), ("1h", "1 hour"), ("6h", "6 hours"), ("1d", "1 day"), ("7d", "7 days"))
DAY = timedelta(days=1)
PAGE_LINES = 200  # that the server draws; the script asks for more
USUAL = "1d"  # how far back is looked where nothing is said
_MARK = re.compile(r"([0-9]{1,19})-([0-9]{1,10})-([0-9a-f]{12})")
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """One line, as a link names it: when it was written, in nanoseconds, and by which container."""

    nano: int
    sequence: int
    container: str  # the first 12 characters of its id

    @property
    def time(self) -> datetime:
        """When, in whole microseconds."""
        return _EPOCH + timedelta(microseconds=self.nano // 1000)

    def __str__(self) -> str:
        """As it stands in an address."""
        return f"{self.nano}-{self.sequence}-{self.container}"


def mark_of(line: LogLineDocument) -> Mark:
    """The mark of a line."""
    return Mark(nano=line.time_nano, sequence=line.sequence, container=line.container_id[:12])


def read_mark(text: str) -> Mark:
    """The mark that an address has.

    Raises:
        Problem: It is none.
    """
    found = _MARK.fullmatch(text)
    if found is None or int(found[1]) >= 2**62:
        raise bad_parameter("at", text, must_be="what the time of a line links to")
    return Mark(nano=int(found[1]), sequence=int(found[2]), container=found[3])


class LogsAsked(msgspec.Struct, frozen=True, kw_only=True):
    """The filters of the page. Empty or None means any.

    Attributes:
        last: How far back, as a duration; what `start` or `end` say comes first.
        start: The first moment, as the address has it.
        end: The moment after the last one; nothing is followed then.
        at: The line around which is shown.
        before: A cursor: the lines before this place.
        follow: Whether lines are added as they come.
    """

    hosts: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    levels: tuple[Level, ...] = ()
    streams: tuple[LogStream, ...] = ()
    text: str | None = None
    regex: str | None = None
    last: str | None = None
    start: str | None = None
    end: str | None = None
    at: Mark | None = None
    before: str | None = None
    follow: bool = True

    @property
    def is_live(self) -> bool:
        """Whether lines that come belong to what is asked for."""
        return self.follow and not (self.end or self.at or self.before)

    @property
    def wanted(self) -> LogFilter:
        """The lines."""
        return LogFilter(
            hosts=self.hosts,
            containers=self.containers,
            labels=parse_labels(self.labels),
            text=self.text,
            regex=self.regex,
            levels=self.levels,
            streams=self.streams,
        )

    def span(self, now: datetime, zone: tzinfo) -> Span:
        """The time; one without a zone is the viewer's.

        Raises:
            Problem: It is no time, or the span is empty or longer than 800 days.
        """
        start, end = zoned(self.start, zone), zoned(self.end, zone)
        if start is not None:
            return Span(*window(start, end, None, now))
        if end is not None:
            until = parse_time("end", end, now)
            return Span(until - DAY, until)
        if self.at is not None:
            return Span(self.at.time - DAY, max(now, self.at.time + _MICROSECOND))
        return Span(*window(None, None, self.last or USUAL, now))

    def lines_pairs(self) -> list[tuple[str, str]]:
        """Which lines, as the parameters of the API have it."""
        many: Iterable[tuple[str, Sequence[str]]] = (
            ("host", self.hosts),
            ("container", self.containers),
            ("label", self.labels),
            ("level", self.levels),
            ("stream", self.streams),
        )
        found = [(name, value) for name, values in many for value in values]
        found += [("text", self.text)] if self.text else []
        found += [("regex", self.regex)] if self.regex else []
        return found

    def pairs(self) -> list[tuple[str, str]]:
        """All but the place within: the parameters of this page."""
        times = (("last", self.last), ("start", self.start), ("end", self.end))
        return self.lines_pairs() + [(name, value) for name, value in times if value]

    def without(self, name: str, value: str) -> list[tuple[str, str]]:
        """The same without one of its values."""
        return [pair for pair in self.pairs() if pair != (name, value)]


def zoned(text: str | None, zone: tzinfo) -> str | None:
    """A time as browsers write what was picked, in the viewer's zone; anything else as it is."""
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if time.tzinfo is not None else time.replace(tzinfo=zone).isoformat()
