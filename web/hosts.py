"""Hosts and their health."""

from __future__ import annotations

from datetime import UTC, datetime

from litestar import get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from web.answers import json_answer
from web.documents import HealthHistoryDocument, HostDocument, HostsDocument
from web.finding import find_host
from web.health_documents import AvailabilityDocument
from web.history import Span
from web.history_documents import HostStatsHistoryDocument
from web.parameters import (
    Cursor,
    End,
    Fields,
    HostLabels,
    HostLimit,
    HostName,
    HostStatuses,
    Last,
    OneResolution,
    Points,
    Start,
)
from web.rest.answering import KEPT
from web.rest.listings import HOSTS, HostSort
from web.rest.pages import Cut, cut_page, page_answer
from web.schema import answers
from web.selection import host_test
from web.sources import WebRequest, require_history, sources
from web.times import window


@get("/api/hosts", responses=answers(HostsDocument), opt={KEPT: "live"})
async def list_hosts(
    request: WebRequest,
    label: HostLabels = None,
    statuses: HostStatuses = None,
    name: HostName = None,
    sort: HostSort = None,
    fields: Fields = None,
    limit: HostLimit = None,
    cursor: Cursor = None,
) -> ASGIResponse:
    """Configured hosts with their health, in the order of their names unless asked otherwise."""
    test = host_test(label or (), statuses or (), name)
    found = list(filter(test, sources(request).model.hosts()))
    cut = Cut(limit or max(1, len(found)), cursor=cursor)
    items, page = cut_page(found, HOSTS.order(sort), cut, ordered=True)
    return page_answer(request, HostsDocument(hosts=tuple(items), page=page), page, "hosts", fields)


@get("/api/hosts/{host:str}", responses=answers(HostDocument, 404), opt={KEPT: "live"})
async def show_host(request: WebRequest, host: FromPath[str]) -> ASGIResponse:
    """One host with its health."""
    return json_answer(find_host(sources(request).model, host))


@get("/api/hosts/{host:str}/health/history", responses=answers(HealthHistoryDocument, 404, 503))
async def show_health_history(
    request: WebRequest,
    host: FromPath[str],
    start: Start = None,
    end: End = None,
    last: Last = None,
    points: Points = 300,
) -> ASGIResponse:
    """Stored health of one host, oldest first; the last hour unless said otherwise."""
    found = find_host(sources(request).model, host)
    begin, until = window(start, end, last, datetime.now(UTC))
    history = require_history(request)
    stored = await history.health_history(found.name, begin, until, points)
    return json_answer(
        HealthHistoryDocument(host=found.name, start=begin, end=until, points=tuple(stored))
    )


@get("/api/hosts/{host:str}/availability", responses=answers(AvailabilityDocument, 404, 503))
async def show_availability(
    request: WebRequest,
    host: FromPath[str],
    start: Start = None,
    end: End = None,
    last: Last = None,
) -> ASGIResponse:
    """How much of a span a host was up, with its outages; the last hour unless said otherwise."""
    found = find_host(sources(request).model, host)
    span = Span(*window(start, end, last, datetime.now(UTC)))
    return json_answer(await require_history(request).availability(found.name, span))


@get("/api/hosts/{host:str}/stats/history", responses=answers(HostStatsHistoryDocument, 404, 503))
async def show_host_stats_history(
    request: WebRequest,
    host: FromPath[str],
    start: Start = None,
    end: End = None,
    last: Last = None,
    points: Points = 300,
    resolution: OneResolution = None,
) -> ASGIResponse:
    """Stored samples of a host's machine, oldest first; the last hour unless said otherwise."""
    found = find_host(sources(request).model, host)
    span = Span(*window(start, end, last, datetime.now(UTC)))
    history = require_history(request)
    return json_answer(await history.host_stats_history(found.name, span, points, resolution))
