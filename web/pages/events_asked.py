"""What of the feed of events is asked for: filters, span, noise, place. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from litestar.params import QueryParameter

from web.documents import EventDocument
from web.event_filter import event_filter
from web.history import EventFilter
from web.times import parse_time

LONGEST = 200  # characters of a search
MOST_PARTS = 3  # of older ones that are loaded into one page

_TIME = "how long ago like 15m, 2h, 7d, or a time; without a zone it is in the viewer's"
Search = Annotated[
    str,
    QueryParameter(
        name="q", description="part of what an event says, among those shown", max_length=LONGEST
    ),
]
Since = Annotated[str, QueryParameter(name="since", description=_TIME, max_length=LONGEST)]
Until = Annotated[str, QueryParameter(name="until", description=_TIME, max_length=LONGEST)]
Noise = Annotated[
    bool, QueryParameter(name="noise", description="also those that hardly anybody looks for")
]
Cursor = Annotated[
    str, QueryParameter(name="cursor", description="what the page before this one gave")
]
From = Annotated[
    str, QueryParameter(name="from", description="the oldest event that the page shows")
]
Part = Annotated[
    int,
    QueryParameter(name="part", description="how many were loaded before it", ge=0, le=MOST_PARTS),
]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The query; empty means any, from the newest on, without noise."""

    hosts: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    search: str = ""
    since: str = ""
    until: str = ""
    noise: bool = False
    cursor: str = ""
    part: int = 0

    @property
    def filtered(self) -> bool:
        """Whether not all are meant."""
        many = (self.hosts, self.types, self.actions, self.containers, self.labels)
        return any(many) or bool(self.search.strip() or self.since or self.until)

    @property
    def is_live(self) -> bool:
        """Whether what happens now is among what is asked for."""
        return not self.cursor and not self.until

    @property
    def quiet(self) -> bool:
        """Whether noise is left out: not where kinds of events are asked for by name."""
        return not (self.noise or self.types or self.actions)

    def query(self, **more: str | int) -> str:
        """As it stands in an address, with its question mark; empty where nothing is asked."""
        many = (
            ("host", self.hosts),
            ("type", self.types),
            ("action", self.actions),
            ("container", self.containers),
            ("label", self.labels),
        )
        one = (
            ("q", self.search),
            ("since", self.since),
            ("until", self.until),
            ("noise", "true" if self.noise else ""),
            ("cursor", self.cursor),
            *more.items(),
        )
        pairs: list[tuple[str, str | int]] = [
            (name, word) for name, many_ in many for word in many_
        ]
        pairs += [(name, word) for name, word in one if word]
        return f"?{urlencode(pairs)}" if pairs else ""

    def older(self, cursor: str, part: int = 0) -> str:
        """The query of those before a place."""
        return replace(self, cursor=cursor).query(part=part)

    def newest(self) -> str:
        """The query from the newest on."""
        return replace(self, cursor="", until="").query()

    def noisy(self, *, noise: bool) -> str:
        """The query with noise, or without."""
        return replace(self, noise=noise).query()

    def wanted(self, zone: tzinfo, now: datetime) -> EventFilter:
        """The filter, in absolute times.

        Raises:
            Problem: A time is none (400).
        """
        asked = event_filter(self.hosts, self.labels, self.containers, self.types, self.actions)
        since = _time("since", self.since, zone, now) if self.since else None
        until = _time("until", self.until, zone, now) if self.until else None
        return msgspec.structs.replace(asked, since=since, before=until)

    def test(self) -> Callable[[EventDocument], bool]:
        """Whether an event says what is searched for."""
        text = self.search.strip().casefold()
        return lambda event: not text or text in _said(event)


def _time(name: str, text: str, zone: tzinfo, now: datetime) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return parse_time(name, text, now)
    if time.tzinfo is None and not text.isdecimal():
        return parse_time(name, time.replace(tzinfo=zone).isoformat(), now)
    return parse_time(name, text, now)


def _said(event: EventDocument) -> str:
    told = " ".join(f"{key}={value}" for key, value in event.attributes.items())
    own = f"{event.host} {event.type} {event.action} {event.name or ''} {event.actor_id}"
    return f"{own} {told}".casefold()
