"""The page of all routes: what serves which domain, and what is wrong with labels."""

from __future__ import annotations

from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from web.finding import check_host_filter
from web.pages import routes_asked as asking
from web.pages.declaring import Seen, page_at, stream_at
from web.pages.regions import RegionStream, opening
from web.pages.routes_asked import Asked
from web.pages.routes_draw import RoutesDrawing
from web.pages.shell import page, viewer_of
from web.pages.troubles import beside_banner
from web.pages.turning import RouteTurns
from web.sources import WebRequest, require_routing, sources


@page_at("/routes")
async def show_routes_page(
    request: WebRequest,
    tab: asking.Shown = "routes",
    domain: asking.Domain = "",
    hosts: asking.Hosts = None,
    labels: asking.Labels = None,
    statuses: asking.Statuses = None,
    cursor: asking.Cursor = "",
) -> ASGIResponse:
    """All routes, or what is wrong with them; those that are asked for."""
    asked = _asked(request, tab, domain, hosts, labels, statuses, cursor)
    source = sources(request)
    drawing = RoutesDrawing(source, viewer_of(request), asked)
    await drawing.refresh()
    regions = drawing.draw()
    known = source.model.host_labels()
    return page(
        request,
        "routes.html",
        title="Routes",
        asked=asked,
        regions=regions,
        opening=opening(f"/live/routes{asked.query()}", regions) if source.routing else "",
        hosts=sorted(known),
        chips=sorted({f"{key}={value}" for own in known.values() for key, value in own.items()}),
        kept=source.routing is not None,
    )


@stream_at("/live/routes")
async def stream_routes_page(
    request: WebRequest,
    tab: asking.Shown = "routes",
    domain: asking.Domain = "",
    hosts: asking.Hosts = None,
    labels: asking.Labels = None,
    statuses: asking.Statuses = None,
    cursor: asking.Cursor = "",
    seen: Seen = None,
) -> ASGIApp:
    """What changes of them."""
    asked = _asked(request, tab, domain, hosts, labels, statuses, cursor)
    source, viewer = sources(request), viewer_of(request)
    turns = RouteTurns(require_routing(request))
    drawing = RoutesDrawing(source, viewer, asked)
    drawing.draw()  # a cursor that is none is refused before the stream begins
    return RegionStream(
        source.streams,
        beside_banner(drawing.draw, source.model.fleet, viewer.zone),
        [turns],
        request.headers.get("last-event-id") or seen,
        drawing.refresh,
    )


def _asked(
    request: WebRequest,
    tab: asking.Tab,
    domain: str,
    hosts: asking.Hosts,
    labels: asking.Labels,
    statuses: asking.Statuses,
    cursor: str,
) -> Asked:
    named = tuple(name for name in hosts or () if name)
    check_host_filter(sources(request).model, named)
    return Asked(
        tab=tab,
        domain=domain,
        hosts=named,
        labels=tuple(label for label in labels or () if label),
        statuses=tuple(word for word in statuses or () if word),
        cursor=cursor,
    )
