"""Containers: the filtered list, one of them, its latest sample and its history.

One container is HOST/REF or REF alone. `/api/containers/A/stats` could be either the stats of A or
the container called `stats` on host A: where A is a host, it is the latter.
"""

from __future__ import annotations

from datetime import UTC, datetime

from litestar import get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from web.answers import json_answer
from web.documents import (
    ContainerDocument,
    ContainersDocument,
    ContainerStatsDocument,
    Page,
)
from web.finding import check_host_filter, find_container
from web.history import HistoryUnavailable
from web.history_documents import StatsHistoryDocument
from web.parameters import (
    End,
    Healths,
    Hosts,
    Labels,
    Last,
    Limit,
    Name,
    Offset,
    Points,
    Start,
    States,
)
from web.paths import segment
from web.schema import answers
from web.selection import ContainerFilter, container_test, parse_labels
from web.sources import WebRequest, history_problem, require_history, sources
from web.times import window


@get("/api/containers", responses=answers(ContainersDocument))
async def list_containers(
    request: WebRequest,
    host: Hosts = None,
    states: States = None,
    health: Healths = None,
    label: Labels = None,
    name: Name = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> ASGIResponse:
    """Known containers that match all filters, page by page, in the order of host and name."""
    model = sources(request).model
    check_host_filter(model, host or ())
    known = model.containers(host[0] if host and len(host) == 1 else None)
    if host or states or health or label or name:
        wanted = ContainerFilter(
            hosts=frozenset(host or ()),
            states=frozenset(states or ()),
            healths=frozenset(health or ()),
            labels=parse_labels(label or ()),
            name=name,
        )
        known = list(filter(container_test(wanted), known))
    page = Page(total=len(known), offset=offset, limit=limit)
    return json_answer(
        ContainersDocument(containers=tuple(known[offset : offset + limit]), page=page)
    )


@get("/api/containers/{ref:str}", responses=answers(ContainerDocument, 404, 409))
async def show_container(request: WebRequest, ref: FromPath[str]) -> ASGIResponse:
    """One container by its id, the beginning of it, or a name that only one container has."""
    return json_answer(find_container(sources(request).model, segment(ref)))


@get("/api/containers/{host:str}/{ref:str}", responses=answers(ContainerDocument, 404, 409))
async def show_container_on(
    request: WebRequest, host: FromPath[str], ref: FromPath[str]
) -> ASGIResponse:
    """One container of one host by name or id."""
    return json_answer(find_container(sources(request).model, segment(ref), host))


@get("/api/containers/{ref:str}/stats", responses=answers(ContainerStatsDocument, 404, 409))
async def show_stats(request: WebRequest, ref: FromPath[str]) -> ASGIResponse:
    """The latest sample of a container."""
    model = sources(request).model
    if model.host(ref) is not None:
        return json_answer(find_container(model, "stats", ref))
    return _stats(find_container(model, segment(ref)))


@get(
    "/api/containers/{host:str}/{ref:str}/stats",
    responses=answers(ContainerStatsDocument, 404, 409),
)
async def show_stats_on(
    request: WebRequest, host: FromPath[str], ref: FromPath[str]
) -> ASGIResponse:
    """The latest sample of a container of one host."""
    return _stats(find_container(sources(request).model, segment(ref), host))


@get("/api/containers/{host:str}/stats/stats", include_in_schema=False)
async def show_stats_of_stats(request: WebRequest, host: FromPath[str]) -> ASGIResponse:
    """The same for a container called `stats`, which the router takes for the word itself."""
    return _stats(find_container(sources(request).model, "stats", host))


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
) -> ASGIResponse:
    """Stored samples of a container, oldest first; the last hour unless said otherwise."""
    container = find_container(sources(request).model, segment(ref))
    return await _history(request, container, window(start, end, last, _now()), points)


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
) -> ASGIResponse:
    """Stored samples of a container of one host."""
    container = find_container(sources(request).model, segment(ref), host)
    return await _history(request, container, window(start, end, last, _now()), points)


@get("/api/containers/{host:str}/stats/stats/history", include_in_schema=False)
async def show_stats_history_of_stats(
    request: WebRequest,
    host: FromPath[str],
    start: Start = None,
    end: End = None,
    last: Last = None,
    points: Points = 300,
) -> ASGIResponse:
    """The same for a container called `stats`, which the router takes for the word itself."""
    container = find_container(sources(request).model, "stats", host)
    return await _history(request, container, window(start, end, last, _now()), points)


def _stats(container: ContainerDocument) -> ASGIResponse:
    return json_answer(
        ContainerStatsDocument(
            host=container.host,
            id=container.id,
            name=container.name,
            stats=container.stats,
            stale_since=container.stale_since,
        )
    )


async def _history(
    request: WebRequest,
    container: ContainerDocument,
    span: tuple[datetime, datetime],
    points: int,
) -> ASGIResponse:
    history = require_history(request)
    try:
        stored = await history.stats_history(container.host, container.id, *span, points)
    except HistoryUnavailable as error:
        raise history_problem(error) from error
    return json_answer(
        StatsHistoryDocument(
            host=container.host,
            id=container.id,
            name=container.name,
            start=span[0],
            end=span[1],
            step_seconds=(span[1] - span[0]).total_seconds() / points,
            points=tuple(stored),
        )
    )


def _now() -> datetime:
    return datetime.now(UTC)
