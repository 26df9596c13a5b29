"""Draws the feed of events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

import anyio
from msgspec.structs import replace

from web.documents import EventDocument
from web.event_filter import event_test
from web.events import just_after, read_events
from web.pages.container_view import event_tone, event_words
from web.pages.events_asked import Asked
from web.pages.events_fold import Loop, Row, first_rows, folded, moment_of, place, quieted
from web.pages.fleet_rows import today
from web.pages.regions import Region
from web.pages.shell import Viewer, render
from web.pages.states import STOPPED, Tone
from web.pages.wording import element_id, in_zone
from web.rest.listings import EVENTS
from web.rest.order import Place
from web.sources import Sources

LOOKED_AT = 1_000  # events of a page before they are folded
FIRST = 150  # rows of a page
MOST_ROWS = 500  # of a page that stays open
MOST_HELD = 5_000  # events of memory that are looked through for new ones, once a second
MOST_OF_LOOP = 60  # events of one that are listed
MOST_SAID = 80  # attributes
PATIENCE = 5.0  # seconds
SHORT = timedelta(hours=3)  # what is shown is grouped by minutes up to this span, else by days
ORDER = EVENTS.order(None)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is shown: the newest first."""

    rows: Sequence[Row]
    events: int
    hidden: int
    left_out: int


class EventsDrawing:
    """Draws them, again and again for a stream.

    Args:
        source: What who looks may see.
        viewer: Who looks.
        asked: What they asked for.
        oldest: A cursor at the oldest event that is shown; empty: a page decides by itself.
    """

    def __init__(self, source: Sources, viewer: Viewer, asked: Asked, oldest: str = "") -> None:
        self._source = source
        self._viewer = viewer
        self._asked = asked
        self._wanted = asked.wanted(viewer.zone, datetime.now(UTC))
        self._matches = event_test(self._wanted, source.model.host_labels)
        self._says = asked.test()
        self._events: list[EventDocument] = []  # the newest first
        self._number = 0
        self._read = False
        self._given: Place | None = ORDER.read(oldest) if oldest else None
        self.note = ""
        self.older = ""

    async def refresh(self) -> None:
        """Read those before, once."""
        if self._read:
            return
        self._read = True
        wanted, behind = self._wanted, None
        if self._asked.cursor:
            behind, end = ORDER.read(self._asked.cursor), just_after(self._asked.cursor)
            ends = [end] if wanted.before is None else [end, wanted.before]
            wanted = replace(wanted, before=min(ends))
        self._number = self._source.model.newest_event()
        found: Sequence[EventDocument] = ()
        try:
            with anyio.fail_after(PATIENCE):
                document = await read_events(self._source, wanted, LOOKED_AT, behind)
        except TimeoutError:
            self.note = f"Older events are missing: nothing came within {PATIENCE:.0f} s."
            held = self._source.model.recent_events(MOST_HELD)
            found = [event for event in held if self._matches(event)]
        else:
            self.note, found = document.note or "", document.events
        self._events = list(found)[::-1]
        self._cut(len(found) >= LOOKED_AT)

    def _cut(self, more: bool) -> None:
        """Decide where the page ends, and remember the way to those before."""
        if self._given is None:
            self._given = first_rows(self._found().rows, FIRST)
        shown = self._shown()
        if shown and (more or len(shown) < len(self._events)):
            self.older = ORDER.write(shown[-1])
            self._given = place(shown[-1])

    def _shown(self) -> list[EventDocument]:
        oldest = self._given
        return [event for event in self._events if oldest is None or place(event) >= oldest]

    def draw(self) -> Sequence[Region]:
        """The feed, with what is new; a group of rows is an element of its own."""
        if self._asked.is_live:
            self._take_new()
        found = self._found()
        groups = dict(self._groups(found.rows))
        context = {"asked": self._asked, "found": found, "note": self.note}
        hosts = len(self._source.model.host_labels())
        said = render("events/said.html", self._viewer, **context)
        feed = render("events/feed.html", self._viewer, hosts=hosts, **context)
        return [
            Region(id="events-said", html=said),
            Region(id="events", html=feed, rows=groups),
        ]

    def _take_new(self) -> None:
        newest = self._source.model.newest_event()
        if newest == self._number:
            return
        held = self._source.model.recent_events(min(MOST_HELD, newest - self._number))
        new = [event for event in held if event.number > self._number and self._matches(event)]
        self._number = newest
        known = {place(event) for event in self._events[:LOOKED_AT]}
        self._events += [event for event in new if place(event) not in known]
        self._events.sort(key=place, reverse=True)
        del self._events[2 * LOOKED_AT :]

    def _found(self) -> Found:
        shown = [event for event in self._shown() if self._says(event)]
        kept = quieted(shown) if self._asked.quiet else shown
        rows = folded(kept)
        return Found(
            rows=rows[:MOST_ROWS],
            events=len(kept),
            hidden=len(shown) - len(kept),
            left_out=max(0, len(rows) - MOST_ROWS),
        )

    def _groups(self, rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
        zone = self._viewer.zone
        span = moment_of(rows[0]) - moment_of(rows[-1]) if rows else SHORT
        form = "%Y-%m-%dT%H:%M" if span <= SHORT else "%Y-%m-%d"
        now = datetime.now(UTC).astimezone(zone)

        def when(row: Row) -> str:
            return f"{in_zone(moment_of(row), zone):{form}}"

        for name, of_group in groupby(rows, key=when):
            time = datetime.fromisoformat(name)
            near = time.date() == now.date()
            words = f"{time.day} {time:%B}" + ("" if time.year == now.year else f" {time.year}")
            if span <= SHORT:
                words = f"{time:%H:%M}" if near else f"{words}, {time:%H:%M}"
            ident = element_id("minute", name)
            drawn = [self._row(row) for row in of_group]
            html = render("events/group.html", self._viewer, ident=ident, words=words, rows=drawn)
            yield ident, html

    def _row(self, row: Row) -> str:
        kind = "loop" if isinstance(row, Loop) else "event"
        event = row.events[-1] if isinstance(row, Loop) else row  # one that stays the same
        names = (event.host, str(event.time_nano), event.type, event.action, event.actor_id)
        key = (kind, *names, str(self._viewer.zone))
        told = (row, today(self._viewer))
        return self._source.drawn.row(key, told, lambda: self._draw(row, kind, names))

    def _draw(self, row: Row, kind: str, names: Sequence[str]) -> str:
        return render(
            f"events/{kind}.html",
            self._viewer,
            one=row,
            ident=element_id(kind, *names),
            tone=_tone,
            words=event_words,
            most=MOST_OF_LOOP if kind == "loop" else MOST_SAID,
        )


def _tone(event: EventDocument) -> Tone:
    """As on the page of the container; one that somebody ended did not fail."""
    tone = event_tone(event)
    is_stopped = event.action == "die" and event.exit_code in STOPPED
    return "warn" if is_stopped else tone
