"""The live streams as far as somebody sees what they tell of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from web.access.scope import Sight
from web.history_documents import LogLineDocument
from web.live.ledger import Entry
from web.live.source import LedgerName, LiveSource, Readable
from web.log_source import ContainerKey, LogSource, LogSubscription
from web.problems import Problem


class ScopedLive:
    """Implements `web.live.source.LiveSource` over another one."""

    def __init__(self, source: LiveSource, sight: Sight) -> None:
        self._source = source
        self._sight = sight

    def ledger(self, name: LedgerName) -> Readable:
        """One of the ledgers, for one reader."""
        return ScopedLedger(self._source.ledger(name), self._sight)


class ScopedLedger:
    """Implements `web.live.source.Readable` over another one; for one reader."""

    def __init__(self, ledger: Readable, sight: Sight) -> None:
        self._ledger = ledger
        self._sight = sight
        self._told: set[str] = set()  # hosts

    @property
    def name(self) -> str:
        """As of all."""
        return self._ledger.name

    @property
    def mark(self) -> str:
        """As of all."""
        return self._ledger.mark

    @property
    def version(self) -> int:
        """Versions count all changes."""
        return self._ledger.version

    @property
    def oldest(self) -> int:
        """As of all."""
        return self._ledger.oldest

    def present(self) -> list[Entry]:
        """What is there of the hosts that are seen."""
        return list(filter(self._is_seen, self._ledger.present()))

    def since(self, version: int) -> list[Entry]:
        """What changed of them."""
        return list(filter(self._is_seen, self._ledger.since(version)))

    def is_newest(self, entry: Entry) -> bool:
        """As of all."""
        return self._ledger.is_newest(entry)

    def skipped(self, version: int, changed: int, wanted: Sequence[Entry]) -> int | None:  # noqa: ARG002 - counted over all
        """Of what is wanted, however much else changed."""
        return self._ledger.skipped(version, len(self._ledger.since(version)), wanted)

    async def beyond(self, version: int) -> None:
        """Wait until anything changed."""
        await self._ledger.beyond(version)

    def _is_seen(self, entry: Entry) -> bool:
        """Whether to tell of it: also that it went, together with a host that was told of."""
        host = entry.subject.host
        if self._sight.sees(host):
            self._told.add(host)
            return True
        return entry.gone and host in self._told and not self._sight.is_configured(host)


class ScopedLogs:
    """Implements `web.log_source.LogSource` over another one."""

    def __init__(self, source: LogSource, sight: Sight) -> None:
        self._source = source
        self._sight = sight

    @contextmanager
    def subscribe(self, containers: Collection[ContainerKey]) -> Iterator[LogSubscription]:
        """Follow containers of hosts that are seen, for as long as they are.

        Raises:
            Problem: One is not (404).
        """
        for host, _ in containers:
            if not self._sight.sees(host):
                raise Problem("unknown-host", f"No host is called {host!r} in the configuration.")
        with self._source.subscribe(containers) as subscription:
            yield _ScopedLines(subscription, self._sight)


class _ScopedLines:
    """Implements `web.log_source.LogSubscription`."""

    def __init__(self, subscription: LogSubscription, sight: Sight) -> None:
        self._subscription = subscription
        self._sight = sight
        self.arrived = subscription.arrived

    @property
    def dropped(self) -> int:
        return self._subscription.dropped

    def follow(self, containers: Collection[ContainerKey]) -> None:
        self._subscription.follow([key for key in containers if self._sight.sees(key[0])])

    def take(self) -> Sequence[LogLineDocument]:
        sees = self._sight.sees
        return [line for line in self._subscription.take() if sees(line.host)]
