"""Live values to API documents: the one mapping, pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import TypeVar

import msgspec

from config.models import Host, TcpHost
from fleet.counts import count
from fleet.model import Container, EngineEvent, HostSample, HostState, Image, Sample
from fleet.translate import image_id
from web.documents import (
    ContainerDocument,
    ContainerHealthDocument,
    CountsDocument,
    EngineDocument,
    ErrorDocument,
    EventDocument,
    HostDocument,
    LoopingDocument,
    MachineDocument,
    StatsDocument,
)
from web.image_documents import (
    ImageDocument,
    ImageUserDocument,
)

T = TypeVar("T")
MOST_LOOPING = 5  # named with their host


def host_document(
    host: Host,
    state: HostState,
    containers: Collection[Container],
    samples: Collection[Sample],
    machine: HostSample | None = None,
) -> HostDocument:
    """One host with its machine and the sums over its containers."""
    return HostDocument(
        name=host.name,
        connection=host.__struct_config__.tag,  # type: ignore[arg-type]  # one of the three words
        target=host.target,
        labels=host.labels,
        status=state.status,
        since=state.since,
        via=state.via,
        error=_document(state.error, ErrorDocument),
        stale_since=state.stale_since,
        last_seen=state.last_seen,
        next_attempt=state.next_attempt,
        attempts=state.attempts,
        reconnects=state.reconnects,
        engine=_document(state.engine, EngineDocument),
        machine=_document(machine, MachineDocument),
        containers=msgspec.convert(count(containers), CountsDocument, from_attributes=True),
        looping=_looping(containers),
        cpu_percent=sum(s.cpu_percent or 0.0 for s in samples) if samples else None,
        memory_used=sum(s.memory_used for s in samples) if samples else None,
        response_ms=None if state.response_seconds is None else state.response_seconds * 1000,
        missed_samples=state.missed_samples,
        log_lines_dropped=state.log_lines_dropped,
        warnings=warnings_of(host),
    )


def _looping(containers: Iterable[Container]) -> tuple[LoopingDocument, ...]:
    """The first few that end again and again, by name."""
    found = sorted((one for one in containers if one.looping), key=lambda one: (one.name, one.id))
    return tuple(
        msgspec.convert(one, LoopingDocument, from_attributes=True) for one in found[:MOST_LOOPING]
    )


def warnings_of(host: Host) -> tuple[str, ...]:
    """Standing warnings about how a host is reached."""
    if isinstance(host, TcpHost) and host.insecure and host.tls is None:
        return ("plain TCP: anyone on the way can read and command this Engine",)
    return ()


def container_document(
    container: Container, sample: Sample | None, state: HostState
) -> ContainerDocument:
    """One container with its latest sample; stale while its host is not up."""
    document = msgspec.convert(container, ContainerDocument, from_attributes=True)
    health = document.health
    if container.looping:
        health = ContainerHealthDocument(status="unhealthy", source="state", log=health.log)
    return msgspec.structs.replace(
        document,
        health=health,
        stats=_document(sample, StatsDocument),
        stale_since=state.stale_since,
    )


def image_documents(
    images: Iterable[Image], containers: Iterable[Container], state: HostState
) -> list[ImageDocument]:
    """The images of a host by name, each with the containers made of it."""
    users: dict[str, list[ImageUserDocument]] = defaultdict(list)
    for one in sorted(containers, key=lambda one: one.name):
        user = ImageUserDocument(id=one.id, name=one.name, state=one.state)
        users[image_id(one.image_id)].append(user)
    return [
        ImageDocument(
            **msgspec.structs.asdict(image),
            containers=tuple(users.get(image.id, ())),
            stale_since=state.stale_since,
        )
        for image in sorted(images, key=lambda image: (not image.tags, image.tags, image.id))
    ]


def stats_document(sample: Sample) -> StatsDocument:
    """One sample of a container."""
    return msgspec.convert(sample, StatsDocument, from_attributes=True)


def machine_document(sample: HostSample) -> MachineDocument:
    """One sample of a host's machine."""
    return msgspec.convert(sample, MachineDocument, from_attributes=True)


def event_document(event: EngineEvent) -> EventDocument:
    """One event."""
    return msgspec.convert(event, EventDocument, from_attributes=True)


def _document(value: object | None, kind: type[T]) -> T | None:
    return None if value is None else msgspec.convert(value, kind, from_attributes=True)
