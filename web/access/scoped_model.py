"""The live fleet as far as somebody sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager

from msgspec.structs import replace

from labels.model import Table
from web.access.scope import Sight
from web.ailing import ailments
from web.documents import (
    ConfigDocument,
    ContainerDocument,
    EventDocument,
    FleetDocument,
    HostDocument,
    RouteCountsDocument,
    StorageDocument,
)
from web.image_documents import ImageDocument
from web.read_model import ReadModel, Subscription

MOST_HELD = 10_000  # events asked of memory; it holds fewer
_ELSEWHERE = "the changed configuration was refused"  # its mistakes name hosts


class ScopedModel:
    """Implements `web.read_model.ReadModel` over another one.

    Args:
        model: All there is.
        sight: Who looks.
        table: The routes that they see; None where none are kept.
    """

    def __init__(self, model: ReadModel, sight: Sight, table: Callable[[], Table] | None) -> None:
        self._model = model
        self._sight = sight
        self._table = table

    def version(self) -> Hashable:
        """That of all there is: it changes at least as often."""
        return self._model.version()

    def host_version(self, name: str) -> Hashable:
        """Of a host that is seen; nothing changes of another one."""
        return self._model.host_version(name) if self._sight.sees(name) else None

    def fleet(self) -> FleetDocument:
        """The program, and the verdict over what is seen."""
        whole, hosts = self._model.fleet(), self.hosts()
        refused = whole.config.error is not None
        routes = None if self._table is None else counts_of(self._table())
        down = [f"{host.name} is {host.status}" for host in hosts if _is_down(host)]
        degraded = [text for host in hosts for text in ailments(host)]
        degraded += [_ELSEWHERE] if refused else []
        if routes is not None and routes.up < routes.total:
            degraded.append(f"{routes.total - routes.up} of {routes.total} routes are not up")
        return replace(
            whole,
            verdict="down" if down else "degraded" if degraded else "ok",
            reasons=(*down, *degraded),
            hosts=len(hosts),
            hosts_up=sum(host.status == "up" for host in hosts),
            config=ConfigDocument(
                source=None,
                loaded=whole.config.loaded,
                error=_ELSEWHERE if refused else None,
                error_since=whole.config.error_since,
            ),
            storage=StorageDocument(
                state=whole.storage.state, kind=whole.storage.kind, since=whole.storage.since
            ),
            routes=routes,
            dropped={},
        )

    def ready(self) -> tuple[bool, str]:
        """As it is for all, in words that name no host."""
        ready, reason = self._model.ready()
        return ready, reason if ready else "not all of the fleet was tried yet"

    def host_labels(self) -> Mapping[str, Mapping[str, str]]:
        """Of the hosts that are seen."""
        seen = self._sight.hosts()
        return {name: own for name, own in self._model.host_labels().items() if name in seen}

    def hosts(self) -> Sequence[HostDocument]:
        """The hosts that are seen."""
        found = (self._model.host(name) for name in sorted(self._sight.hosts()))
        return [host for host in found if host is not None]

    def host(self, name: str) -> HostDocument | None:
        """One of them."""
        return self._model.host(name) if self._sight.sees(name) else None

    def containers(self, host: str | None = None) -> Sequence[ContainerDocument]:
        """The containers of these hosts."""
        return [one for name in self._of(host) for one in self._model.containers(name)]

    def find(self, ref: str, host: str | None = None) -> Sequence[ContainerDocument]:
        """Those of them that `ref` means."""
        return [one for name in self._of(host) for one in self._model.find(ref, name)]

    def images(self, host: str | None = None) -> Sequence[ImageDocument]:
        """The images of these hosts."""
        return [one for name in self._of(host) for one in self._model.images(name)]

    def newest_event(self) -> int:
        """Numbers count all events."""
        return self._model.newest_event()

    def recent_events(self, limit: int) -> Sequence[EventDocument]:
        """The last events of these hosts."""
        held = self._model.recent_events(MOST_HELD)
        seen = self._sight.hosts()
        return [event for event in held if event.host in seen][-limit:]

    @asynccontextmanager
    async def events(self, after: int | None = None) -> AsyncIterator[Subscription]:
        """Follow events; those of other hosts come as blanks, for numbers to go on."""
        async with self._model.events(after) as subscription:
            yield _ScopedEvents(subscription, self._sight)

    def _of(self, host: str | None) -> list[str]:
        seen = self._sight.hosts()
        return sorted(seen) if host is None else [host] if host in seen else []


class _ScopedEvents:
    """Implements `web.read_model.Subscription`."""

    def __init__(self, subscription: Subscription, sight: Sight) -> None:
        self._subscription = subscription
        self._sight = sight

    @property
    def dropped(self) -> int:
        return self._subscription.dropped

    async def next(self) -> EventDocument:
        event = await self._subscription.next()
        return event if self._sight.sees(event.host) else blank(event)


def blank(event: EventDocument) -> EventDocument:
    """An event that is counted, and tells nothing."""
    return EventDocument(
        number=event.number,
        host="",
        time=event.time,
        time_nano=0,
        type="",
        action="",
        actor_id="",
    )


def counts_of(table: Table) -> RouteCountsDocument:
    """The routes of a table in short."""
    severities = [issue.severity for issue in table.issues]
    statuses = [route.status for route in table.routes]
    held = [route.held_until for route in table.routes if route.held_until is not None]
    return RouteCountsDocument(
        total=len(statuses),
        up=statuses.count("up"),
        degraded=statuses.count("degraded"),
        down=statuses.count("down"),
        held=len(held),
        held_until=max(held, default=None),
        errors=severities.count("error"),
        warnings=severities.count("warning"),
        conflicts=len(table.conflicts),
        revision=table.revision,
        complete=table.complete,
        missing=table.missing,
    )


def _is_down(host: HostDocument) -> bool:
    return host.status in ("down", "connecting")
