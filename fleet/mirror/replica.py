"""The live fleet as another process published it: a tracker that is told instead of watching."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from config.models import Host
from fleet.feed import Feed
from fleet.live import LiveLedgers
from fleet.mirror.hosts import MirroredHost, host_of
from fleet.mirror.kinds import About, Metric, decode
from fleet.mirror.model import MirroredModel
from fleet.mirror.routing import MirroredRoutes
from fleet.mirror.telling import KEPT_EVENTS
from fleet.model import EngineEvent, HostState
from fleet.tracker import Tracker, now
from storage.live import Item, Key
from web.config_documents import EffectiveConfigDocument
from web.documents import ConfigDocument, RouteCountsDocument, StorageDocument

ByKind = Mapping[str, Mapping[Key, Any]]


class Replica:
    """What is read of it is what the publishing process itself would answer.

    Args:
        routes: Is told of routes.

    Attributes:
        tracker: The hosts, containers and samples.
        ledgers: For live streams.
        model: Of hosts and containers, for the API.
        metrics: Of the publishing process itself.
        effective: The configuration that it runs by; None while it did not tell.
    """

    def __init__(self, routes: MirroredRoutes) -> None:
        self.tracker = Tracker(KEPT_EVENTS)
        self.metrics: tuple[Metric, ...] = ()
        self.effective: EffectiveConfigDocument | None = None
        self._routes = routes
        self._hosts: dict[str, Host] = {}
        self._mirrored: dict[str, MirroredHost] = {}
        self._states: dict[str, HostState] = {}
        self._stale_since: datetime | None = None
        self._config = ConfigDocument(source=None, loaded=now())
        self._storage = StorageDocument(state="off")
        self._counts = RouteCountsDocument()
        self.ledgers = LiveLedgers(self.tracker, self.hosts, secrets.token_hex(2))
        self.tracker.listen(self.ledgers)
        self.model = MirroredModel(
            self.tracker,
            self.hosts,
            lambda: self._config,
            lambda: self._storage,
            lambda: self._counts,
        )

    def hosts(self) -> Mapping[str, Host]:
        """The hosts that are configured where they are watched."""
        return self._hosts

    # Taking over

    def begin(self) -> None:
        """Another run publishes: its events and changes are numbered anew."""
        self.tracker.events = Feed(KEPT_EVENTS)
        self._routes.begin()

    def take(self, news: ByKind, *, whole: bool) -> None:
        """Take over what is published; `whole`: there is nothing else."""
        self._take_program(news)
        self._take_hosts(news, whole=whole)
        self._take_containers(news, whole=whole)
        self._take_images(news, whole=whole)
        self._take_events(news.get("event", {}).values())
        self._routes.take(news, whole=whole)

    def be_stale(self, since: datetime | None) -> None:
        """Show all hosts as last known, from this time on; None: as they are told."""
        if since == self._stale_since:
            return
        self._stale_since = since
        for name in self._states:
            self._show(name)

    def _take_program(self, news: ByKind) -> None:
        for kind, found in news.items():
            value = found.get(Key(kind, "", ""))
            match value:
                case About():
                    self.model.started = value.started
                case ConfigDocument():
                    self._config = value
                case EffectiveConfigDocument():
                    self.effective = value
                case StorageDocument():
                    self._storage = value
                case RouteCountsDocument():
                    self._counts = value
                case tuple() if kind == "metrics":
                    self.metrics = value

    def _take_hosts(self, news: ByKind, *, whole: bool) -> None:
        told = news.get("host", {})
        if told or whole:
            known = {} if whole else dict(self._mirrored)
            for key, value in told.items():
                known.pop(key.host, None)
                if value is not None:
                    known[key.host] = value
            self._mirrored = known
            self._hosts = {name: host_of(one) for name, one in known.items()}
            self._routes.know(known)
        states = news.get("state", {})
        for key, state in states.items():
            if state is not None and self._states.get(key.host) != state:
                self._states[key.host] = state
                self._show(key.host)
        there = {key.host for key, state in states.items() if state is not None}
        gone = [key.host for key, state in states.items() if state is None]
        for name in [*self._states.keys() - there] if whole else gone:
            self._states.pop(name, None)
            self.tracker.remove_host(name)

    def _show(self, name: str) -> None:
        state = self._states[name]
        if self._stale_since is not None:
            state = replace(state, stale_since=state.stale_since or self._stale_since)
        self.tracker.put_host(state)

    def _take_containers(self, news: ByKind, *, whole: bool) -> None:
        tracker = self.tracker
        containers = news.get("container", {})
        for key, container in containers.items():
            if container is not None:
                tracker.put_container(container)
            elif key.host in tracker.hosts:
                tracker.remove_container(key.host, key.key)
        if whole:
            listed = _by_host(containers)
            for host in tracker.hosts:
                tracker.keep_only(host, listed[host])
        for key, sample in news.get("sample", {}).items():
            if sample is not None and tracker.sample(key.host, key.key) != sample:
                tracker.put_sample(key.host, key.key, sample)
        for key, machine in news.get("machine", {}).items():
            if machine is not None and tracker.machine(key.host) != machine:
                tracker.put_machine(key.host, machine)

    def _take_images(self, news: ByKind, *, whole: bool) -> None:
        tracker, images = self.tracker, news.get("image", {})
        for key, image in images.items():
            if image is not None and key.host in tracker.hosts:
                tracker.put_image(image)
        gone = _by_host(key for key, image in images.items() if image is None)
        listed = _by_host(images)
        for host in tracker.hosts if whole else gone.keys() & tracker.hosts.keys():
            kept = listed[host] if whole else tracker.images(host).keys() - gone[host]
            tracker.keep_only_images(host, kept)

    def _take_events(self, events: Iterable[EngineEvent | None]) -> None:
        feed = self.tracker.events
        known = sorted((e for e in events if e is not None), key=lambda event: event.number)
        for event in known:
            if event.number > feed.last:
                feed.skip_to(event.number)
                self.tracker.put_event(event)


def decoded(items: Iterable[Item]) -> ByKind:
    """What is published, by kind; None for what is gone. It may be called in a thread.

    Raises:
        msgspec.MsgspecError: It is not what it should be.
    """
    news: dict[str, dict[Key, Any]] = defaultdict(dict)
    for item in items:
        news[item.key.kind][item.key] = decode(item)
    return news


def _by_host(keys: Iterable[Key]) -> defaultdict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for key in keys:
        found[key.host].add(key.key)
    return found
