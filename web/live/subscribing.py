"""What a subscription on a WebSocket follows, by its subject."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar

import msgspec

from storage.queries_logs import LogPlace
from web.event_filter import EventsWanted, event_filter, event_test
from web.event_stream import EventFollower, run_of
from web.expectations import MAX_PAGE, Level, LogStream
from web.finding import check_host_filter
from web.history import LogFilter
from web.live.filters import Few, LiveFilter, subject_test
from web.live.follower import Follower
from web.live.frames import EventFrames, Frames, LineFrames, Teller
from web.live.handlers import require_live
from web.live.place import Resume
from web.live.source import LedgerName
from web.log_choice import OneContainer
from web.log_cursor import read_reached
from web.log_follower import Following, LogFollower
from web.log_following import following_matching, require_logs
from web.problems import bad_parameter
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
    """Which lines; `tail` of those stored since `start` come first.

    Of one container, removed or not, where `host` and `container` are words; where they are lists,
    of all that match, as in `LiveFilter`.
    """

    host: str | Few = ()
    container: str | Few = ()
    label: Few = ()
    text: _Text | None = None
    level: tuple[Level, ...] = ()
    stream: tuple[LogStream, ...] = ()
    start: str | None = None
    tail: Annotated[int, msgspec.Meta(ge=0, le=MAX_PAGE)] = TAIL


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
    asked = event_filter(**msgspec.structs.asdict(wanted))
    test = event_test(asked, source.model.host_labels)
    follower = EventFollower(source.model, test, EventFrames(teller), source.streams.heartbeat)

    async def work(begin: Begin) -> None:
        await follower.run(place.place, begin)

    return work


def _lines(source: Sources, wanted: LinesWanted, place: Resume, teller: Teller) -> Work:
    after = None if place.place is None else read_reached(place.place)
    if place.place is not None and after is None:
        raise bad_parameter("cursor", place.place)
    since = window(wanted.start, None, None, datetime.now(UTC))[0]
    logs, history = require_logs(source)
    check_host_filter(source.model, _listed(wanted.host))

    async def work(begin: Begin) -> None:
        follower = LogFollower(
            logs,
            history,
            await _following(source, wanted, since, after),
            LineFrames(teller),
            settle=source.settle,
            heartbeat=source.streams.heartbeat,
        )
        await follower.run(begin)

    return work


async def _following(
    source: Sources, wanted: LinesWanted, since: datetime, after: LogPlace | None
) -> Following:
    host, container = wanted.host, wanted.container
    lines = LogFilter(text=wanted.text, levels=wanted.level, streams=wanted.stream)
    if not (isinstance(host, str) and isinstance(container, str)) or wanted.label:
        meant = LiveFilter(host=_listed(host), container=_listed(container), label=wanted.label)
        return following_matching(source, meant, lines, since=since, tail=wanted.tail, after=after)
    found = await find_recorded_in(source, container, host)
    return Following(
        choice=OneContainer(found.host, found.id),
        wanted=msgspec.structs.replace(
            lines,
            hosts=(found.host,),
            containers=tuple(one.id for one in found.incarnations),
        ),
        since=since,
        tail=wanted.tail,
        after=after,
    )


def _listed(words: str | tuple[str, ...]) -> tuple[str, ...]:
    return (words,) if isinstance(words, str) else words
