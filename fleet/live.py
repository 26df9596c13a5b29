"""The tracker's changes as the ledgers that live streams read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from msgspec.structs import replace

from config.models import Host
from fleet.changes import (
    Change,
    ContainerChanged,
    ContainerRemoved,
    HostChanged,
    HostRemoved,
    HostSampled,
    Sampled,
)
from fleet.model import Container, HostSample, HostState, Sample
from fleet.present import container_document, host_document, machine_document, stats_document
from fleet.tracker import Tracker
from web.documents import ContainerDocument, HostDocument
from web.live.documents import SampleDocument
from web.live.ledger import Ledger, Subject
from web.live.source import LedgerName


class LiveLedgers:
    """A tracker's listener; implements `web.live.source.LiveSource`.

    Args:
        tracker: The live state, empty still.
        hosts: The configured hosts, as they are now.
        mark: See `web.live.ledger.Ledger`.
    """

    def __init__(
        self, tracker: Tracker, hosts: Callable[[], Mapping[str, Host]], mark: str = ""
    ) -> None:
        self._tracker = tracker
        self._configured = hosts
        self._hosts = Ledger("hosts", mark)
        self._containers = Ledger("containers", mark)
        self._stats = Ledger("stats", mark)

    def ledger(self, name: LedgerName) -> Ledger:
        """One of the ledgers; see `web.live.source.LiveSource`."""
        match name:
            case "hosts":
                return self._hosts
            case "containers":
                return self._containers
            case "stats":
                return self._stats

    def __call__(self, change: Change) -> None:
        """Note what a change is of."""
        match change:
            case Sampled():
                self._sampled(change.container, change.sample)
            case HostSampled():
                self._host_sampled(change.host, change.sample)
            case HostChanged():
                self._host_changed(change.state, change.previous)
            case HostRemoved():
                self._hosts.remove(change.host)
                self._stats.remove(change.host)
            case ContainerChanged():
                self._put_container(change.container)
            case ContainerRemoved():
                self._containers.remove(_key(change.container))
                self._stats.remove(_key(change.container))

    def _host_changed(self, state: HostState, previous: HostState) -> None:
        host = self._configured().get(state.name)
        if host is None:  # it is about to be removed
            return
        if state.name not in self._hosts or _health(state) != _health(previous):
            self._hosts.put(
                state.name, _subject_of(host), partial(_describe_host, self._tracker, host, state)
            )
        if state.stale_since != previous.stale_since:
            for container in self._tracker.containers(state.name).values():
                self._put_container(container)

    def _put_container(self, container: Container) -> None:
        key, state = _key(container), self._tracker.hosts[container.host]
        describe = partial(_describe_container, container, state)
        self._containers.put(key, _subject(container), describe)
        if container.state not in ("running", "paused"):
            self._stats.remove(key)

    def _sampled(self, container: Container, sample: Sample) -> None:
        describe = partial(_describe_sample, container, sample)
        self._stats.put(_key(container), _subject(container), describe)

    def _host_sampled(self, name: str, sample: HostSample) -> None:
        host = self._configured().get(name)
        if host is not None:
            self._stats.put(name, _subject_of(host), partial(_describe_machine, name, sample))


def _health(state: HostState) -> HostState:
    """A state without what each ping changes, and without counters of samples and logs."""
    return replace(
        state, last_seen=None, response_seconds=None, missed_samples=0, log_lines_dropped=0
    )


def _key(container: Container) -> tuple[str, str]:
    return (container.host, container.id)


def _subject(container: Container) -> Subject:
    return Subject(
        type="container",
        host=container.host,
        id=container.id,
        name=container.name,
        identity=container.identity,
        labels=container.labels,
    )


def _subject_of(host: Host) -> Subject:
    return Subject(type="host", host=host.name, labels=host.labels)


def _describe_host(tracker: Tracker, host: Host, state: HostState) -> HostDocument:
    containers = tracker.containers(host.name)
    samples = [s for id_ in containers if (s := tracker.sample(host.name, id_)) is not None]
    return host_document(host, state, containers.values(), samples, tracker.machine(host.name))


def _describe_container(container: Container, state: HostState) -> ContainerDocument:
    return container_document(container, None, state)


def _describe_sample(container: Container, sample: Sample) -> SampleDocument:
    return SampleDocument(
        type="container",
        host=container.host,
        id=container.id,
        name=container.name,
        stats=stats_document(sample),
    )


def _describe_machine(host: str, sample: HostSample) -> SampleDocument:
    return SampleDocument(type="host", host=host, machine=machine_document(sample))
