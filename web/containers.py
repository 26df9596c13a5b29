"""Containers: the filtered list, one of them, and its latest sample.

One container is HOST/REF or REF alone. `/api/containers/A/stats` could be either the stats of A or
the container called `stats` on host A: where A is a host, it is the latter.
"""

from __future__ import annotations

from litestar import get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from web.answers import json_answer
from web.documents import ContainerDocument, ContainersDocument, ContainerStatsDocument
from web.finding import check_host_filter, find_container
from web.history import HistoryUnavailable
from web.parameters import (
    Cursor,
    Fields,
    Healths,
    Hosts,
    Ids,
    Labels,
    Limit,
    Name,
    Offset,
    States,
)
from web.paths import segment
from web.problems import Problem
from web.recorded import find_recorded
from web.rest.answering import KEPT
from web.rest.listings import CONTAINERS, ContainerSort
from web.rest.pages import Cut, cut_page, page_answer
from web.schema import answers
from web.selection import ContainerFilter, container_test, parse_labels, pick
from web.sources import WebRequest, require_history, sources


@get("/api/containers", responses=answers(ContainersDocument), opt={KEPT: "live"})
async def list_containers(
    request: WebRequest,
    host: Hosts = None,
    states: States = None,
    health: Healths = None,
    label: Labels = None,
    name: Name = None,
    ids: Ids = None,
    sort: ContainerSort = None,
    fields: Fields = None,
    limit: Limit = 100,
    offset: Offset = 0,
    cursor: Cursor = None,
) -> ASGIResponse:
    """Known containers that match all filters, by host and name unless asked otherwise."""
    model = sources(request).model
    check_host_filter(model, host or ())
    known = model.containers(host[0] if host and len(host) == 1 else None)
    missing: tuple[str, ...] = ()
    if ids:
        known, missing = pick(known, ids)
    wanted = ContainerFilter(
        hosts=frozenset(host or ()),
        states=frozenset(states or ()),
        healths=frozenset(health or ()),
        labels=parse_labels(label or ()),
        name=name,
    )
    if wanted != ContainerFilter():
        known = list(filter(container_test(wanted), known))
    order = CONTAINERS.order(sort)
    items, page = cut_page(known, order, Cut(limit, offset, cursor), ordered=True)
    document = ContainersDocument(containers=tuple(items), page=page, missing=missing)
    return page_answer(request, document, page, "containers", fields)


@get(
    "/api/containers/{ref:str}", responses=answers(ContainerDocument, 404, 409), opt={KEPT: "live"}
)
async def show_container(request: WebRequest, ref: FromPath[str]) -> ASGIResponse:
    """One container by its id, the beginning of it, or a name that only one container has."""
    return json_answer(find_container(sources(request).model, segment(ref)))


@get(
    "/api/containers/{host:str}/{ref:str}",
    responses=answers(ContainerDocument, 404, 409),
    opt={KEPT: "live"},
)
async def show_container_on(
    request: WebRequest, host: FromPath[str], ref: FromPath[str]
) -> ASGIResponse:
    """One container of one host by name or id."""
    return json_answer(find_container(sources(request).model, segment(ref), host))


@get("/api/containers/{ref:str}/stats", responses=answers(ContainerStatsDocument, 404, 409))
async def show_stats(request: WebRequest, ref: FromPath[str]) -> ASGIResponse:
    """The latest sample of a container; of one that was removed, its last."""
    model = sources(request).model
    if model.host(ref) is not None:
        return json_answer(find_container(model, "stats", ref))
    return json_answer(await _latest(request, ref, None))


@get(
    "/api/containers/{host:str}/{ref:str}/stats",
    responses=answers(ContainerStatsDocument, 404, 409),
)
async def show_stats_on(
    request: WebRequest, host: FromPath[str], ref: FromPath[str]
) -> ASGIResponse:
    """The latest sample of a container of one host."""
    return json_answer(await _latest(request, ref, host))


async def _latest(request: WebRequest, ref: str, host: str | None) -> ContainerStatsDocument:
    try:
        container = find_container(sources(request).model, segment(ref), host)
    except Problem as problem:
        if problem.status != 404 or sources(request).history is None:
            raise
        try:
            return await _last_stored(request, ref, host)
        except HistoryUnavailable:
            raise problem from None
    return ContainerStatsDocument(
        host=container.host,
        id=container.id,
        name=container.name,
        stats=container.stats,
        stale_since=container.stale_since,
    )


async def _last_stored(request: WebRequest, ref: str, host: str | None) -> ContainerStatsDocument:
    container = await find_recorded(request, ref, host)
    stats = await require_history(request).latest_stats(container)
    return ContainerStatsDocument(
        host=container.host,
        id=container.id,
        name=container.name,
        stats=stats,
        stale_since=None if stats is None else stats.time,
    )
