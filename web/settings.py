"""`/api/config` and `/api/storage`: how fleet is set up, for who sees all of it."""

from __future__ import annotations

from litestar import get
from litestar.response.base import ASGIResponse

from web.access.model import WHOLE
from web.answers import json_answer
from web.config_documents import EffectiveConfigDocument
from web.holdings_documents import HoldingsDocument
from web.problems import Problem
from web.schema import answers
from web.sources import WebRequest, sources


@get("/api/config", responses=answers(EffectiveConfigDocument, 403, 503), opt={WHOLE: True})
async def show_config(request: WebRequest) -> ASGIResponse:
    """The configuration in force: each key, and each host; secrets never."""
    configured = sources(request).configured
    found = None if configured is None else configured()
    if found is None:
        raise Problem("state-unavailable", "What is configured is not known here (yet).")
    return json_answer(found)


@get("/api/storage", responses=answers(HoldingsDocument, 403, 503), opt={WHOLE: True})
async def show_storage(request: WebRequest) -> ASGIResponse:
    """Which database it is, and what it holds: tables, their sizes and times, and rollups."""
    holdings = sources(request).holdings
    if holdings is None:
        raise Problem("history-unavailable", "No database is in use, so there is nothing in it.")
    return json_answer(await holdings.look())
