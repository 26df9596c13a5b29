"""`/metrics`, which a Prometheus scrapes."""

from __future__ import annotations

from litestar import get
from litestar.openapi import ResponseSpec
from litestar.types import ASGIApp, Receive, Scope, Send

from web.exposition.answer import Exposition
from web.schema import problems
from web.sources import WebRequest, sources


class _Scrape:
    """An ASGI application that answers one scrape."""

    def __init__(self, exposition: Exposition, accept: str, accept_encoding: str) -> None:
        self._exposition = exposition
        self._accept = accept
        self._accept_encoding = accept_encoding

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Answer."""
        await self._exposition.answer(self._accept, self._accept_encoding, send)


@get(
    "/metrics",
    responses={
        200: ResponseSpec(
            bytes,
            description="All metrics, as plain text or OpenMetrics",
            media_type="text/plain",
            generate_examples=False,
        ),
        **problems(400, 503),
    },
)
async def show_metrics(request: WebRequest) -> ASGIApp:
    """Metrics of the program and of all hosts and running containers, for Prometheus."""
    headers = request.headers
    return _Scrape(
        sources(request).exposition,
        headers.get("accept", ""),
        headers.get("accept-encoding", ""),
    )
