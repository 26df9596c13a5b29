"""A container's log as lines: numbered, told apart from those seen, within its rate. Pure."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from config.models import Monitoring
from connectors.models import LogFrame
from fleet.log_levels import level_of
from fleet.model import Container, LogLine

SECOND = 1_000_000_000
# Lines of stdout and stderr are stamped apart from each other, and may stand in the other order.
OVERLAP_NANOS = SECOND
LOOK_BACK_NANOS = 3600 * SECOND
CLOCK_SET_BACK_NANOS = 5 * SECOND
LAST_SECOND = 2**63 // SECOND - 1
STEP_NANOS = 1000  # Podman reads times as floats, some 240 ns off
DOCKERS_STAMP = 30  # characters; always with all nine digits of the nanoseconds
RECENT = 512  # lines of a stream that are told apart when they are told again
BURST_SECONDS = 10
LABEL = "fleet.logs"
OWN = "fleet"  # the stream of what we say ourselves

Run = tuple[datetime | None, datetime | None]
"""When a run of a container began and ended."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STAMP = re.compile(r"(.{19})(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")


def is_wanted(container: Container, monitoring: Monitoring) -> bool:
    """Whether a container's logs are to be kept."""
    said = container.labels.get(LABEL, "").strip().lower()
    if monitoring.logs == "all":
        return said != "false"
    return monitoring.logs == "labelled" and said == "true"


def nanos_of(stamp: str) -> int | None:
    """Nanoseconds of `2026-11-21T07:27:08.846901745Z`; None when it is no such time."""
    try:
        if len(stamp) == DOCKERS_STAMP and stamp[-1] == "Z":
            return _seconds(stamp[:19], "Z") * SECOND + int(stamp[20:29])
        found = _STAMP.fullmatch(stamp)
        if found is None:
            return None
        fraction = int((found[2] or "").ljust(9, "0"))
        return _seconds(found[1], found[3]) * SECOND + fraction
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=256)
def _seconds(second: str, zone: str) -> int:
    """Seconds since 1970, of a time that 64 bits of nanoseconds can tell."""
    seconds = int(datetime.fromisoformat(second + zone).timestamp())
    if not LAST_SECOND > seconds > -LAST_SECOND:
        raise OverflowError
    return seconds


