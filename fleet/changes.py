"""What can change in the live fleet: the numbered diffs that the tracker emits."""

from __future__ import annotations

from datetime import datetime

from fleet.model import (
    Container,
    EngineEvent,
    HostSample,
    HostState,
    Image,
    LogLine,
    Sample,
    Value,
)


class Change(Value, frozen=True, kw_only=True):
    """Base: `revision` counts all changes of this process, from 1, without gaps."""

    revision: int
    host: str


class HostChanged(Change, frozen=True, kw_only=True):
    """A host's health changed, or was confirmed by a ping (`state` then equals `previous`)."""

    state: HostState
    previous: HostState


class HostRemoved(Change, frozen=True, kw_only=True):
    """A host left the configuration, and its containers with it."""


class ContainerChanged(Change, frozen=True, kw_only=True):
    """A container is new (`previous` None) or differs from what was known."""

    container: Container
    previous: Container | None


class ContainerRemoved(Change, frozen=True, kw_only=True):
    """A container is gone from its Engine."""

    container: Container
    at: datetime


class EventSeen(Change, frozen=True, kw_only=True):
    """An Engine event, once each."""

    event: EngineEvent


class Sampled(Change, frozen=True, kw_only=True):
    """A stats sample of a running container."""

    container: Container
    sample: Sample


class HostSampled(Change, frozen=True, kw_only=True):
    """A sample of a host's machine."""

    sample: HostSample


class Logged(Change, frozen=True, kw_only=True):
    """Lines of one container's log, oldest first, each once."""

    container: str
    lines: tuple[LogLine, ...]


class ImageChanged(Change, frozen=True, kw_only=True):
    """An image is new on its host (`previous` None) or differs from what was known."""

    image: Image
    previous: Image | None


class ImageRemoved(Change, frozen=True, kw_only=True):
    """An image is gone from its host."""

    image: Image
    at: datetime
