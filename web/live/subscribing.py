"""What a subscription on a WebSocket follows, by its subject."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar

import msgspec

from web.event_filter import EventsWanted, event_test
from web.event_stream import EventFollower, run_of
from web.expectations import MAX_PAGE, Level, LogStream
from web.finding import check_host_filter
from web.history import LogFilter
from web.live.filters import LiveFilter, subject_test
from web.live.follower import Follower
from web.live.frames import EventFrames, Frames, LineFrames, Teller
from web.live.handlers import require_live
from web.live.place import Resume
from web.live.source import LedgerName
from web.log_cursor import read_cursor
from web.log_stream import Following, LogFollower
from web.problems import Problem, bad_parameter
from web.recorded import find_recorded_in
from web.sources import Sources
from web.times import window

Subject = Literal["hosts", "containers", "stats", "events", "logs"]
Begin = Callable[[], Awaitable[None]]
Work = Callable[[Begin], Awaitable[None]]
"""Follows until it is cancelled; tells by what it is given that it has begun."""

TAIL = 100  # lines, unless asked otherwise

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
T = TypeVar("T")


class LinesWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lines of one container; `tail` of those stored since `start` come first."""

    host: str
    container: str
    text: _Text | None = None
    level: tuple[Level, ...] = ()
    stream: tuple[LogStream, ...] = ()
    start: str | None = None
    tail: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE)] = TAIL


def subscription(
    source: Sources, subject: Subject, wanted: msgspec.Raw, place: Resume, teller: Teller
) -> Work:
    """The work of one subscription.

    Args:
        source: What who asks may see.
        subject: What is followed.
        wanted: The filter, as it was said.
        place: Where to go on.
        teller: Tells the client.

    Raises:
        Problem: There is no such host, or nothing of the subject is kept here.
        msgspec.MsgspecError: The filter is none of this subject's.
    """
    if subject == "events":
        return _events(source, _read(wanted, EventsWanted), place, teller)
    if subject == "logs":
        return _lines(source, _read(wanted, LinesWanted), place, teller)
    return _ledger(source, subject, _read(wanted, LiveFilter), place, teller)


def _read(wanted: msgspec.Raw, kind: type[T]) -> T:
    return msgspec.json.decode(wanted, type=kind)


def _ledger(
    source: Sources, name: LedgerName, wanted: LiveFilter, place: Resume, teller: Teller
) -> Work:
    check_host_filter(source.model, wanted.host)
    ledger = require_live(source.live).ledger(name)
    run = run_of(source.model) + ledger.mark
    streams = source.streams
    frames = Frames(teller, name, run)
    test = subject_test(wanted)
    follower = Follower(ledger, test, frames, streams.heartbeat, streams.__len__)

    async def work(begin: Begin) -> None:
        await begin()
        await follower.run(place, run)

    return work


def _events(source: Sources, wanted: EventsWanted, place: Resume, teller: Teller) -> Work:
    check_host_filter(source.model, wanted.host)
    test = event_test(wanted, source.model.host_labels)
    follower = EventFollower(source.model, test, EventFrames(teller), source.streams.heartbeat)

    async def work(begin: Begin) -> None:
        await follower.run(place.place, begin)

    return work


def _lines(source: Sources, wanted: LinesWanted, place: Resume, teller: Teller) -> Work:
    check_host_filter(source.model, [wanted.host])
    after = None if place.place is None else read_cursor(place.place)
    if place.place is not None and after is None:
        raise bad_parameter("cursor", place.place)
    since = window(wanted.start, None, None, datetime.now(UTC))[0]
    logs, history = source.logs, source.history
    if logs is None or history is None:
        raise Problem("history-unavailable", "No logs are collected: there is nothing to follow.")

    async def work(begin: Begin) -> None:
        container = await find_recorded_in(source, wanted.container, wanted.host)
        following = Following(
            host=container.host,
            container_id=container.id,
            wanted=LogFilter(
                hosts=(container.host,),
                containers=tuple(one.id for one in container.incarnations),
                text=wanted.text,
                levels=wanted.level,
                streams=wanted.stream,
            ),
            since=since,
            tail=wanted.tail,
            after=after,
        )
        follower = LogFollower(
            logs,
            history,
            following,
            LineFrames(teller),
            settle=source.settle,
            heartbeat=source.streams.heartbeat,
        )
        await follower.run(begin)

    return work
