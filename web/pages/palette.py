"""The command palette's hits, as a list of options to put into its dialog."""

from __future__ import annotations

from typing import Annotated

from litestar.params import QueryParameter
from litestar.response.base import ASGIResponse

from web.pages.declaring import page_at
from web.pages.finding import find
from web.pages.shell import fragment, html
from web.sources import WebRequest, sources

Words = Annotated[str, QueryParameter(name="q", description="words of a name", max_length=200)]


@page_at("/palette")
async def show_hits(request: WebRequest, q: Words = "") -> ASGIResponse:
    """The best hits."""
    return html(
        fragment(request, "partials/palette_hits.html", hits=find(sources(request), q), q=q)
    )
