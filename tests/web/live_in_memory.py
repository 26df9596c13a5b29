"""Ledgers that tests write to by hand."""

from __future__ import annotations

from tests.web.fleet_in_memory import START, make_stats
from web.documents import ContainerDocument, ContainerHealthDocument, HostDocument, HostStatus
from web.live.documents import SampleDocument
from web.live.ledger import Ledger, Subject
from web.live.source import LedgerName


class LiveInMemory:
    """Implements `web.live.source.LiveSource`.

    Attributes:
        described: How many documents were made.
    """

    def __init__(self, *, gone: int = 1000, remembered: int = 10_000) -> None:
        self.described = 0
        self._ledgers = {
            name: Ledger(name, gone=gone, remembered=remembered)
            for name in ("hosts", "containers", "stats")
        }

    def ledger(self, name: LedgerName) -> Ledger:
        return self._ledgers[name]

    def container(
        self,
        name: str,
        state: str = "running",
        *,
        host: str = "one",
        labels: dict[str, str] | None = None,
        padding: int = 0,
    ) -> None:
        document = ContainerDocument(
            host=host,
            id=container_id(name),
            name=name,
            identity=f"name:{name}",
            image="x" * padding,
            image_id="sha256:0",
            state=state,
            health=ContainerHealthDocument(status="none", source="state"),
            labels=labels or {},
        )

        def describe() -> ContainerDocument:
            self.described += 1
            return document

        subject = _subject(host, name, labels)
        self._ledgers["containers"].put((host, document.id), subject, describe)

    def remove(self, name: str, host: str = "one") -> None:
        self._ledgers["containers"].remove((host, container_id(name)))

    def host(self, name: str, status: HostStatus = "up", **labels: str) -> None:
        document = HostDocument(
            name=name,
            connection="local",
            target="unix:///x",
            status=status,
            since=START,
            labels=labels,
        )
        subject = Subject(type="host", host=name, labels=labels)
        self._ledgers["hosts"].put(name, subject, lambda: document)

    def sample(self, name: str, host: str = "one") -> None:
        document = SampleDocument(
            type="container", host=host, id=container_id(name), name=name, stats=make_stats()
        )
        key = (host, container_id(name))
        self._ledgers["stats"].put(key, _subject(host, name, None), lambda: document)

    def machine(self, host: str) -> None:
        document = SampleDocument(type="host", host=host)
        self._ledgers["stats"].put(host, Subject(type="host", host=host), lambda: document)


def container_id(name: str) -> str:
    """An id that begins like no other's."""
    return name.encode().hex().ljust(64, "0")


def _subject(host: str, name: str, labels: dict[str, str] | None) -> Subject:
    return Subject(
        type="container",
        host=host,
        id=container_id(name),
        name=name,
        identity=f"name:{name}",
        labels=labels or {},
    )
