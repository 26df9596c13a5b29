"""The program itself: its verdict, whether it lives, whether it is ready."""

from __future__ import annotations

from litestar import get
from litestar.response.base import ASGIResponse

from web.access.model import OPEN, ROLE
from web.answers import json_answer
from web.documents import AliveDocument, FleetDocument, ReadyDocument
from web.schema import answers
from web.sources import WebRequest, sources


@get("/api/fleet", responses=answers(FleetDocument))
async def show_fleet(request: WebRequest) -> ASGIResponse:
    """The program, its configuration, its storage, and the verdict over all."""
    return json_answer(sources(request).model.fleet())


@get("/health", responses=answers(AliveDocument), opt={ROLE: OPEN})
async def show_alive() -> ASGIResponse:
    """The program answers. Open to everyone, and says nothing else."""
    return json_answer(AliveDocument())


@get("/ready", responses=answers(ReadyDocument, 503))
async def show_ready(request: WebRequest) -> ASGIResponse:
    """200 once every enabled host was tried and storage is decided, else 503 with the reason."""
    ready, reason = sources(request).model.ready()
    return json_answer(ReadyDocument(ready=ready, reason=reason), 200 if ready else 503)
