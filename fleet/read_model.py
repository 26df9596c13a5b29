"""The tracker as the web's read model: live values in, documents out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import NamedTuple

from config.models import Host
from fleet.feed import Subscription
from fleet.model import Container, EngineEvent, HostState, Sample
from fleet.present import container_document, event_document, host_document, image_documents
from fleet.tracker import Tracker, now
from fleet.verdict import verdict
from fleet.version import VERSION
from web.documents import (
    CertificateDocument,
    ConfigDocument,
    ContainerDocument,
    EventDocument,
    FleetDocument,
    HostDocument,
    RouteCountsDocument,
    StorageDocument,
)
from web.image_documents import (
    ImageDocument,
)

SHORTEST_ID = 4


class LiveReadModel:
    """Implements `web.read_model.ReadModel` over a tracker.

    Args:
        tracker: The live state.
        hosts: The configured hosts, as they are now.
        config: The state of the configuration, as it is now.
        storage: The state of the recorder, as it is now.
        routes: The routes in short, as they are now; None where none are kept.
        certificate: That of the API, as it is now; None where it is served in the clear.
    """

    def __init__(
        self,
        tracker: Tracker,
        hosts: Callable[[], Mapping[str, Host]],
        config: Callable[[], ConfigDocument],
        storage: Callable[[], StorageDocument],
        routes: Callable[[], RouteCountsDocument] | None = None,
        certificate: Callable[[], CertificateDocument | None] = lambda: None,
    ) -> None:
        self._certificate = certificate
        self._tracker = tracker
        self._hosts = hosts
        self._config = config
        self._storage = storage
        self._routes = routes
        self._started: datetime = now()
        self._made: dict[str, dict[str, _Made]] = {}
        self._whole: dict[str, _MadeHost] = {}
        self._lists: dict[str, tuple[Hashable, Sequence[ContainerDocument]]] = {}
        self._configured: Mapping[str, Host] = {}
        self._configurations = 0
        self._labelled: Mapping[str, Host] = {}
        self._labels: Mapping[str, Mapping[str, str]] = {}

    def version(self) -> tuple[tuple[int, int], int]:
        """Another value after anything changed that hosts, containers or images tell."""
        hosts = self._hosts()
        if hosts is not self._configured:
            self._configured = hosts
            self._configurations += 1
        return (self._tracker.version, self._configurations)

    def host_version(self, name: str) -> Hashable:
        """Another value after anything changed that a host or its containers tell."""
        state = self._tracker.hosts.get(name)
        counted = (state.missed_samples, state.log_lines_dropped) if state is not None else None
        return (self._tracker.touched(name), counted, self.version()[1])

    def fleet(self) -> FleetDocument:
        """The program itself and its verdict."""
        hosts = self.hosts()
        config, storage = self._config(), self._storage()
        routes = self._routes() if self._routes is not None else None
        certificate = self._certificate()
        word, reasons = verdict(hosts, config, storage, routes, certificate)
        return FleetDocument(
            version=VERSION,
            started=self._started,
            verdict=word,
            reasons=reasons,
            hosts=len(hosts),
            hosts_up=sum(host.status == "up" for host in hosts),
            config=config,
            storage=storage,
            routes=routes,
            certificate=certificate,
            dropped={f"storage_{kind}": rows for kind, rows in storage.dropped.items()},
        )

    def ready(self) -> tuple[bool, str]:
        """Every enabled host was tried once; the database was opened before anything was served."""
        for name, state in self._tracker.hosts.items():
            if state.status == "connecting":
                return False, f"host {name} has not answered or failed yet"
        return True, ""

    def host_labels(self) -> Mapping[str, Mapping[str, str]]:
        """The labels of all configured hosts."""
        hosts = self._hosts()
        if hosts is not self._labelled:
            self._labelled = hosts
            self._labels = {name: host.labels for name, host in hosts.items()}
        return self._labels

    def hosts(self) -> Sequence[HostDocument]:
        """All configured hosts that the supervisor has taken over, by name."""
        names = self._hosts()
        if len(self._whole) > len(names):
            self._whole = {name: made for name, made in self._whole.items() if name in names}
        found = (self.host(name) for name in sorted(names))
        return [host for host in found if host is not None]

    def host(self, name: str) -> HostDocument | None:
        """One host, or None."""
        host, state = self._hosts().get(name), self._tracker.hosts.get(name)
        if host is None or state is None:
            return None
        touched, known = self._tracker.touched(name), self._whole.get(name)
        if known is None or not known.shows(host, state, touched):
            containers = self._tracker.containers(name)
            samples = [s for c in containers if (s := self._tracker.sample(name, c)) is not None]
            machine = self._tracker.machine(name)
            document = host_document(host, state, containers.values(), samples, machine)
            known = self._whole[name] = _MadeHost(host, state, touched, document)
        return known.document

    def containers(self, host: str | None = None) -> Sequence[ContainerDocument]:
        """All known containers (of one host), by host and name."""
        names = sorted(self._tracker.hosts) if host is None else [host]
        return [document for name in names for document in self._of(name)]

    def find(self, ref: str, host: str | None = None) -> Sequence[ContainerDocument]:
        """Containers whose name is `ref` or whose id begins with it."""
        by_id = len(ref) >= SHORTEST_ID
        names = sorted(self._tracker.hosts) if host is None else [host]
        return [
            self._document(name, container.id)
            for name in names
            for container in self._tracker.containers(name).values()
            if container.name == ref or (by_id and container.id.startswith(ref))
        ]

    def images(self, host: str | None = None) -> Sequence[ImageDocument]:
        """All known images (of one host), by host and name."""
        names = sorted(self._tracker.hosts) if host is None else [host]
        return [
            document
            for name in names
            if (state := self._tracker.hosts.get(name)) is not None
            for document in image_documents(
                self._tracker.images(name).values(), self._tracker.containers(name).values(), state
            )
        ]

    def newest_event(self) -> int:
        """The number of the last event, 0 if there was none."""
        newest = self._tracker.events.newest(1)
        return newest[-1].number if newest else 0

    def recent_events(self, limit: int) -> Sequence[EventDocument]:
        """The last events kept in memory, newest last."""
        return [event_document(event) for event in self._tracker.events.newest(limit)]

    @asynccontextmanager
    async def events(self, after: int | None = None) -> AsyncIterator[LiveEvents]:
        """Follow events; see `web.read_model.ReadModel`."""
        with self._tracker.events.subscribe(after) as subscription:
            yield LiveEvents(subscription)

    def _of(self, host: str) -> Sequence[ContainerDocument]:
        """The containers of a host by name; the list made last, while nothing of it changed."""
        version = self._tracker.touched(host)
        listed = self._lists.get(host)
        if listed is not None and listed[0] == version:
            return listed[1]
        containers = self._tracker.containers(host)
        made = self._made.get(host, {})
        if len(made) > len(containers):
            self._made[host] = {key: made[key] for key in containers if key in made}
        found = tuple(
            self._document(host, container.id)
            for container in sorted(containers.values(), key=lambda container: container.name)
        )
        if len(self._lists) > len(self._tracker.hosts):
            self._lists.clear()
        self._lists[host] = (version, found)
        return found

    def _document(self, host: str, container_id: str) -> ContainerDocument:
        """The document of a container; the one made last, while nothing in it is another value."""
        container = self._tracker.containers(host)[container_id]
        sample = self._tracker.sample(host, container_id)
        state = self._tracker.hosts[host]
        made = self._made.setdefault(host, {})
        known = made.get(container_id)
        if known is None or not known.shows(container, sample, state):
            document = container_document(container, sample, state)
            known = made[container_id] = _Made(container, sample, document)
        return known.document


class _Made(NamedTuple):
    """A document and what it was made of."""

    container: Container
    sample: Sample | None
    document: ContainerDocument

    def shows(self, container: Container, sample: Sample | None, state: HostState) -> bool:
        """Whether the document still says what it should."""
        return (
            self.container is container
            and self.sample is sample
            and self.document.stale_since == state.stale_since
        )


class _MadeHost(NamedTuple):
    """A host's document and what it was made of."""

    host: Host
    state: HostState
    touched: int
    document: HostDocument

    def shows(self, host: Host, state: HostState, touched: int) -> bool:
        """Whether the document still says what it should."""
        return self.host is host and self.state is state and self.touched == touched


class LiveEvents:
    """A subscription that speaks in documents."""

    def __init__(self, subscription: Subscription[EngineEvent]) -> None:
        self._subscription = subscription

    @property
    def dropped(self) -> int:
        """Events that this reader was too slow for."""
        return self._subscription.dropped

    async def next(self) -> EventDocument:
        """Wait for the next event."""
        return event_document(await self._subscription.next())
