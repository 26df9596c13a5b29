"""A fleet that lives in memory: implements the web's read model for tests."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import trio

from web.documents import (
    ConfigDocument,
    ContainerDocument,
    ContainerHealthDocument,
    EventDocument,
    FleetDocument,
    HostDocument,
    HostStatus,
    StatsDocument,
    StorageDocument,
)
from web.image_documents import (
    ImageDocument,
)

START = datetime(2026, 1, 1, tzinfo=UTC)


class FleetInMemory:
    """Implements `web.read_model.ReadModel`; what the tests change are plain attributes."""

    def __init__(self, *, held: int = 1000, queue: int = 1000) -> None:
        self.started = START
        self.not_ready = ""
        self.still: Hashable = None  # as long as it is set, nothing is said to change
        self.known_hosts: dict[str, HostDocument] = {}
        self.known_containers: list[ContainerDocument] = []
        self.known_images: list[ImageDocument] = []
        self.held: deque[EventDocument] = deque(maxlen=held)
        self.subscribers: set[QueueInMemory] = set()
        self._queue = queue
        self._number = 0

    def add_host(self, name: str, status: HostStatus = "up") -> HostDocument:
        host = HostDocument(
            name=name, connection="local", target="unix:///x", status=status, since=START
        )
        self.known_hosts[name] = host
        return host

    def add_container(
        self,
        host: str,
        name: str,
        *,
        id: str | None = None,  # noqa: A002 - the document's own word
        state: str = "running",
        labels: dict[str, str] | None = None,
        stats: StatsDocument | None = None,
    ) -> ContainerDocument:
        container = ContainerDocument(
            host=host,
            id=id or f"{len(self.known_containers):064x}",
            name=name,
            identity=f"name:{name}",
            image="app:1",
            image_id="sha256:0",
            state=state,
            health=ContainerHealthDocument(status="none", source="state"),
            labels=labels or {},
            stats=stats,
        )
        self.known_containers.append(container)
        self.known_containers.sort(key=lambda known: (known.host, known.name))
        return container

    def add_image(self, host: str, digit: str, *tags: str) -> ImageDocument:
        image = ImageDocument(
            host=host,
            id="sha256:" + digit * 64,
            tags=tags,
            digests=tuple(f"{tag.partition(':')[0]}@sha256:{digit * 64}" for tag in tags),
            size=1,
            architecture="amd64",
            operating_system="linux",
            created=None,
            first_seen=START,
        )
        self.known_images.append(image)
        return image

    def emit(
        self,
        action: str = "start",
        *,
        host: str = "one",
        type: str = "container",  # noqa: A002 - the document's own word
        name: str = "web",
        padding: int = 0,
    ) -> EventDocument:
        self._number += 1
        event = make_event(self._number, action, host=host, type=type, name=name, padding=padding)
        self.held.append(event)
        for subscriber in self.subscribers:
            subscriber.put(event)
        return event

    def version(self) -> Hashable:
        return object() if self.still is None else self.still

    def host_version(self, name: str) -> Hashable:  # noqa: ARG002 - the protocol's
        return self.version()

    def fleet(self) -> FleetDocument:
        up = sum(host.status == "up" for host in self.known_hosts.values())
        return FleetDocument(
            version="1.2.3",
            started=self.started,
            verdict="ok" if up == len(self.known_hosts) else "down",
            hosts=len(self.known_hosts),
            hosts_up=up,
            config=ConfigDocument(source=None, loaded=START),
            storage=StorageDocument(state="off"),
        )

    def ready(self) -> tuple[bool, str]:
        return not self.not_ready, self.not_ready

    def host_labels(self) -> Mapping[str, Mapping[str, str]]:
        return {name: host.labels for name, host in self.known_hosts.items()}

    def hosts(self) -> Sequence[HostDocument]:
        return [self.known_hosts[name] for name in sorted(self.known_hosts)]

    def host(self, name: str) -> HostDocument | None:
        return self.known_hosts.get(name)

    def containers(self, host: str | None = None) -> Sequence[ContainerDocument]:
        if host is None:
            return self.known_containers
        return [container for container in self.known_containers if container.host == host]

    def find(self, ref: str, host: str | None = None) -> Sequence[ContainerDocument]:
        return [
            container
            for container in self.containers(host)
            if container.name == ref or (len(ref) >= 4 and container.id.startswith(ref))
        ]

    def images(self, host: str | None = None) -> Sequence[ImageDocument]:
        return [image for image in self.known_images if host in (None, image.host)]

    def newest_event(self) -> int:
        return self._number

    def recent_events(self, limit: int) -> Sequence[EventDocument]:
        return list(self.held)[-limit:]

    @asynccontextmanager
    async def events(self, after: int | None = None) -> AsyncIterator[QueueInMemory]:
        queue = QueueInMemory(self._queue)
        if after is not None:
            for event in self.held:
                if event.number > after:
                    queue.put(event)
        self.subscribers.add(queue)
        try:
            yield queue
        finally:
            self.subscribers.discard(queue)


class QueueInMemory:
    """Implements `web.read_model.Subscription`: the oldest leave when it is full."""

    def __init__(self, size: int) -> None:
        self.dropped = 0
        self._size = size
        self._queue: deque[EventDocument] = deque()
        self._filled = trio.Event()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def put(self, event: EventDocument) -> None:
        if len(self._queue) == self._size:
            self._queue.popleft()
            self.dropped += 1
        self._queue.append(event)
        self._filled.set()

    async def next(self) -> EventDocument:
        await trio.lowlevel.checkpoint()
        while not self._queue:
            self._filled = trio.Event()
            await self._filled.wait()
        return self._queue.popleft()


def make_event(
    number: int,
    action: str = "start",
    *,
    host: str = "one",
    type: str = "container",  # noqa: A002 - the document's own word
    name: str = "web",
    padding: int = 0,
    seconds: int | None = None,
) -> EventDocument:
    moment = START + timedelta(seconds=number if seconds is None else seconds)
    return EventDocument(
        number=number,
        host=host,
        time=moment,
        time_nano=int(moment.timestamp()) * 10**9,
        type=type,
        action=action,
        actor_id="a" * 64,
        name=name,
        attributes={"padding": "x" * padding} if padding else {},
    )


def make_stats() -> StatsDocument:
    return StatsDocument(
        time=START,
        cpu_percent=1.5,
        memory_used=10,
        memory_limit=100,
        memory_percent=10.0,
        network_rx=None,
        network_tx=None,
        block_read=None,
        block_write=None,
        pids=3,
        cpu_total=1,
        system_total=None,
        online_cpus=2,
    )
