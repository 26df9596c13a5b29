"""What each list can be sorted by, and how that is said in the schema."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from litestar.params import QueryParameter

from labels.model import Conflict, Issue, Route, RoutedContainer, Waiting
from web.access.documents import AuditEntryDocument, TokenDocument, UserDocument
from web.documents import ContainerDocument, EventDocument, HostDocument, StatsDocument
from web.image_documents import ImageDocument
from web.rest.order import MOST_KEYS, Listing, Value, moment


def _sample(read: Callable[[StatsDocument], Value]) -> Callable[[ContainerDocument], Value]:
    return lambda container: None if container.stats is None else read(container.stats)


def _sum(one: int | None, other: int | None) -> Value:
    return None if one is None and other is None else (one or 0) + (other or 0)


CONTAINERS: Listing[ContainerDocument] = Listing(
    {
        "name": lambda container: container.name,
        "host": lambda container: container.host,
        "state": lambda container: container.state,
        "health": lambda container: container.health.status,
        "image": lambda container: container.image,
        "project": lambda container: container.compose.project if container.compose else None,
        "created": lambda container: moment(container.created),
        "started": lambda container: moment(container.started),
        "restarts": lambda container: container.restart_count,
        "cpu": _sample(lambda stats: stats.cpu_percent),
        "memory": _sample(lambda stats: stats.memory_used),
        "memory_percent": _sample(lambda stats: stats.memory_percent),
        "network": _sample(lambda stats: _sum(stats.network_rx, stats.network_tx)),
        "block": _sample(lambda stats: _sum(stats.block_read, stats.block_write)),
        "pids": _sample(lambda stats: stats.pids),
    },
    ties=lambda container: (container.host, container.name, container.id),
)

HOSTS: Listing[HostDocument] = Listing(
    {
        "name": lambda host: host.name,
        "status": lambda host: host.status,
        "since": lambda host: moment(host.since),
        "connection": lambda host: host.connection,
        "version": lambda host: host.engine.version if host.engine else None,
        "containers": lambda host: host.containers.total,
        "running": lambda host: host.containers.running,
        "unhealthy": lambda host: host.containers.unhealthy,
        "cpu": lambda host: host.cpu_percent,
        "memory": lambda host: host.memory_used,
        "response": lambda host: host.response_ms,
    },
    ties=lambda host: (host.name,),
)

IMAGES: Listing[ImageDocument] = Listing(
    {
        "tag": lambda image: image.tags[0] if image.tags else None,
        "host": lambda image: image.host,
        "size": lambda image: image.size,
        "created": lambda image: moment(image.created),
        "first_seen": lambda image: moment(image.first_seen),
        "containers": lambda image: len(image.containers),
    },
    # As hosts tell of them: by tags, those without one last.
    ties=lambda image: (image.host, "" if image.tags else "~", "\0".join(image.tags), image.id),
)

EVENTS: Listing[EventDocument] = Listing(
    {},
    ties=lambda event: (event.time_nano, event.host, event.type, event.action, event.actor_id),
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _microseconds(time: datetime) -> int:
    """Exactly, as the database keeps it."""
    return (time - EPOCH) // timedelta(microseconds=1)


TOKENS: Listing[TokenDocument] = Listing(
    {}, ties=lambda token: (_microseconds(token.created), token.id)
)
USERS: Listing[UserDocument] = Listing({}, ties=lambda user: (user.name,))
AUDIT: Listing[AuditEntryDocument] = Listing(
    {}, ties=lambda entry: (_microseconds(entry.time), entry.kind, entry.who, entry.address)
)

ROUTES: Listing[Route] = Listing({}, ties=lambda route: (route.domain, route.path))
WAITING: Listing[Waiting] = Listing(
    {},
    ties=lambda waiting: (
        waiting.domain,
        waiting.path,
        waiting.member.name,
        waiting.member.id,
    ),
)
CONFLICTS: Listing[Conflict] = Listing({}, ties=lambda conflict: (conflict.domain, conflict.path))
ISSUES: Listing[Issue] = Listing(
    {},
    ties=lambda issue: (
        issue.host,
        issue.container,
        issue.key,
        issue.code,
        issue.domain,
        issue.value,
        issue.message,
    ),
)
ROUTED: Listing[RoutedContainer] = Listing(
    {}, ties=lambda container: (container.host, container.name, container.id)
)


def _sort(listing: Listing[Any]) -> QueryParameter:
    return QueryParameter(
        name="sort",
        description=f"up to {MOST_KEYS} of {', '.join(listing.keys)}, with commas between; each "
        "with a - in front for the most first. What is not known comes last",
    )


ContainerSort = Annotated[str | None, _sort(CONTAINERS)]
HostSort = Annotated[str | None, _sort(HOSTS)]
ImageSort = Annotated[str | None, _sort(IMAGES)]
