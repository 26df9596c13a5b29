"""The page of the whole fleet: which host needs attention."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from web.live.handlers import require_live
from web.pages.declaring import Seen, page_at, stream_at
from web.pages.regions import Region, RegionStream, opening
from web.pages.shell import Viewer, page, render, viewer_of
from web.pages.wording import element_id
from web.sources import Sources, WebRequest, sources


@page_at("/")
async def show_fleet_page(request: WebRequest) -> ASGIResponse:
    """All hosts."""
    regions = draw(sources(request), viewer_of(request))
    return page(
        request,
        "fleet.html",
        title="Fleet",
        regions=regions,
        opening=opening("/live/fleet", regions),
    )


@stream_at("/live/fleet")
async def stream_fleet_page(request: WebRequest, seen: Seen = None) -> ASGIApp:
    """What changes of it."""
    source = sources(request)
    live = require_live(source.live)
    ledgers = [live.ledger("hosts"), live.ledger("stats")]
    seen = request.headers.get("last-event-id") or seen
    return RegionStream(source.streams, partial(draw, source, viewer_of(request)), ledgers, seen)


def draw(source: Sources, viewer: Viewer) -> Sequence[Region]:
    """The regions of the page."""
    rows = {
        element_id("host", host.name): render("partials/host_row.html", viewer, host=host)
        for host in source.model.hosts()
    }
    frame = '<ul id="hosts" class="plain stack" hx-swap-oob="morph">{rows}</ul>'
    return [Region(id="hosts", html=frame, rows=rows)]
