"""The live fleet as the web sees it: read-only, owned here, implemented elsewhere.

In one process it is the tracker; a stand-alone API may build it from the database.
All methods answer at once from memory, except `events`, which is a live subscription.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from web.documents import (
    ContainerDocument,
    EventDocument,
    FleetDocument,
    HostDocument,
)
from web.image_documents import (
    ImageDocument,
)


class Subscription(Protocol):
    """A live, bounded feed of events.

    When the reader is too slow the oldest events are let go and counted in `dropped`. Numbers are
    consecutive otherwise, so that a reader sees a gap as a jump.
    """

    @property
    def dropped(self) -> int:
        """Events let go so far."""
        ...

    async def next(self) -> EventDocument:
        """Wait for the next event. A cancelled wait loses nothing.

        One that the reader may not see has no host: only its number counts.
        """
        ...


class ReadModel(Protocol):
    """What the handlers need to know of the fleet."""

    def version(self) -> Hashable:
        """Another value after anything changed that hosts, containers or images tell.

        An answer that was made of these alone may be given again while it is the same.
        """
        ...

    def host_version(self, name: str) -> Hashable:
        """As `version`, of one host and its containers; some value where there is no such host."""
        ...

    def fleet(self) -> FleetDocument:
        """The program itself and its verdict."""
        ...

    def ready(self) -> tuple[bool, str]:
        """Whether every enabled host was tried once and storage is decided, and if not, why."""
        ...

    def host_labels(self) -> Mapping[str, Mapping[str, str]]:
        """The labels of all configured hosts: quickly, as it is asked for each event."""
        ...

    def hosts(self) -> Sequence[HostDocument]:
        """All configured hosts in the order of their names."""
        ...

    def host(self, name: str) -> HostDocument | None:
        """One host, or None."""
        ...

    def containers(self, host: str | None = None) -> Sequence[ContainerDocument]:
        """All known containers (of one host), in the order of host and name."""
        ...

    def find(self, ref: str, host: str | None = None) -> Sequence[ContainerDocument]:
        """Containers whose id begins with `ref` (at least 4 characters) or whose name is `ref`."""
        ...

    def images(self, host: str | None = None) -> Sequence[ImageDocument]:
        """All known images (of one host), by host and name."""
        ...

    def newest_event(self) -> int:
        """The number of the last event that happened, 0 if there was none."""
        ...

    def recent_events(self, limit: int) -> Sequence[EventDocument]:
        """The last events kept in memory, newest last."""
        ...

    def events(self, after: int | None = None) -> AbstractAsyncContextManager[Subscription]:
        """Follow events: those numbered above `after` that memory still holds, then new ones.

        None: only what happens from now on. Entering subscribes, so nothing is lost in between.
        """
        ...
