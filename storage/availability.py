"""How much of a time a host was up, read off the spans that it was observed in. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from storage.records import Interval

UP = ("up", "degraded")


class HealthSpan(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which a host was observed to be the same.

    `state` is `up`, `degraded` (up with unhealthy containers), `down`, `connecting` or `unknown`:
    nobody watched. `attempts` is the most that failed in a row, `attempts_before` how many had at
    its beginning. `response_sum` is the seconds of `responses` answers together.
    """

    start: datetime
    end: datetime
    state: str
    engine_version: str | None = None
    error_kind: str | None = None
    error: str | None = None
    attempts: int | None = None
    attempts_before: int = 0
    responses: int = 0
    response_sum: float = 0.0


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which a host was down: from the first such observation to the first other one.

    `end` None: it goes on. `start_seen` and `end_seen` are False where nobody watched the host
    begin, or cease, to be down: then it was for longer than is known. `seconds` are those known.
    """

    start: datetime
    end: datetime | None
    seconds: float
    start_seen: bool
    end_seen: bool
    kind: str | None
    message: str | None
    attempts: int | None


class EngineChange(msgspec.Struct, frozen=True, kw_only=True):
    """At `time` the Engine first said that it is of another version than `before`."""

    time: datetime
    before: str
    after: str


class Availability(msgspec.Struct, frozen=True, kw_only=True):
    """What `availability` finds; see `web.health_documents.AvailabilityDocument`."""

    up_seconds: float
    degraded_seconds: float
    down_seconds: float
    connecting_seconds: float
    unknown_seconds: float
    up_percent: float | None
    response_seconds: float | None
    longest_outage_seconds: float | None
    outages: tuple[Outage, ...]
    engine_changes: tuple[EngineChange, ...]
    spans: tuple[HealthSpan, ...]
    truncated: bool = False


def availability(found: Sequence[HealthSpan], span: Interval) -> Availability:
    """How a host was in `span`.

    Known is the time in which it was up or down: neither what nobody watched nor what was spent
    on connecting for the first time says anything of the host.

    Args:
        found: Oldest first, each within `span`; what is not in any of them is unknown.
        span: Not beyond now.
    """
    spans = tuple(_filled(found, span))
    seconds = dict.fromkeys(("up", "degraded", "down", "connecting", "unknown"), 0.0)
    for one in spans:
        seconds[one.state] += (one.end - one.start).total_seconds()
    up = seconds["up"] + seconds["degraded"]
    known = up + seconds["down"]
    outages = tuple(reversed([_outage(spans, *place) for place in _runs(spans)]))
    responses = sum(one.responses for one in spans)
    return Availability(
        up_seconds=seconds["up"],
        degraded_seconds=seconds["degraded"],
        down_seconds=seconds["down"],
        connecting_seconds=seconds["connecting"],
        unknown_seconds=seconds["unknown"],
        up_percent=100 * up / known if known > 0 else None,
        response_seconds=sum(one.response_sum for one in spans) / responses if responses else None,
        longest_outage_seconds=max((outage.seconds for outage in outages), default=None),
        outages=outages,
        engine_changes=tuple(reversed(list(_engine_changes(spans)))),
        spans=spans,
    )


def _filled(found: Iterable[HealthSpan], span: Interval) -> Iterator[HealthSpan]:
    """The spans without anything between them."""
    at = span.start
    for one in found:
        if one.start > at:
            yield HealthSpan(start=at, end=one.start, state="unknown")
        yield one
        at = one.end
    if at < span.end:
        yield HealthSpan(start=at, end=span.end, state="unknown")


def _runs(spans: Sequence[HealthSpan]) -> Iterator[tuple[int, int]]:
    """The places of the first and the last span of each outage.

    Connecting anew in between does not end one: the host was not seen to be up.
    """
    first = last = -1
    for place, one in enumerate(spans):
        if one.state == "down":
            first, last = place if first < 0 else first, place
        elif one.state != "connecting" and first >= 0:
            yield first, last
            first = -1
    if first >= 0:
        yield first, last


def _outage(spans: Sequence[HealthSpan], first: int, last: int) -> Outage:
    begin, end = spans[first], spans[last]
    within = [one for one in spans[first : last + 1] if one.state == "down"]
    after = next((one for one in spans[last + 1 :] if one.state != "connecting"), None)
    goes_on = after is None
    attempts = [one.attempts for one in within if one.attempts is not None]
    if after is not None and after.state in UP:
        attempts.append(after.attempts_before)
    until = spans[-1].end if goes_on else end.end
    return Outage(
        start=begin.start,
        end=None if goes_on else until,
        seconds=(until - begin.start).total_seconds(),
        start_seen=first > 0 and spans[first - 1].state != "unknown",
        end_seen=after is not None and after.state in UP,
        kind=begin.error_kind,
        message=next((one.error for one in within if one.error), None),
        attempts=max(attempts, default=None),
    )


def _engine_changes(spans: Iterable[HealthSpan]) -> Iterator[EngineChange]:
    before: str | None = None
    for one in spans:
        version = one.engine_version
        if version is not None and before is not None and version != before:
            yield EngineChange(time=one.start, before=before, after=version)
        before = version or before