def time_of(nanos: int) -> datetime:
    """The time in whole microseconds."""
    return _EPOCH + timedelta(microseconds=nanos // 1000)


@dataclass
class Place:
    """Where one stream of a log stands: its last nanosecond, and the last line's number in it."""

    nanos: int
    sequence: int
    is_passed: bool = True  # what is read now lies behind it

    def passes(self, nanos: int, sequence: int) -> bool:
        """Whether this line comes after all that were seen; from then on every line does."""
        if not self.is_passed:
            self.is_passed = (nanos, sequence) > (self.nanos, self.sequence)
        return self.is_passed


@dataclass
class LogCursor:
    """Where one container's log stands; outlives connections.

    Attributes:
        places: By stream, the last line that was read.
        is_unknown: The database may hold lines of it, but did not tell.
        empty_at: Nanoseconds of the Engine's clock at which it was found to have no lines.
        read_out: The run of a stopped container whose log was read to its end, until a line of
            the next one is read.
        tokens: Lines that may be kept now; None: as many as ever.
        refilled: Nanoseconds of the log's own time up to which tokens were given.
        gap: Lines dropped since the last one that was kept.
    """

    places: dict[str, Place] = field(default_factory=dict)
    is_unknown: bool = False
    empty_at: int | None = None
    read_out: Run | None = None
    tokens: float | None = None
    refilled: int = 0
    gap: int = 0

    def since(self, now_nanos: int, oldest_nanos: int) -> tuple[int, bool]:
        """Nanoseconds to ask from, and whether it is a first look, for which a tail is enough.

        Args:
            now_nanos: The Engine's clock.
            oldest_nanos: From when on lines are kept at all.
        """
        last = max((place.nanos for place in self.places.values()), default=None)
        if last is not None and last > now_nanos + CLOCK_SET_BACK_NANOS:
            self.places.clear()
            self.is_unknown, self.empty_at, last = True, None, None
        if last is None and self.empty_at is not None:
            last = min(self.empty_at, now_nanos)
        if last is None:
            back = LOOK_BACK_NANOS if self.is_unknown else now_nanos
            return max(oldest_nanos, now_nanos - back), not self.is_unknown
        if self.read_out:
            # Its last line may have had no end: read again, the next run's first would join it.
            return last + STEP_NANOS, False
        return max(oldest_nanos, last - OVERLAP_NANOS), False

    def begin(self) -> None:
        """Expect lines that were seen already: the log is read anew from `since` on."""
        for place in self.places.values():
            place.is_passed = False


class LineMaker:
    """Makes lines of what the Engine sends, from one opening of a log on.

    A nanosecond's lines are counted anew: the same line gets the same number, however often it is
    read, as a reading never begins amid a nanosecond.

    Args:
        cursor: Where the log stands; moved on by each line.
        rate: Lines a second that are kept in the long run, and ten seconds' worth at once. It is
            the log's own time that counts, so that what is read late is not dropped for it.

    Attributes:
        dropped: Lines beyond the rate.
    """

    def __init__(self, cursor: LogCursor, rate: int) -> None:
        self._cursor = cursor
        self._rate = rate
        self.dropped = 0
        self._before: dict[str, tuple[int, int, LogFrame]] = {}  # nanosecond, number in it, line
        self._recent: dict[str, deque[int]] = defaultdict(lambda: deque(maxlen=RECENT))
        cursor.begin()

    def lines(self, container: Container, frames: Iterable[LogFrame]) -> list[LogLine]:
        """The new lines among `frames`, within the rate, and notes of those dropped before them."""
        made: list[LogLine] = []
        for frame in frames:
            numbered = self._number(frame)
            if numbered is None or not self._is_new(frame.stream, *numbered):
                continue
            nanos, sequence = numbered
            if not self._is_within(nanos):
                self._cursor.gap += 1
                self.dropped += 1
                continue
            if self._cursor.gap:
                made.append(self.note(container))
            text = frame.line.decode("utf-8", "replace")
            made.append(
                LogLine(
                    time=time_of(nanos),
                    time_nano=nanos,
                    host=container.host,
                    container_id=container.id,
                    name=container.name,
                    identity=container.identity,
                    stream=frame.stream,
                    sequence=sequence,
                    level=level_of(text),
                    line=text,
                    truncated=frame.truncated,
                )
            )
        return made

    @property
    def gap(self) -> int:
        """Lines dropped that no note tells of yet."""
        return self._cursor.gap

    def note(self, container: Container) -> LogLine:
        """A line that tells of those dropped since the last one that was kept."""
        dropped, self._cursor.gap = self._cursor.gap, 0
        nanos = self._cursor.refilled
        return LogLine(
            time=time_of(nanos),
            time_nano=nanos,
            host=container.host,
            container_id=container.id,
            name=container.name,
            identity=container.identity,
            stream=OWN,
            sequence=0,
            level="warning",
            line=f"{dropped} lines dropped: more than {self._rate} a second",
        )

    def _number(self, frame: LogFrame) -> tuple[int, int] | None:
        """A line's nanosecond and its number in it; None for what the Engine says twice.

        One without a time belongs to the line before: Podman leaves the times of long lines of a
        terminal in the text. Engine 20.10 tells lines again where it rotates a followed log; where
        times have nanoseconds (Podman's are seconds), no two lines share one and their text.
        """
        before = self._before.get(frame.stream)
        nanos = nanos_of(frame.time)
        if nanos is None:
            place = self._cursor.places.get(frame.stream)
            nanos = before[0] if before else place.nanos if place else 0
        sequence = 0
        if before and before[0] == nanos:
            if len(frame.time) == DOCKERS_STAMP and frame == before[2]:
                return None
            sequence = before[1] + 1
        self._before[frame.stream] = (nanos, sequence, frame)
        return nanos, sequence

    def _is_new(self, stream: str, nanos: int, sequence: int) -> bool:
        place = self._cursor.places.get(stream)
        self._cursor.read_out = None
        if place is None:
            place = self._cursor.places[stream] = Place(nanos, sequence)
        elif nanos < place.nanos and nanos in self._recent[stream]:
            place.is_passed = False  # told again; else it would be a clock that was set back
        elif place.passes(nanos, sequence):
            place.nanos, place.sequence = nanos, sequence
        if place.is_passed:
            self._recent[stream].append(nanos)
        return place.is_passed

    def _is_within(self, nanos: int) -> bool:
        """Take a token. Once there is none, a second's worth must have gathered again.

        Else, of one that writes without end, every other line would be a note.
        """
        cursor, most = self._cursor, self._rate * BURST_SECONDS
        if cursor.tokens is None:
            cursor.tokens = most
        elif nanos > cursor.refilled:
            grown = (nanos - cursor.refilled) / SECOND * self._rate
            cursor.tokens = min(most, cursor.tokens + grown)
        cursor.refilled = nanos
        if cursor.tokens < (self._rate if cursor.gap else 1):
            return False
        cursor.tokens -= 1
        return True
