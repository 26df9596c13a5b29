"""What of a tracker's fleet changed since it was last published: which, not how."""

from __future__ import annotations

from collections.abc import Iterator

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
    Sampled,
)
from fleet.tracker import Tracker
from storage.live import Key


class Marks:
    """A tracker's listener. What is marked is bounded by what there is, and what went.

    Attributes:
        woken: Set while there is something to publish.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._marked: dict[Key, None] = {}
        self.woken = trio.Event()

    def __call__(self, change: Change) -> None:
        """Mark what a change is of."""
        if isinstance(change, EventSeen):
            self.woken.set()
            return
        for key in _touched(change):
            self._marked[key] = None
            self.woken.set()

    def take(self) -> list[Key]:
        """What was marked; from now on anew."""
        taken, self._marked, self.woken = list(self._marked), {}, trio.Event()
        return taken

    def all(self) -> Iterator[Key]:
        """Everything that there is."""
        tracker = self._tracker
        for host in tracker.hosts:
            yield from (Key("state", host, ""), Key("machine", host, ""))
            for id_ in tracker.containers(host):
                yield from (Key("container", host, id_), Key("sample", host, id_))
            yield from (Key("image", host, id_) for id_ in tracker.images(host))

    def value(self, key: Key) -> object | None:
        """What it is now; None where it is gone."""
        tracker = self._tracker
        match key.kind:
            case "state":
                return tracker.hosts.get(key.host)
            case "machine":
                return tracker.machine(key.host)
            case "container":
                return tracker.containers(key.host).get(key.key)
            case "sample":
                return tracker.sample(key.host, key.key)
            case "image":
                return tracker.images(key.host).get(key.key)
        raise AssertionError(f"nothing of kind {key.kind} is marked")


def _touched(change: Change) -> tuple[Key, ...]:
    match change:
        case Sampled(host=host, container=container):
            return (Key("sample", host, container.id),)
        case HostSampled(host=host):
            return (Key("machine", host, ""),)
        case HostChanged(host=host) | HostRemoved(host=host):
            return (Key("state", host, ""), Key("machine", host, ""))
        case ContainerChanged(container=one) | ContainerRemoved(container=one):
            return (Key("container", one.host, one.id), Key("sample", one.host, one.id))
        case ImageChanged(image=image) | ImageRemoved(image=image):
            return (Key("image", image.host, image.id),)
    return ()
