"""The page of events: what happens, as it happens, and what happened before."""

from __future__ import annotations

from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from web import parameters as common
from web.finding import check_host_filter
from web.pages import events_asked as asking
from web.pages.declaring import Seen, page_at, stream_at
from web.pages.events_asked import MOST_PARTS, Asked
from web.pages.events_draw import EventsDrawing
from web.pages.regions import RegionStream, opening
from web.pages.shell import page, viewer_of
from web.pages.troubles import beside_banner
from web.pages.turning import EventTurns
from web.sources import WebRequest, sources

TYPES = ("container", "image", "network", "volume", "daemon")
ACTIONS = (
    *("start", "die", "oom", "kill", "stop", "restart", "create", "destroy"),
    *("health_status", "pause", "unpause", "rename", "update", "exec_start"),
    *("pull", "tag", "untag", "delete"),
)
SPANS = (("15m", "15 minutes"), ("1h", "hour"), ("6h", "6 hours"), ("24h", "day"), ("7d", "week"))


@page_at("/events")
async def show_events_page(
    request: WebRequest,
    host: common.Hosts = None,
    kinds: common.EventTypes = None,
    actions: common.EventActions = None,
    container: common.Containers = None,
    label: common.EventLabels = None,
    search: asking.Search = "",
    since: asking.Since = "",
    until: asking.Until = "",
    noise: asking.Noise = False,
    cursor: asking.Cursor = "",
    part: asking.Part = 0,
) -> ASGIResponse:
    """Events that are asked for, the newest first."""
    lists = (host, kinds, actions, container, label)
    asked = _asked(request, lists, search, since, until, noise, cursor, part)
    source = sources(request)
    drawing = EventsDrawing(source, viewer_of(request), asked)
    await drawing.refresh()
    regions = drawing.draw()
    live = f"/live/events{asked.query(**{'from': drawing.older})}"
    return page(
        request,
        "events.html",
        title="Events",
        asked=asked,
        regions=regions,
        older=drawing.older,
        is_last_part=asked.part >= MOST_PARTS,
        opening=opening(live, regions) if asked.is_live else "",
        hosts=sorted(source.model.host_labels()),
        types=TYPES,
        actions=ACTIONS,
        spans=SPANS,
    )


@stream_at("/live/events")
async def stream_events_page(
    request: WebRequest,
    host: common.Hosts = None,
    kinds: common.EventTypes = None,
    actions: common.EventActions = None,
    container: common.Containers = None,
    label: common.EventLabels = None,
    search: asking.Search = "",
    since: asking.Since = "",
    until: asking.Until = "",
    noise: asking.Noise = False,
    oldest: asking.From = "",
    seen: Seen = None,
) -> ASGIApp:
    """What comes to them."""
    lists = (host, kinds, actions, container, label)
    asked = _asked(request, lists, search, since, until, noise)
    source, viewer = sources(request), viewer_of(request)
    drawing = EventsDrawing(source, viewer, asked, oldest)
    return RegionStream(
        source.streams,
        beside_banner(drawing.draw, source.model.fleet, viewer.zone),
        [EventTurns(source.model)],
        request.headers.get("last-event-id") or seen,
        drawing.refresh,
    )


def _asked(
    request: WebRequest,
    lists: tuple[list[str] | None, ...],
    search: str,
    since: str,
    until: str,
    noise: bool,
    cursor: str = "",
    part: int = 0,
) -> Asked:
    hosts, types, actions, containers, labels = (
        tuple(word for word in words or () if word) for words in lists
    )
    check_host_filter(sources(request).model, hosts)
    return Asked(
        hosts=hosts,
        types=types,
        actions=actions,
        containers=containers,
        labels=labels,
        search=search,
        since=since,
        until=until,
        noise=noise,
        cursor=cursor,
        part=part,
    )
