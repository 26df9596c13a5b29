"""The sole owner of the live fleet's state. Synchronous: no await, so every view is consistent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from datetime import UTC, datetime
from typing import Any

import msgspec
import trio

from fleet.changes import (
    Change,
    ContainerChanged,
    ContainerRemoved,
    EventSeen,
    HostChanged,
    HostRemoved,
    HostSampled,
    ImageChanged,
    ImageRemoved,
    Logged,
    Sampled,
)
from fleet.feed import Feed
from fleet.log_cursors import LogCursors
from fleet.looping import Loops
from fleet.machine import Interfaces
from fleet.model import (
    Container,
    Counters,
    EngineEvent,
    HostSample,
    HostState,
    Image,
    LogLine,
    Sample,
)

Listener = Callable[[Change], None]


def now() -> datetime:
    """This machine's clock, as UTC."""
    return datetime.now(UTC)


class Tracker:
    """Hosts, containers, latest samples and recent events, with listeners for every change.

    A listener must return at once and never raise: it runs inside the change.

    Attributes:
        events: The last `event_buffer` events of all hosts, numbered.
        revision: The number of the last change.
        log_cursors: Where the logs of the containers stand.
    """

    def __init__(self, event_buffer: int = 1000) -> None:
        self.events: Feed[EngineEvent] = Feed(event_buffer)
        self.revision = 0
        self._untold = 0
        self._touched: dict[str, int] = {}
        self.log_cursors = LogCursors()
        self._hosts: dict[str, HostState] = {}
        self._containers: dict[str, dict[str, Container]] = {}
        self._unread: dict[str, set[str]] = {}
        self._samples: dict[str, dict[str, Sample]] = {}
        self._counters: dict[str, dict[str, Counters]] = {}
        self._machines: dict[str, HostSample] = {}
        self._interfaces: dict[str, Interfaces] = {}
        self._images: dict[str, dict[str, Image]] = {}
        self._earlier_images: dict[str, dict[str, Image]] = {}
        self._loops: dict[str, Loops] = {}
        self._listeners: list[Listener] = []
        self._container_changes: dict[str, trio.Event] = {}

    def listen(self, listener: Listener) -> None:
        """Call `listener` with every change from now on."""
        self._listeners.append(listener)

    # Reading

    @property
    def version(self) -> tuple[int, int]:
        """Another value after any change, also after those of which no listener is told."""
        return self.revision, self._untold

    def touched(self, host: str) -> int:
        """The number of the last change of a host, its containers or their samples; 0 for none."""
        return self._touched.get(host, 0)

    @property
    def hosts(self) -> Mapping[str, HostState]:
        """All hosts by name."""
        return self._hosts

    def containers(self, host: str) -> Mapping[str, Container]:
        """The containers of a host by id; empty for an unknown host."""
        return self._containers.get(host, {})

    def unread(self, host: str) -> Set[str]:
        """The ids of a host's list of which no more is known: their inspects failed, or hang."""
        return self._unread.get(host, set())

    def running(self, host: str) -> list[Container]:
        """The containers of a host that have processes and so can be sampled."""
        return [c for c in self.containers(host).values() if c.state in ("running", "paused")]

    def sample(self, host: str, container_id: str) -> Sample | None:
        """The latest sample of a running container."""
        return self._samples.get(host, {}).get(container_id)

    def counters(self, host: str, container_id: str) -> Counters | None:
        """The counters of a container as last read, perhaps in an earlier run of it or of ours."""
        return self._counters.get(host, {}).get(container_id)

    def machine(self, host: str) -> HostSample | None:
        """The latest sample of a host's machine."""
        return self._machines.get(host)

    def interfaces(self, host: str) -> Interfaces:
        """The counters of a machine's interfaces as last read."""
        return self._interfaces.get(host, {})

    def container_change(self, host: str) -> trio.Event:
        """An event that is set as soon as a container of a host comes, changes or goes."""
        return self._container_changes.setdefault(host, trio.Event())

    def loops(self, host: str) -> Loops:
        """What is remembered of the ends of a host's containers."""
        return self._loops.setdefault(host, Loops())

    def images(self, host: str) -> Mapping[str, Image]:
        """The images of a host by id."""
        return self._images.get(host, {})

    def image(self, host: str, image_id: str) -> Image | None:
        """An image as last known, perhaps in an earlier run of ours."""
        known = self._images.get(host, {}).get(image_id)
        return known or self._earlier_images.get(host, {}).get(image_id)

    # Changing

    def resume(
        self,
        counters: Mapping[str, Mapping[str, Counters]],
        interfaces: Mapping[str, Interfaces],
    ) -> None:
        """Know from now on where the counters of an earlier run of ours stood, by host."""
        self._counters |= {host: dict(known) for host, known in counters.items()}
        self._interfaces |= interfaces

    def resume_images(self, images: Mapping[str, Mapping[str, Image]]) -> None:
        """Know the images of an earlier run of ours, by host and id, until they are listed."""
        self._earlier_images |= {host: dict(known) for host, known in images.items()}

    def add_host(self, name: str, status: str = "connecting") -> None:
        """Begin with a host; one that is known already starts anew but keeps its containers."""
        known = self._hosts.get(name)
        state = HostState(
            name=name, status="disabled" if status == "disabled" else "connecting", since=now()
        )
        if known is not None:
            state = msgspec.structs.replace(
                state,
                engine=known.engine,
                last_seen=known.last_seen,
                listed=known.listed,
                stale_since=known.stale_since or (known.last_seen if known.listed else None),
            )
        self._hosts[name] = state
        self._containers.setdefault(name, {})
        self._samples.setdefault(name, {})
        self._counters.setdefault(name, {})
        self._emit(HostChanged, host=name, state=state, previous=known or state)

    def put_host(self, state: HostState) -> None:
        """Take over a host's state whole, as another process told it."""
        previous = self._hosts.get(state.name, state)
        self._hosts[state.name] = state
        for known in (self._containers, self._samples, self._counters):
            known.setdefault(state.name, {})
        self._emit(HostChanged, host=state.name, state=state, previous=previous)

    def remove_host(self, name: str) -> None:
        """Forget a host that left the configuration."""
        if name not in self._hosts:
            return
        self.keep_only(name, ())
        for state in (self._hosts, self._containers, self._samples, self._counters):
            state.pop(name)
        self._machines.pop(name, None)
        self._interfaces.pop(name, None)
        self._unread.pop(name, None)
        self._loops.pop(name, None)
        self._images.pop(name, None)
        self._earlier_images.pop(name, None)
        self._container_changes.pop(name, None)
        self.log_cursors.forget(name)
        self._emit(HostRemoved, host=name)
        self._touched.pop(name, None)

    def update_host(self, name: str, **changes: Any) -> HostState:
        """Replace fields of a host's state; `since` follows `status` by itself."""
        previous = self._hosts[name]
        if changes.get("status", previous.status) != previous.status:
            changes.setdefault("since", now())
        state = msgspec.structs.replace(previous, **changes)
        self._hosts[name] = state
        self._emit(HostChanged, host=name, state=state, previous=previous)
        return state

    def missed(self, name: str, samples: int) -> None:
        """Count samples that could not be taken."""
        state = self._hosts[name]
        self._untold += 1
        self._hosts[name] = msgspec.structs.replace(
            state, missed_samples=state.missed_samples + samples
        )

    def put_container(self, container: Container) -> None:
        """Take over what an inspect said; nothing is emitted when it is what we knew."""
        known = self._containers[container.host]
        previous = known.get(container.id)
        if previous == container:
            return
        known[container.id] = container
        self._unread.get(container.host, set()).discard(container.id)
        if container.state not in ("running", "paused"):
            self._samples[container.host].pop(container.id, None)
        self._emit(ContainerChanged, host=container.host, container=container, previous=previous)
        self._tell_container_change(container.host)

    def remove_container(self, host: str, container_id: str) -> None:
        """Forget a container that its Engine no longer knows."""
        container = self._containers[host].pop(container_id, None)
        self._unread.get(host, set()).discard(container_id)
        self._samples[host].pop(container_id, None)
        self._counters[host].pop(container_id, None)
        if host in self._loops:
            self._loops[host].forget(container_id)
        self.log_cursors.drop(host, container_id)
        if container is not None:
            self._emit(ContainerRemoved, host=host, container=container, at=now())
            self._tell_container_change(host)

    def keep_only(self, host: str, ids: Iterable[str]) -> None:
        """Forget every container of a host that is not in a fresh list."""
        listed = set(ids)
        known = self._containers[host].keys() | self._counters[host].keys()
        for gone in (known | self.log_cursors.known(host)) - listed:
            self.remove_container(host, gone)
        self._unread[host] = listed - self._containers[host].keys()

    def put_event(self, event: EngineEvent) -> EngineEvent:
        """Number an event, keep it among the recent ones and tell the listeners."""
        numbered = msgspec.structs.replace(event, number=self.events.next_number)
        self.events.append(numbered)
        self._emit(EventSeen, host=event.host, event=numbered)
        return numbered

    def put_sample(self, host: str, container_id: str, sample: Sample) -> None:
        """Take over a sample; of a container that is gone or stopped meanwhile it is let go."""
        container = self._containers[host].get(container_id)
        if container is None or container.state not in ("running", "paused"):
            return
        self._samples[host][container_id] = self._counters[host][container_id] = sample
        self._emit(Sampled, host=host, container=container, sample=sample)

    def put_machine(
        self, host: str, sample: HostSample, interfaces: Interfaces | None = None
    ) -> None:
        """Take over a sample of a host's machine, and its interfaces' counters if it has some."""
        self._machines[host] = sample
        if interfaces:
            self._interfaces[host] = interfaces
        self._emit(HostSampled, host=host, sample=sample)

    def put_lines(
        self, host: str, container_id: str, lines: tuple[LogLine, ...], dropped: int
    ) -> None:
        """Pass on lines of a container's log, and count those that were dropped."""
        if dropped:
            state = self._hosts[host]
            self._untold += 1
            self._hosts[host] = msgspec.structs.replace(
                state, log_lines_dropped=state.log_lines_dropped + dropped
            )
        if lines:
            self._emit(Logged, host=host, container=container_id, lines=lines)

    def put_image(self, image: Image) -> None:
        """Take over what is known of an image; nothing is emitted when it is what we knew."""
        known = self._images.setdefault(image.host, {})
        previous = known.get(image.id)
        if previous != image:
            known[image.id] = image
            self._emit(ImageChanged, host=image.host, image=image, previous=previous)

    def keep_only_images(self, host: str, ids: Iterable[str]) -> None:
        """Forget every image of a host that is not in a fresh list."""
        known = self._images.setdefault(host, {})
        earlier = self._earlier_images.pop(host, {})
        for gone in (known.keys() | earlier.keys()) - set(ids):
            image = known.pop(gone, None) or earlier[gone]
            self._emit(ImageRemoved, host=host, image=image, at=now())

    def _tell_container_change(self, host: str) -> None:
        event = self._container_changes.pop(host, None)
        if event is not None:
            event.set()

    def _emit(self, kind: type[Change], *, host: str, **fields: Any) -> None:
        self.revision += 1
        if kind not in (EventSeen, Logged):  # they change nothing that is kept
            self._touched[host] = self.revision
        change = kind(revision=self.revision, host=host, **fields)
        for listener in self._listeners:
            listener(change)
