"""What became of one container: its samples, events and runs, also when it was removed."""

from __future__ import annotations

from datetime import UTC, datetime

from litestar import get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from web.answers import json_answer
from web.history import Span
from web.history_documents import ContainerEventsDocument, StatsHistoryDocument, UptimeDocument
from web.parameters import End, Last, Limit, OneResolution, Points, Start
from web.recorded import find_recorded
from web.schema import answers
from web.sources import WebRequest, require_history
from web.times import window


@get(
    "/api/containers/{ref:str}/stats/history",
    responses=answers(StatsHistoryDocument, 404, 409, 503),
)
async def show_stats_history(
    request: WebRequest,
    ref: FromPath[str],
    start: Start = None,
    end: End = None,
    last: Last = None,
    points: Points = 300,
    resolution: OneResolution = None,
) -> ASGIResponse:
    """Stored samples of a container, oldest first; the last hour unless said otherwise."""
    span = Span(*window(start, end, last, datetime.now(UTC)))
    container = await find_recorded(request, ref)
    history = require_history(request)
    return json_answer(await history.stats_history(container, span, points, resolution))


@get(
    "/api/containers/{host:str}/{ref:str}/stats/history",
    responses=answers(StatsHistoryDocument, 404, 409, 503),
)
async def show_stats_history_on(
    request: WebRequest,
    host: FromPath[str],
    ref: FromPath[str],
    start: Start = None,
    end: End = None,
    last: Last = None,
    points: Points = 300,
    resolution: OneResolution = None,
) -> ASGIResponse:
    """Stored samples of a container of one host, removed or not."""
    span = Span(*window(start, end, last, datetime.now(UTC)))
    container = await find_recorded(request, ref, host)
    history = require_history(request)
    return json_answer(await history.stats_history(container, span, points, resolution))


@get(
    "/api/containers/{host:str}/{ref:str}/events",
    responses=answers(ContainerEventsDocument, 404, 409, 503),
)
async def show_container_events(
    request: WebRequest,
    host: FromPath[str],
    ref: FromPath[str],
    start: Start = None,
    end: End = None,
    last: Last = None,
    limit: Limit = 100,
) -> ASGIResponse:
    """Stored events of a container, the newest `limit` of the span, oldest first."""
    span = Span(*window(start, end, last, datetime.now(UTC)))
    container = await find_recorded(request, ref, host)
    return json_answer(await require_history(request).container_events(container, span, limit))


@get(
    "/api/containers/{host:str}/{ref:str}/uptime",
    responses=answers(UptimeDocument, 404, 409, 503),
)
async def show_uptime(
    request: WebRequest,
    host: FromPath[str],
    ref: FromPath[str],
    start: Start = None,
    end: End = None,
    last: Last = None,
) -> ASGIResponse:
    """How much of the span a container ran, its restarts, and each of its runs."""
    span = Span(*window(start, end, last, datetime.now(UTC)))
    container = await find_recorded(request, ref, host)
    return json_answer(await require_history(request).uptime(container, span))
