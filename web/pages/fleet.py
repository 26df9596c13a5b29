"""The page of the whole fleet: which host needs attention, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

import anyio.lowlevel
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from web.documents import HostDocument
from web.live.handlers import require_live
from web.pages.declaring import Seen, page_at, stream_at
from web.pages.fleet_asked import BY, ORDERS, Asked, Group, Search, Sort, Statuses
from web.pages.fleet_rows import HostRow, draw_host, host_id, host_row, today
from web.pages.fleet_summary import summary_of
from web.pages.regions import Region, RegionStream, opening
from web.pages.shell import Viewer, page, render, viewer_of
from web.pages.states import CONDITIONS
from web.pages.troubles import beside_banner
from web.pages.wording import element_id
from web.parameters import HostLabels
from web.sources import Sources, WebRequest, sources

FEW = 12  # hosts, which are cards unless chosen otherwise
VIEWS = ("cards", "table")
AT_ONCE = 0.005  # seconds of drawing until all else has its turn
HELD = 10.0  # seconds that an order by restless figures stays, so that nothing jumps under a finger
MOST_CHIPS = 24  # labels to filter by; all others by search, or in the address


@page_at("/")
async def show_fleet_page(
    request: WebRequest,
    labels: HostLabels = None,
    statuses: Statuses = None,
    search: Search = "",
    group: Group = "",
    sort: Sort = "",
) -> ASGIResponse:
    """All hosts, or those that are asked for."""
    asked = _asked(labels, statuses, search, group, sort)
    source, viewer = sources(request), viewer_of(request)
    drawing = FleetDrawing(source, viewer, asked)
    await drawing.prepare()
    summary, hosts = drawing.draw()
    known = source.model.hosts()
    return page(
        request,
        "fleet.html",
        title="Fleet",
        asked=asked,
        summary=summary,
        hosts=hosts,
        opening=opening(f"/live/fleet{asked.query()}", [summary, hosts]),
        view=viewer.choice("view", VIEWS if len(known) <= FEW else VIEWS[::-1]),
        conditions=CONDITIONS,
        orders=ORDERS,
        keys=sorted({key for host in known for key in host.labels}),
        chips=_chips(known, asked),
    )


@stream_at("/live/fleet")
async def stream_fleet_page(
    request: WebRequest,
    labels: HostLabels = None,
    statuses: Statuses = None,
    search: Search = "",
    group: Group = "",
    sort: Sort = "",
    seen: Seen = None,
) -> ASGIApp:
    """What changes of them."""
    asked = _asked(labels, statuses, search, group, sort)
    source, viewer = sources(request), viewer_of(request)
    live = require_live(source.live)
    drawing = FleetDrawing(source, viewer, asked)
    return RegionStream(
        source.streams,
        beside_banner(drawing.draw, source.model.fleet, viewer.zone),
        [live.ledger("hosts"), live.ledger("containers"), live.ledger("stats")],
        request.headers.get("last-event-id") or seen,
        drawing.prepare,
    )


def _asked(
    labels: list[str] | None, statuses: Statuses, search: str, group: str, sort: str
) -> Asked:
    asked = Asked(
        labels=tuple(labels or ()),
        statuses=tuple(statuses or ()),
        search=search,
        group=group,
        sort=sort,
    )
    BY.order(asked.sort)  # one that is none is refused before a stream begins
    return asked


def _chips(hosts: Sequence[HostDocument], asked: Asked) -> Sequence[str]:
    """The labels to choose from, those of the most hosts; all that are chosen are among them."""
    counted = Counter(
        f"{key}={value}" for host in hosts for key, value in sorted(host.labels.items())
    )
    common = {label for label, _ in counted.most_common(MOST_CHIPS)}
    return sorted(common.union(asked.labels))


class FleetDrawing:
    """Draws the page, again and again for a stream.

    Args:
        source: What who looks may see.
        viewer: Who looks.
        asked: What they asked for.
    """

    def __init__(self, source: Sources, viewer: Viewer, asked: Asked) -> None:
        self._source = source
        self._viewer = viewer
        self._asked = asked
        self._rows: dict[str, tuple[object, HostRow]] = {}
        self._elements: dict[str, tuple[tuple[object, ...], tuple[str, str]]] = {}
        self._day = today(viewer)
        self._held: dict[str, int] = {}
        self._held_until = float("-inf")

    async def prepare(self) -> None:
        """Read what is old by now, and draw what is new: of many hosts a few at a time."""
        await self._source.sparks.refresh()
        self._day = today(self._viewer)
        model, wanted, began = self._source.model, self._asked.test(), anyio.current_time()
        for name in [host.name for host in model.hosts()]:
            host = model.host(name)  # as it is now: it may have changed since the last pause
            if host is not None and wanted(host):
                self._element(self._row(host))
            if anyio.current_time() - began > AT_ONCE:
                await anyio.lowlevel.checkpoint()
                began = anyio.current_time()

    def draw(self) -> Sequence[Region]:
        """The summary and the hosts."""
        hosts = self._source.model.hosts()
        rows = {host.name: self._row(host) for host in hosts}
        if len(self._rows) > len(rows):
            self._rows = {name: self._rows[name] for name in rows}
            self._elements = {name: self._elements[name] for name in rows if name in self._elements}
        fleet = self._source.model.fleet()
        summary = render(
            "partials/fleet_summary.html",
            self._viewer,
            summary=summary_of(fleet, list(rows.values())),
            fleet=fleet,
        )
        matching = list(filter(self._asked.test(), hosts))
        ordered = self._ordered(matching)
        frame = render(
            "partials/fleet_hosts.html",
            self._viewer,
            asked=self._asked,
            total=len(hosts),
            shown=len(ordered),
            configured=fleet.config.source,
        )
        drawn = dict(self._drawn([rows[host.name] for host in ordered]))
        return [Region(id="summary", html=summary), Region(id="hosts", html=frame, rows=drawn)]

    def _row(self, host: HostDocument) -> HostRow:
        version = self._source.model.host_version(host.name)
        known = self._rows.get(host.name)
        if known is None or known[0] != version:
            known = self._rows[host.name] = (version, host_row(self._source, host))
        return known[1]

    def _ordered(self, hosts: Sequence[HostDocument]) -> Sequence[HostDocument]:
        if not self._asked.restless:
            return self._asked.ordered(hosts)
        names, now = {host.name for host in hosts}, anyio.current_time()
        if names != self._held.keys() or now >= self._held_until:
            ordered = self._asked.ordered(hosts)
            self._held = {host.name: place for place, host in enumerate(ordered)}
            self._held_until = now + HELD
            return ordered
        return sorted(hosts, key=lambda host: self._held[host.name])

    def _drawn(self, rows: Sequence[HostRow]) -> Iterator[tuple[str, str]]:
        if not self._asked.group:
            yield from map(self._element, rows)
            return
        for (_, value), of_group in groupby(
            rows, key=lambda row: self._asked.place_of_group(row.host)
        ):
            together = list(of_group)
            name = value if self._asked.group in together[0].host.labels else None
            yield self._heading(name, together)
            yield from map(self._element, together)

    def _element(self, row: HostRow) -> tuple[str, str]:
        """Its id and text; what others who look had drawn is taken over."""
        source, viewer, name = self._source, self._viewer, row.host.name
        spark = source.sparks.of(name)
        told = (source.model.host_version(name), spark, self._day)
        known = self._elements.get(name)
        if known is None or known[0] != told:
            key = ("host", name, str(viewer.zone))
            html = source.drawn.row(key, told, lambda: draw_host(row, viewer, spark))
            known = self._elements[name] = (told, (host_id(name), html))
        return known[1]

    def _heading(self, value: str | None, rows: Sequence[HostRow]) -> tuple[str, str]:
        ident = element_id("group", *([] if value is None else [value]))
        counted = Counter(row.condition for row in rows)
        return ident, render(
            "partials/fleet_group.html",
            self._viewer,
            ident=ident,
            key=self._asked.group,
            value=value,
            counts=[(word, counted[word]) for word in CONDITIONS if counted[word]],
            total=len(rows),
        )
