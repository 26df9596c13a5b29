"""The page of one container."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar.params import FromPath, QueryParameter
from litestar.response.base import ASGIResponse

from web.finding import find_container
from web.pages.declaring import page_at
from web.pages.shell import page
from web.paths import segment
from web.sources import WebRequest, sources

Range = Annotated[
    Literal["15m", "1h", "6h", "24h", "7d", "30d", "90d"],
    QueryParameter(name="range", description="the span of the charts"),
]


@page_at("/hosts/{host:str}/containers/{ref:str}")
async def show_container_page(
    request: WebRequest, host: FromPath[str], ref: FromPath[str], range_: Range = "1h"
) -> ASGIResponse:
    """All that is known of it."""
    container = find_container(sources(request).model, segment(ref), host)
    return page(
        request, "container.html", title=container.name, container=container, range=range_, ref=ref
    )
