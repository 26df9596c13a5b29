"""The bar of what a host was, as parts of one drawing. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, tzinfo

import msgspec

from web.health_documents import AvailabilityDocument, HealthSpanDocument
from web.pages.wording import duration

WIDTH = 1000
SHORTEST = 3  # units that a part which is not good is wide at least, so that nobody misses it
MOST = 400  # parts that are drawn one by one; of more the short ones are drawn together
GRAVITY = ("up", "unknown", "connecting", "degraded", "down")
WORDS = {
    "up": "up",
    "degraded": "up, with unhealthy containers",
    "down": "down",
    "connecting": "connecting",
    "unknown": "not watched",
}
TICKS = {
    "24h": ("24 h ago", "18 h", "12 h", "6 h", "now"),
    "30d": ("30 d ago", "20 d", "10 d", "now"),
}


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the bar, from `x` on, `width` wide of `WIDTH`; `count` spans are in it."""

    start: datetime
    end: datetime
    state: str
    error: str | None = None
    count: int = 1
    x: float = 0.0
    width: float = 0.0

    @property
    def lasted(self) -> str:
        """How long, in words."""
        return duration((self.end - self.start).total_seconds())

    @property
    def words(self) -> str:
        """What it was."""
        return WORDS[self.state] + (
            f", of {self.count} changes the worst" if self.count > 1 else ""
        )


def clock(time: datetime, zone: tzinfo) -> str:
    """A time in the zone of who looks, for where no element can stand."""
    local = time.astimezone(zone)
    return f"{local.day} {local:%b %Y %H:%M:%S}"


def parts(found: AvailabilityDocument) -> list[Part]:
    """All parts, the gravest last: it is drawn over its neighbours where it is too short."""
    whole = found.end - found.start
    joined = list(_joined(found.spans))
    if len(joined) > MOST:
        joined = list(_together(joined, whole / MOST))
    placed = [_placed(part, found.start, whole) for part in joined]
    return sorted(placed, key=lambda part: GRAVITY.index(part.state))


def _joined(spans: Sequence[HealthSpanDocument]) -> Iterator[Part]:
    """Neighbours of the same state as one: an error or the Engine's version may have changed."""
    last: Part | None = None
    for span in spans:
        if last is not None and last.state == span.state:
            last = msgspec.structs.replace(last, end=span.end, error=last.error or span.error)
            continue
        if last is not None:
            yield last
        error = span.error if span.state == "down" else None
        last = Part(start=span.start, end=span.end, state=span.state, error=error)
    if last is not None:
        yield last


def _together(found: Sequence[Part], shortest: timedelta) -> Iterator[Part]:
    """Neighbours that are short as one part, of the gravest state, until that is not short."""
    held: list[Part] = []
    for part in found:
        if held and (part.end - part.start >= shortest or held[-1].end - held[0].start >= shortest):
            yield _gravest(held)
            held = []
        held.append(part)
    if held:
        yield _gravest(held)


def _gravest(held: Sequence[Part]) -> Part:
    worst = max(held, key=lambda part: GRAVITY.index(part.state))
    return msgspec.structs.replace(worst, start=held[0].start, end=held[-1].end, count=len(held))


def _placed(part: Part, start: datetime, whole: timedelta) -> Part:
    x, end = (WIDTH * ((time - start) / whole) for time in (part.start, part.end))
    width = end - x
    if part.state in ("down", "degraded") and width < SHORTEST:
        width = SHORTEST
        x = min(x, WIDTH - SHORTEST)
    return msgspec.structs.replace(part, x=round(x, 1), width=round(width, 1))
