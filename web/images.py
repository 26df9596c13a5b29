"""Images: what a tag meant when, and which containers used it."""

from __future__ import annotations

from litestar import get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from web.answers import json_answer
from web.finding import check_host_filter
from web.history_documents import ImageHistoryDocument
from web.parameters import OneHost
from web.paths import segment
from web.schema import answers
from web.sources import WebRequest, require_history, sources


@get("/api/images/{ref:str}/history", responses=answers(ImageHistoryDocument, 404, 503))
async def show_image_history(
    request: WebRequest, ref: FromPath[str], host: OneHost = None
) -> ASGIResponse:
    """What a tag meant on each host and when, or when an id was meant; newest first."""
    check_host_filter(sources(request).model, [host] if host else ())
    return json_answer(await require_history(request).image_history(host, segment(ref)))
