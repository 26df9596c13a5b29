"""Questions about routes, and what proxies read. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

from fleet.client.asking import Ask, Body, Length, PageAsk, Query, When
from fleet.client.asks_live import PAGE, get, next_of
from web.label_documents import LabelsDocument
from web.route_documents import (
    ConflictDocument,
    ConflictsDocument,
    DomainDocument,
    DriftDocument,
    PreviewDocument,
    RouteChangesDocument,
    RoutedContainerDocument,
    RoutedContainersDocument,
    RouteDocument,
    RouteIssueDocument,
    RouteIssuesDocument,
    RoutesDocument,
    WaitingRouteDocument,
    WaitingRoutesDocument,
)

Form = Literal["traefik", "caddy", "haproxy", "haproxy/map", "nginx", "prometheus"]
T = TypeVar("T")
Item = TypeVar("Item")


def _page(
    what: str, kind: type[T], items: Callable[[T], Sequence[Item]], query: Query
) -> PageAsk[T, Item]:
    return PageAsk(
        template=f"/api/revp/{what}",
        kind=kind,
        within={},
        query=query,
        items=items,
        following=next_of,
    )


def _query(
    host: Sequence[str],
    label: Sequence[str],
    domain: Sequence[str],
    limit: int,
    offset: int | None,
    cursor: str | None,
    wait: Length | None,
    revision: int | None,
) -> Query:
    return {
        "host": host,
        "label": label,
        "domain": domain,
        "limit": limit,
        "offset": offset,
        "cursor": cursor,
        "wait": wait,
        "revision": revision,
    }


def routes(
    *,
    host: Sequence[str] = (),
    label: Sequence[str] = (),
    domain: Sequence[str] = (),
    status: Sequence[str] = (),
    limit: int = PAGE,
    offset: int | None = None,
    cursor: str | None = None,
    wait: Length | None = None,
    revision: int | None = None,
) -> PageAsk[RoutesDocument, RouteDocument]:
    """A page of routes with all their members."""
    common = _query(host, label, domain, limit, offset, cursor, wait, revision)
    query: Query = {**common, "status": status}
    return _page("routes", RoutesDocument, lambda page: page.routes, query)


def waiting_routes(
    *,
    host: Sequence[str] = (),
    label: Sequence[str] = (),
    domain: Sequence[str] = (),
    limit: int = PAGE,
    offset: int | None = None,
    cursor: str | None = None,
    wait: Length | None = None,
    revision: int | None = None,
) -> PageAsk[WaitingRoutesDocument, WaitingRouteDocument]:
    """What labels ask for while their containers do not run."""
    query = _query(host, label, domain, limit, offset, cursor, wait, revision)
    return _page("waiting", WaitingRoutesDocument, lambda page: page.waiting, query)


def route_conflicts(
    *,
    host: Sequence[str] = (),
    label: Sequence[str] = (),
    domain: Sequence[str] = (),
    limit: int = PAGE,
    offset: int | None = None,
    cursor: str | None = None,
    wait: Length | None = None,
    revision: int | None = None,
) -> PageAsk[ConflictsDocument, ConflictDocument]:
    """Domains and paths that several want on different terms."""
    query = _query(host, label, domain, limit, offset, cursor, wait, revision)
    return _page("conflicts", ConflictsDocument, lambda page: page.conflicts, query)


def routed_containers(
    *,
    host: Sequence[str] = (),
    label: Sequence[str] = (),
    domain: Sequence[str] = (),
    limit: int = PAGE,
    offset: int | None = None,
    cursor: str | None = None,
    wait: Length | None = None,
    revision: int | None = None,
) -> PageAsk[RoutedContainersDocument, RoutedContainerDocument]:
    """Containers with RevP labels: what each asks for, and what became of it."""
    query = _query(host, label, domain, limit, offset, cursor, wait, revision)
    return _page("containers", RoutedContainersDocument, lambda page: page.containers, query)


def route_issues(
    *,
    host: Sequence[str] = (),
    label: Sequence[str] = (),
    domain: Sequence[str] = (),
    severity: Sequence[str] = (),
    code: Sequence[str] = (),
    format: str | None = None,  # noqa: A002 - the API's own word
    limit: int = PAGE,
    offset: int | None = None,
    cursor: str | None = None,
    wait: Length | None = None,
    revision: int | None = None,
) -> PageAsk[RouteIssuesDocument, RouteIssueDocument]:
    """Issues of labels and routes, or of a proxy's document (`format`)."""
    common = _query(host, label, domain, limit, offset, cursor, wait, revision)
    query: Query = {**common, "severity": severity, "code": code, "format": format}
    return _page("issues", RouteIssuesDocument, lambda page: page.issues, query)


def domain(
    name: str, *, wait: Length | None = None, revision: int | None = None
) -> Ask[DomainDocument]:
    """All about one domain."""
    query: Query = {"wait": wait, "revision": revision}
    return get(DomainDocument, "/api/revp/domains/{domain}", {"domain": name}, query)


def route_changes(
    *,
    host: str | None = None,
    domain: str | None = None,
    since: When | None = None,
    limit: int = 100,
    wait: Length | None = None,
    revision: int | None = None,
) -> Ask[RouteChangesDocument]:
    """Recent changes of routes, newest last."""
    query: Query = {
        "host": host,
        "domain": domain,
        "since": since,
        "limit": limit,
        "wait": wait,
        "revision": revision,
    }
    return get(RouteChangesDocument, "/api/revp/changes", query=query)


def drift(proxy: Literal["caddy", "traefik", "haproxy"], url: str) -> Ask[DriftDocument]:
    """How what a running proxy serves differs from the table."""
    return get(DriftDocument, "/api/revp/drift", query={"proxy": proxy, "url": url})


def labels() -> Ask[LabelsDocument]:
    """All labels that are understood."""
    return get(LabelsDocument, "/api/revp/labels")


def preview(body: Body, *, host: str | None = None) -> Ask[PreviewDocument]:
    """What labels or a Compose file would make, before anything runs."""
    return Ask(
        template="/api/revp/preview",
        kind=PreviewDocument,
        within={},
        query={"host": host},
        method="POST",
        body=body,
    )


def proxy_document(
    form: Form,
    *,
    host: Sequence[str] = (),
    label: Sequence[str] = (),
    domain: Sequence[str] = (),
    options: Query | None = None,
) -> Ask[bytes]:
    """The table of routes as a proxy reads it, with options of the format."""
    query: Query = {"host": host, "label": label, "domain": domain, **(options or {})}
    return get(bytes, f"/api/revp/{form}", query=query, accept="*/*")
