"""Questions whose answers go on. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

from fleet.client.asking import Query, StreamAsk, When
from fleet.client.told import ContainersSnapshot, HostsSnapshot, Left, SamplesSnapshot
from web.documents import ContainerDocument, EventDocument, GapDocument, HostDocument
from web.history_documents import LogLineDocument
from web.live.documents import RemovedDocument, SampleDocument, SkippedDocument
from web.route_documents import RouteChangeDocument

T = TypeVar("T")

_LEFT: dict[str, Any] = {"removed": RemovedDocument, "skipped": SkippedDocument, "gap": GapDocument}


def _stream(
    template: str,
    kinds: Mapping[str, Any],
    query: Query,
    last_id: str,
    within: Mapping[str, str] | None = None,
) -> StreamAsk[Any]:
    return StreamAsk(
        template=template,
        kind=object,
        within=within or {},
        query=query,
        kinds=kinds,
        last_id=last_id,
        accept="text/event-stream",
    )


def follow_hosts(
    *, host: Sequence[str] = (), label: Sequence[str] = (), snapshot: bool = True, last_id: str = ""
) -> StreamAsk[HostsSnapshot | HostDocument | Left]:
    """Hosts as their health changes, after a snapshot."""
    kinds = {"snapshot": HostsSnapshot, "changed": HostDocument, **_LEFT}
    query: Query = {"host": host, "label": label, "snapshot": snapshot}
    return _stream("/api/stream/hosts", kinds, query, last_id)


def follow_containers(
    *,
    host: Sequence[str] = (),
    label: Sequence[str] = (),
    container: Sequence[str] = (),
    snapshot: bool = True,
    last_id: str = "",
) -> StreamAsk[ContainersSnapshot | ContainerDocument | Left]:
    """Containers as they change and go, after a snapshot; `stats` is None here."""
    kinds = {"snapshot": ContainersSnapshot, "changed": ContainerDocument, **_LEFT}
    query: Query = {"host": host, "label": label, "container": container, "snapshot": snapshot}
    return _stream("/api/stream/containers", kinds, query, last_id)


def follow_stats(
    *,
    host: Sequence[str] = (),
    label: Sequence[str] = (),
    container: Sequence[str] = (),
    type: Literal["host", "container"] | None = None,  # noqa: A002 - the API's own word
    snapshot: bool = True,
    last_id: str = "",
) -> StreamAsk[SamplesSnapshot | SampleDocument | Left]:
    """Samples of containers and of hosts' machines as they are taken."""
    kinds = {"snapshot": SamplesSnapshot, "changed": SampleDocument, **_LEFT}
    query: Query = {
        "host": host,
        "label": label,
        "container": container,
        "type": type,
        "snapshot": snapshot,
    }
    return _stream("/api/stream/stats", kinds, query, last_id)


def follow_events(
    *,
    host: Sequence[str] = (),
    label: Sequence[str] = (),
    container: Sequence[str] = (),
    type: Sequence[str] = (),  # noqa: A002 - the API's own word
    action: Sequence[str] = (),
    last_id: str = "",
) -> StreamAsk[EventDocument | GapDocument]:
    """Events as they happen; `EventsDocument.last_id` as `last_id` goes on after a list."""
    query: Query = {
        "host": host,
        "label": label,
        "container": container,
        "type": type,
        "action": action,
    }
    return _stream("/api/stream/events", {"": EventDocument, "gap": GapDocument}, query, last_id)


def follow_logs(
    host: str,
    ref: str,
    *,
    text: str | None = None,
    level: Sequence[str] = (),
    stream: Sequence[str] = (),
    start: When | None = None,
    limit: int = 100,
    last_id: str = "",
) -> StreamAsk[LogLineDocument | GapDocument]:
    """The last stored lines of a container, then those that come."""
    query: Query = {
        "text": text,
        "level": level,
        "stream": stream,
        "start": start,
        "limit": limit,
        "follow": True,
    }
    template, within = "/api/containers/{host}/{ref}/logs", {"host": host, "ref": ref}
    return _stream(template, {"": LogLineDocument, "gap": GapDocument}, query, last_id, within)


def follow_all_logs(
    *,
    host: Sequence[str] = (),
    label: Sequence[str] = (),
    container: Sequence[str] = (),
    text: str | None = None,
    level: Sequence[str] = (),
    stream: Sequence[str] = (),
    start: When | None = None,
    tail: int = 100,
    last_id: str = "",
) -> StreamAsk[LogLineDocument | GapDocument]:
    """The last stored lines of all containers that match, then those that come, by their times."""
    query: Query = {
        "host": host,
        "label": label,
        "container": container,
        "text": text,
        "level": level,
        "stream": stream,
        "start": start,
        "tail": tail,
    }
    return _stream("/api/stream/logs", {"": LogLineDocument, "gap": GapDocument}, query, last_id)


def follow_route_changes(
    *, host: str | None = None, domain: str | None = None, last_id: str = ""
) -> StreamAsk[RouteChangeDocument | GapDocument]:
    """Changes of routes as they happen; a revision as `last_id` goes on after it."""
    kinds = {"": RouteChangeDocument, "gap": GapDocument}
    return _stream("/api/revp/stream", kinds, {"host": host, "domain": domain}, last_id)
