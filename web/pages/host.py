"""The page of one host: how it is, how it was, and what came between."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import quote, urlencode

from litestar.params import FromPath, QueryParameter
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from web.finding import find_host
from web.live.handlers import require_live
from web.pages.declaring import Seen, page_at, stream_at
from web.pages.host_draw import HostDrawing, SpanWord
from web.pages.regions import RegionStream, opening
from web.pages.shell import page, viewer_of
from web.pages.troubles import beside_banner
from web.sources import WebRequest, sources
from web.times import parse_time

_Span = Annotated[
    SpanWord, QueryParameter(name="span", description="24h or 30d: what the bar of states shows")
]
_Range = Annotated[
    Literal["15m", "1h", "6h", "24h", "7d", "30d", "90d"],
    QueryParameter(name="range", description="one of 15m, 1h, 6h, 24h, 7d, 30d, 90d"),
]
_Before = Annotated[
    str | None, QueryParameter(name="before", description="what the log is older than")
]


@page_at("/hosts/{host:str}")
async def show_host_page(
    request: WebRequest,
    host: FromPath[str],
    span: _Span = "24h",
    range_: _Range = "1h",
    before: _Before = None,
) -> ASGIResponse:
    """All that is known of it, now and before."""
    drawing = _drawing(request, host, span, before)
    await drawing.past.refresh()
    regions = drawing()
    kept = [("span", span)] + ([("before", before)] if before else [])
    return page(
        request,
        "host.html",
        title=host,
        host_name=host,
        regions={region.id: region for region in regions},
        opening=opening(f"/live/hosts/{quote(host, safe='')}?{urlencode(kept)}", regions),
        range=range_,
        kept=kept,
    )


@stream_at("/live/hosts/{host:str}")
async def stream_host_page(
    request: WebRequest,
    host: FromPath[str],
    span: _Span = "24h",
    before: _Before = None,
    seen: Seen = None,
) -> ASGIApp:
    """What changes of it."""
    drawing = _drawing(request, host, span, before)
    source = sources(request)
    live = require_live(source.live)
    ledgers = [live.ledger(name) for name in ("hosts", "containers", "stats")]
    seen = request.headers.get("last-event-id") or seen
    draw = beside_banner(drawing, source.model.fleet, viewer_of(request).zone)
    return RegionStream(source.streams, draw, ledgers, seen, prepare=drawing.past.refresh)


def _drawing(request: WebRequest, host: str, span: SpanWord, before: str | None) -> HostDrawing:
    source = sources(request)
    name = find_host(source.model, host).name
    time = parse_time("before", before, datetime.now(UTC)) if before else None
    return HostDrawing(source, viewer_of(request), name, span, time)
