"""Questions about the program, its hosts, containers, images and events as of now. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from fleet.client.asking import Ask, PageAsk, Query, When
from web.config_documents import EffectiveConfigDocument
from web.documents import (
    AliveDocument,
    ContainerDocument,
    ContainersDocument,
    ContainerStatsDocument,
    EventDocument,
    EventsDocument,
    FleetDocument,
    HostDocument,
    HostsDocument,
    ReadyDocument,
)
from web.history_documents import ImageHistoryDocument
from web.holdings_documents import HoldingsDocument
from web.image_documents import ImageDocument, ImagesDocument

T = TypeVar("T")

PAGE = 1000  # the most that are answered at once


def get(
    kind: type[T],
    template: str,
    within: dict[str, str] | None = None,
    query: Query | None = None,
    accept: str = "application/json",
) -> Ask[T]:
    """A question without a body."""
    return Ask(template=template, kind=kind, within=within or {}, query=query or {}, accept=accept)


def next_of(found: Any) -> Query | None:
    """The cursor of a list that has a `page`."""
    after = None if found.page is None else found.page.next
    return None if after is None else {"cursor": after}


def fleet() -> Ask[FleetDocument]:
    """The program itself, and the verdict over all."""
    return get(FleetDocument, "/api/fleet")


def config() -> Ask[EffectiveConfigDocument]:
    """The configuration in force, without secrets; for who sees the whole fleet."""
    return get(EffectiveConfigDocument, "/api/config")


def storage() -> Ask[HoldingsDocument]:
    """Which database it is, and what it holds; for who sees the whole fleet."""
    return get(HoldingsDocument, "/api/storage")


def alive() -> Ask[AliveDocument]:
    """Whether the program answers."""
    return get(AliveDocument, "/health")


def ready() -> Ask[ReadyDocument]:
    """Whether every host was tried; if not, the reason."""
    return Ask(
        template="/ready",
        kind=ReadyDocument,
        within={},
        query={},
        statuses=frozenset({200, 503}),
    )


def metrics() -> Ask[bytes]:
    """What Prometheus reads."""
    return get(bytes, "/metrics", accept="text/plain")


def schema() -> Ask[dict[str, Any]]:
    """The API's own description (OpenAPI)."""
    return get(dict[str, Any], "/api/openapi.json")


def hosts(
    *,
    label: Sequence[str] = (),
    status: Sequence[str] = (),
    name: str | None = None,
    sort: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> PageAsk[HostsDocument, HostDocument]:
    """Hosts with their health: all of them unless `limit` is given."""
    query = {
        "label": label,
        "status": status,
        "name": name,
        "sort": sort,
        "limit": limit,
        "cursor": cursor,
    }
    return PageAsk(
        template="/api/hosts",
        kind=HostsDocument,
        within={},
        query=query,
        items=lambda page: page.hosts,
        following=next_of,
    )


def host(name: str) -> Ask[HostDocument]:
    """One host."""
    return get(HostDocument, "/api/hosts/{host}", {"host": name})


def containers(
    *,
    host: Sequence[str] = (),
    state: Sequence[str] = (),
    health: Sequence[str] = (),
    label: Sequence[str] = (),
    name: str | None = None,
    id: Sequence[str] = (),  # noqa: A002 - the API's own word
    sort: str | None = None,
    limit: int = PAGE,
    offset: int | None = None,
    cursor: str | None = None,
) -> PageAsk[ContainersDocument, ContainerDocument]:
    """A page of containers; with `id`, up to a thousand by ids or `HOST/NAME`."""
    query: Query = {
        "host": host,
        "state": state,
        "health": health,
        "label": label,
        "name": name,
        "id": id,
        "sort": sort,
        "limit": limit,
        "offset": offset,
        "cursor": cursor,
    }
    return PageAsk(
        template="/api/containers",
        kind=ContainersDocument,
        within={},
        query=query,
        items=lambda page: page.containers,
        following=next_of,
    )


def container(ref: str, host: str | None = None) -> Ask[ContainerDocument]:
    """One container by its name, id, or the beginning of an id."""
    return get(ContainerDocument, *_of("", ref, host))


def stats(ref: str, host: str | None = None) -> Ask[ContainerStatsDocument]:
    """The latest sample of a container."""
    return get(ContainerStatsDocument, *_of("/stats", ref, host))


def _of(what: str, ref: str, host: str | None) -> tuple[str, dict[str, str]]:
    if host is None:
        return "/api/containers/{ref}" + what, {"ref": ref}
    return "/api/containers/{host}/{ref}" + what, {"host": host, "ref": ref}


def images(
    *,
    host: Sequence[str] = (),
    name: str | None = None,
    sort: str | None = None,
    limit: int = PAGE,
    offset: int | None = None,
    cursor: str | None = None,
) -> PageAsk[ImagesDocument, ImageDocument]:
    """A page of the images of all hosts."""
    query: Query = {
        "host": host,
        "name": name,
        "sort": sort,
        "limit": limit,
        "offset": offset,
        "cursor": cursor,
    }
    return PageAsk(
        template="/api/images",
        kind=ImagesDocument,
        within={},
        query=query,
        items=lambda page: page.images,
        following=next_of,
    )


def image(ref: str, *, host: str | None = None) -> Ask[ImagesDocument]:
    """One image, by id or tag, on each host that has it."""
    return get(ImagesDocument, "/api/images/{ref}", {"ref": ref}, {"host": host})


def image_history(ref: str, *, host: str | None = None) -> Ask[ImageHistoryDocument]:
    """What a tag meant when, and which containers used it."""
    return get(ImageHistoryDocument, "/api/images/{ref}/history", {"ref": ref}, {"host": host})


def events(
    *,
    host: str | Sequence[str] | None = None,
    label: Sequence[str] = (),
    type: str | Sequence[str] | None = None,  # noqa: A002 - the API's own word
    action: str | Sequence[str] | None = None,
    container: str | Sequence[str] | None = None,
    since: When | None = None,
    until: When | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> PageAsk[EventsDocument, EventDocument]:
    """The last events, newest last; the page after has those before them."""
    query: Query = {
        "host": host,
        "label": label,
        "type": type,
        "action": action,
        "container": container,
        "since": since,
        "until": until,
        "limit": limit,
        "cursor": cursor,
    }
    return PageAsk(
        template="/api/events",
        kind=EventsDocument,
        within={},
        query=query,
        items=lambda page: page.events,
        following=lambda page: None if page.next is None else {"cursor": page.next},
    )
