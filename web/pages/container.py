"""The page of one container: what is wrong with it, what it uses, and all that is known of it."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote

from litestar.params import FromPath, QueryParameter
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from web.live.handlers import require_live
from web.pages.container_drawing import ContainerDrawing
from web.pages.container_past import Reader, find_meant
from web.pages.declaring import Seen, page_at, stream_at
from web.pages.regions import RegionStream, opening
from web.pages.shell import page, viewer_of
from web.pages.troubles import beside_banner
from web.paths import segment
from web.sources import WebRequest, sources

Range = Annotated[
    Literal["15m", "1h", "6h", "24h", "7d", "30d", "90d"],
    QueryParameter(name="range", description="one of 15m, 1h, 6h, 24h, 7d, 30d, 90d"),
]


@page_at("/hosts/{host:str}/containers/{ref:str}")
async def show_container_page(
    request: WebRequest, host: FromPath[str], ref: FromPath[str], span: Range = "1h"
) -> ASGIResponse:
    """One container, by name, id or identity; also one that was removed."""
    drawing = await _drawing(request, segment(host), segment(ref))
    await drawing.refresh()
    regions = {region.id: region for region in drawing.draw()}
    meant, container = drawing.meant, drawing.container
    path = f"{quote(meant.host, safe='')}/containers/{quote(meant.ref, safe='')}"
    lasts = [one.last for one in meant.incarnations]
    is_over = container is None and lasts and None not in lasts
    return page(
        request,
        "container.html",
        title=drawing.name,
        regions=regions,
        opening=opening(f"/live/hosts/{path}", [*regions.values()]),
        host=meant.host,
        here=f"/hosts/{path}",
        api=f"/api/containers/{quote(meant.host, safe='')}/{quote(meant.ref, safe='')}",
        range=span,
        runs=container is not None and container.state in ("running", "paused"),
        ended=max(last for last in lasts if last is not None).isoformat() if is_over else "",
    )


@stream_at("/live/hosts/{host:str}/containers/{ref:str}")
async def stream_container_page(
    request: WebRequest, host: FromPath[str], ref: FromPath[str], seen: Seen = None
) -> ASGIApp:
    """What changes of it."""
    source = sources(request)
    live = require_live(source.live)
    drawing = await _drawing(request, segment(host), segment(ref))
    ledgers = [live.ledger("containers"), live.ledger("hosts")]
    seen = request.headers.get("last-event-id") or seen
    draw = beside_banner(drawing.draw, source.model.fleet, viewer_of(request).zone)
    return RegionStream(source.streams, draw, ledgers, seen, drawing.refresh)


async def _drawing(request: WebRequest, host: str, ref: str) -> ContainerDrawing:
    source = sources(request)
    meant = await find_meant(source, host, ref)
    return ContainerDrawing(source, viewer_of(request), Reader(source, meant))
