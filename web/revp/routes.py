"""The table of routes in our own words: routes, what waits, conflicts, issues, containers."""

from __future__ import annotations

from litestar import get
from litestar.response.base import ASGIResponse

from web.parameters import (
    Cursor,
    Domains,
    Fields,
    HostLabels,
    Hosts,
    Limit,
    Offset,
    Revision,
    Statuses,
    Wait,
)
from web.rest.answering import KEPT
from web.rest.listings import CONFLICTS, ROUTED, ROUTES, WAITING
from web.rest.pages import Cut, page_answer
from web.revp.answering import page_of, wait_revision
from web.revp.describing import (
    describe_conflict,
    describe_container,
    describe_route,
    describe_waiting,
)
from web.revp.filters import read_filter
from web.revp.selecting import conflict_test, container_test, route_test, waiting_test
from web.route_documents import (
    ConflictsDocument,
    RoutedContainersDocument,
    RoutesDocument,
    WaitingRoutesDocument,
)
from web.schema import answers
from web.sources import WebRequest


@get("/api/revp/routes", responses=answers(RoutesDocument, 503), opt={KEPT: "routes"})
async def list_routes(
    request: WebRequest,
    host: Hosts = None,
    label: HostLabels = None,
    domain: Domains = None,
    statuses: Statuses = None,
    limit: Limit = 100,
    offset: Offset = 0,
    cursor: Cursor = None,
    fields: Fields = None,
    wait: Wait = None,
    revision: Revision = None,
) -> ASGIResponse:
    """Routes that match all filters, page by page, by domain and path; each with all its members.

    A route matches a host, or its label, with one member there; a static route matches none.
    """
    wanted = read_filter(request, host, label, domain)
    test = route_test(wanted)
    routing = await wait_revision(request, wait, revision)
    table = routing.table()
    routes, page = page_of(
        table.routes,
        lambda route: test(route) and (not statuses or route.status in statuses),
        ROUTES,
        Cut(limit, offset, cursor),
    )
    document = RoutesDocument(
        revision=table.revision,
        complete=table.complete,
        missing=table.missing,
        routes=tuple(map(describe_route, routes)),
        page=page,
    )
    return page_answer(request, document, page, "routes", fields)


@get("/api/revp/waiting", responses=answers(WaitingRoutesDocument, 503), opt={KEPT: "routes"})
async def list_waiting(
    request: WebRequest,
    host: Hosts = None,
    label: HostLabels = None,
    domain: Domains = None,
    limit: Limit = 100,
    offset: Offset = 0,
    cursor: Cursor = None,
    fields: Fields = None,
    wait: Wait = None,
    revision: Revision = None,
) -> ASGIResponse:
    """What labels ask for but is not served now, as its container does not run."""
    test = waiting_test(read_filter(request, host, label, domain))
    routing = await wait_revision(request, wait, revision)
    table = routing.table()
    waiting, page = page_of(table.waiting, test, WAITING, Cut(limit, offset, cursor))
    document = WaitingRoutesDocument(
        revision=table.revision, waiting=tuple(map(describe_waiting, waiting)), page=page
    )
    return page_answer(request, document, page, "waiting", fields)


@get("/api/revp/conflicts", responses=answers(ConflictsDocument, 503), opt={KEPT: "routes"})
async def list_conflicts(
    request: WebRequest,
    host: Hosts = None,
    label: HostLabels = None,
    domain: Domains = None,
    limit: Limit = 100,
    offset: Offset = 0,
    cursor: Cursor = None,
    fields: Fields = None,
    wait: Wait = None,
    revision: Revision = None,
) -> ASGIResponse:
    """Domains and paths that several want on different terms: who has them, and who does not."""
    test = conflict_test(read_filter(request, host, label, domain))
    routing = await wait_revision(request, wait, revision)
    table = routing.table()
    conflicts, page = page_of(table.conflicts, test, CONFLICTS, Cut(limit, offset, cursor))
    document = ConflictsDocument(
        revision=table.revision, conflicts=tuple(map(describe_conflict, conflicts)), page=page
    )
    return page_answer(request, document, page, "conflicts", fields)


@get("/api/revp/containers", responses=answers(RoutedContainersDocument, 503))
async def list_routed_containers(
    request: WebRequest,
    host: Hosts = None,
    label: HostLabels = None,
    domain: Domains = None,
    limit: Limit = 100,
    offset: Offset = 0,
    cursor: Cursor = None,
    fields: Fields = None,
    wait: Wait = None,
    revision: Revision = None,
) -> ASGIResponse:
    """Containers with RevP labels: what each asks for, and what became of it."""
    test = container_test(read_filter(request, host, label, domain))
    routing = await wait_revision(request, wait, revision)
    containers, page = page_of(routing.containers(), test, ROUTED, Cut(limit, offset, cursor))
    document = RoutedContainersDocument(
        revision=routing.table().revision,
        containers=tuple(map(describe_container, containers)),
        page=page,
    )
    return page_answer(request, document, page, "containers", fields)
