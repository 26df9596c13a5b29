"""The page of all containers: filtered, sorted, a page at a time, live."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import anyio
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from web.documents import ContainerDocument, Page
from web.expectations import HEALTHS, LOOPING, STATES
from web.live.handlers import require_live
from web.pages import containers_asked as asking
from web.pages.containers_asked import Asked
from web.pages.declaring import Seen, page_at, stream_at
from web.pages.fleet_rows import today
from web.pages.regions import Region, RegionStream, opening
from web.pages.shell import Viewer, page, render, viewer_of
from web.pages.troubles import beside_banner
from web.pages.wording import element_id
from web.rest.pages import Cut, cut_page
from web.sources import Sources, WebRequest, sources

ROWS = 200
HELD = 10.0  # seconds that an order by restless figures stays, so that nothing jumps under a finger
MOST_PROJECTS = 500  # to choose from; all others by search, or in the address
MOST_PORTS = 3


@page_at("/containers")
async def show_containers_page(
    request: WebRequest,
    hosts: asking.Hosts = None,
    states: asking.States = None,
    healths: asking.Healths = None,
    labels: asking.Labels = None,
    projects: asking.Projects = None,
    search: asking.Search = "",
    trouble: asking.Trouble = False,
    group: asking.Group = "",
    sort: asking.Sort = "",
    cursor: asking.Cursor = "",
) -> ASGIResponse:
    """All containers, or those that are asked for."""
    lists = (hosts, states, healths, labels, projects)
    asked = _asked(lists, search, trouble, group, sort, cursor)
    source, viewer = sources(request), viewer_of(request)
    regions = ContainersDrawing(source, viewer, asked).draw()
    known = source.model.containers()
    return page(
        request,
        "containers.html",
        title="Containers",
        asked=asked,
        regions=regions,
        opening=opening(f"/live/containers{asked.query()}", regions),
        choices=(
            ("host", "Host", asked.hosts, sorted(source.model.host_labels())),
            ("project", "Compose project", asked.projects, _projects(known)),
            ("state", "State", asked.states, (*STATES[:7], LOOPING)),
            ("health", "Health", asked.healths, HEALTHS),
        ),
    )


@stream_at("/live/containers")
async def stream_containers_page(
    request: WebRequest,
    hosts: asking.Hosts = None,
    states: asking.States = None,
    healths: asking.Healths = None,
    labels: asking.Labels = None,
    projects: asking.Projects = None,
    search: asking.Search = "",
    trouble: asking.Trouble = False,
    group: asking.Group = "",
    sort: asking.Sort = "",
    cursor: asking.Cursor = "",
    seen: Seen = None,
) -> ASGIApp:
    """What changes of those that the page shows."""
    lists = (hosts, states, healths, labels, projects)
    asked = _asked(lists, search, trouble, group, sort, cursor)
    source, viewer = sources(request), viewer_of(request)
    live = require_live(source.live)
    drawing = ContainersDrawing(source, viewer, asked)
    drawing.draw()  # a cursor that is none is refused before the stream begins
    return RegionStream(
        source.streams,
        beside_banner(drawing.draw, source.model.fleet, viewer.zone),
        [live.ledger("hosts"), live.ledger("containers"), live.ledger("stats")],
        request.headers.get("last-event-id") or seen,
    )


def _asked(
    lists: Sequence[Sequence[str] | None],
    search: str,
    trouble: bool,
    group: asking.Grouping,
    sort: str,
    cursor: str,
) -> Asked:
    hosts, states, healths, labels, projects = (
        tuple(word for word in words or () if word) for words in lists
    )
    return Asked(
        hosts=hosts,
        states=states,
        healths=healths,
        labels=labels,
        projects=projects,
        search=search,
        trouble=trouble,
        group=group,
        sort=sort,
        cursor=cursor,
    )


def _projects(known: Sequence[ContainerDocument]) -> Sequence[str]:
    found = {container.compose.project for container in known if container.compose is not None}
    return sorted(found)[:MOST_PROJECTS]


class ContainersDrawing:
    """Draws one page of the list, again and again for a stream.

    Args:
        source: What who looks may see.
        viewer: Who looks.
        asked: What they asked for.
    """

    def __init__(self, source: Sources, viewer: Viewer, asked: Asked) -> None:
        self._source = source
        self._viewer = viewer
        self._asked = asked
        self._order = asked.order
        self._held: Sequence[tuple[str, str]] = ()
        self._held_page: Page | None = None
        self._held_until = float("-inf")

    def draw(self) -> Sequence[Region]:
        """What was found in a line, with the way to other pages; and the table."""
        known = self._source.model.containers()
        matching = self._asked.matching(known)
        items, cut = self._cut(matching)
        found = render(
            "partials/containers_found.html",
            self._viewer,
            asked=self._asked,
            page=cut,
            shown=len(items),
            known=len(known),
        )
        frame = render(
            "partials/containers_table.html",
            self._viewer,
            asked=self._asked,
            shown=len(items),
            known=len(known),
            hosts=len(self._source.model.host_labels()),
        )
        rows = dict(self._rows(items, matching))
        return [
            Region(id="found", html=found),
            Region(id="containers", html=frame, rows=rows),
        ]

    def _cut(
        self, matching: Sequence[ContainerDocument]
    ) -> tuple[Sequence[ContainerDocument], Page]:
        """The items of the page; with a restless order the same ones for a while."""
        now = anyio.current_time()
        if self._held_page is not None and now < self._held_until:
            there = {(one.host, one.id): one for one in matching}
            return [there[key] for key in self._held if key in there], self._held_page
        cut = Cut(ROWS, cursor=self._asked.cursor or None)
        items, page = cut_page(matching, self._order, cut, ordered=True)
        if self._asked.restless:
            self._held = [(one.host, one.id) for one in items]
            self._held_page, self._held_until = page, now + HELD
        return items, page

    def _rows(
        self, items: Sequence[ContainerDocument], matching: Sequence[ContainerDocument]
    ) -> Iterator[tuple[str, str]]:
        day, zone = today(self._viewer), str(self._viewer.zone)
        counted = Counter(map(self._group, matching)) if self._asked.group else Counter()
        last: object = _NOTHING
        for one in items:
            if self._asked.group and (group := self._group(one)) != last:
                last = group
                yield self._heading(group, counted[group])
            ident = element_id("container", one.host, one.id)
            key = ("container", one.host, one.id, zone)
            yield ident, self._source.drawn.row(key, (one, day), lambda: self._row(one))  # noqa: B023 - called at once

    def _group(self, one: ContainerDocument) -> str | None:
        if self._asked.group == "host":
            return one.host
        return one.compose.project if one.compose is not None else None

    def _heading(self, group: str | None, count: int) -> tuple[str, str]:
        ident = element_id("group", *([] if group is None else [group]))
        html = render(
            "partials/containers_group.html",
            self._viewer,
            ident=ident,
            of=self._asked.group,
            group=group,
            count=count,
        )
        return ident, html

    def _row(self, one: ContainerDocument) -> str:
        published = list(
            dict.fromkeys(
                (port.host_port, port.container_port, port.protocol)
                for port in one.ports
                if port.host_port is not None
            )
        )
        return render(
            "partials/container_row.html",
            self._viewer,
            container=one,
            ports=published[:MOST_PORTS],
            more_ports=len(published) - MOST_PORTS,
        )


_NOTHING = object()
