"""The regions of a host's page: what is live of it, and what is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Literal

import msgspec

from labels.model import Member, Route
from web.documents import ContainerDocument, EventDocument, HostDocument
from web.pages.host_log import cause, log_page
from web.pages.host_past import MOST_EVENTS, PERIODS, HostPast
from web.pages.host_timeline import TICKS, clock, parts
from web.pages.regions import Region
from web.pages.shell import Viewer, render
from web.pages.states import Tone, ailment, condition, container_tone
from web.pages.wording import element_id
from web.rest.listings import EVENTS
from web.sources import Sources

SpanWord = Literal["24h", "30d"]
MOST_CONTAINERS = 200
MOST_ROUTES = 100
NO_ROWS: Mapping[str, str] = {}
_HELD = 1_000  # events of all hosts that are looked through
_GRAVITY: Mapping[Tone, int] = {"bad": 0, "warn": 1, "busy": 2, "good": 3, "idle": 4}
_place = EVENTS.order(None).place


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """A backend on the host, and the route that it is of."""

    route: Route
    member: Member


class HostDrawing:
    """Draws the regions of one host's page, again and again; rows that stay are kept.

    Args:
        source: As far as who looks sees it.
        viewer: Who looks.
        name: The host's.
        span: What the bar of states shows.
        before: What the log of connections is older than; None: from the newest on.
    """

    def __init__(
        self,
        source: Sources,
        viewer: Viewer,
        name: str,
        span: SpanWord,
        before: datetime | None,
    ) -> None:
        self.past = HostPast(source, name)
        self._clock = partial(clock, zone=viewer.zone)
        self._source = source
        self._viewer = viewer
        self._name = name
        self._span = span
        self._before = before
        self._rows: dict[str, tuple[object, str]] = {}
        self._images: tuple[object, int] = (None, 0)
        self._events: tuple[int, list[EventDocument]] = (-1, [])
        self._past: tuple[object, Sequence[Region]] = (None, ())
        self._table: tuple[object, Sequence[Served]] = (None, ())

    def __call__(self) -> Sequence[Region]:
        """All regions, as of now; of a host that is gone there is only that it is."""
        host = self._source.model.host(self._name)
        if host is None:
            return [self._region("host-head", host=None, host_name=self._name)]
        return [
            self._region("host-head", host=host, condition=condition(host), cause=cause),
            self._machine(host),
            *self._stored(host),
            self._containers(host),
            self._routes(),
            self._recent(),
        ]

    def _region(self, name: str, rows: Mapping[str, str] = NO_ROWS, **context: object) -> Region:
        template = f"host/{name.removeprefix('host-')}.html"
        return Region(id=name, html=render(template, self._viewer, **context), rows=rows)

    def _machine(self, host: HostDocument) -> Region:
        model = self._source.model
        version = model.host_version(host.name)
        if self._images[0] != version:  # a document is made of each
            self._images = (version, len(model.images(host.name)))
        return self._region("host-machine", host=host, images=self._images[1])

    def _stored(self, host: HostDocument) -> Sequence[Region]:
        """What is asked of the database, which is never the same twice: no part of the digest."""
        told = (self.past.asked, host.status, host.error, host.attempts)
        if self._past[0] != told:
            regions = (self._availability(host), self._connections(host))
            self._past = (told, [replace(region, framing=True) for region in regions])
        return self._past[1]

    def _availability(self, host: HostDocument) -> Region:
        found = self.past.availability.get(self._span)
        return self._region(
            "host-availability",
            host=host,
            past=self.past,
            lengths={
                period: length.total_seconds()
                for period, length in sorted(PERIODS.items(), key=itemgetter(1))
            },
            span=self._span,
            found=found,
            parts=[] if found is None else parts(found),
            ticks=TICKS[self._span],
            clock=self._clock,
        )

    def _connections(self, host: HostDocument) -> Region:
        found = self.past.availability.get("30d")
        log = None if found is None else log_page(found, host, self._before)
        return self._region(
            "host-connections",
            host=host,
            log=log,
            span=self._span,
            before=self._before,
            trouble=self.past.trouble,
        )

    def _containers(self, host: HostDocument) -> Region:
        """Those with problems first; a row is drawn anew only where it is of something new."""
        found = sorted(
            self._source.model.containers(host.name),
            key=lambda one: (
                not ailment(one),
                _GRAVITY[container_tone(one)],
                one.name,
                one.id,
            ),
        )
        shown = found[:MOST_CONTAINERS]
        kept = {element_id("container", one.id): self._row(one) for one in shown}
        self._rows = {name: self._rows[name] for name in kept}
        return self._region("host-containers", kept, host=host, total=len(found), shown=len(shown))

    def _row(self, container: ContainerDocument) -> str:
        name = element_id("container", container.id)
        before = self._rows.get(name)
        if before is None or before[0] != container:
            wrong = ailment(container)
            html = render("host/container_row.html", self._viewer, container=container, wrong=wrong)
            before = self._rows[name] = (container, html)
        return before[1]

    def _routes(self) -> Region:
        served = self._served()
        return self._region(
            "host-routes",
            host_name=self._name,
            served=served[:MOST_ROUTES],
            total=len(served),
            kept=self._source.routing is not None,
        )

    def _served(self) -> Sequence[Served]:
        if self._source.routing is None:
            return ()
        table = self._source.routing.table()
        if self._table[0] is not table:
            found = [
                Served(route=route, member=member)
                for route in table.routes
                for member in route.members
                if member.host == self._name
            ]
            self._table = (table, found)
        return self._table[1]

    def _recent(self) -> Region:
        return self._region(
            "host-events", host_name=self._name, events=self._newest(), trouble=self.past.trouble
        )

    def _newest(self) -> list[EventDocument]:
        """From memory, and those before them from what is stored; newest first."""
        model, (number, known) = self._source.model, self._events
        if model.newest_event() != number:
            number = model.newest_event()
            known = [one for one in model.recent_events(_HELD) if one.host == self._name]
            self._events = (number, known)
        both = {_place(event): event for event in (*self.past.events, *known)}
        return sorted(both.values(), key=_place, reverse=True)[:MOST_EVENTS]
