"""The table of routes of another process, as it was last published."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio
from anyio import CapacityLimiter, to_thread

from fleet.feed import Subscription
from fleet.mirror.hosts import MirroredHost
from fleet.mirror.kinds import NumberedChange, TableHead
from fleet.mirror.tables import PARTS, containers_of, table_of
from fleet.revp.drift import drift
from fleet.revp.feed import RouteFeed
from labels.drift.comparing import Drift, ProxyKind
from labels.facts import Place
from labels.model import Change, RoutedContainer, Table
from labels.parsing.keys import Rules
from storage.live import Key

DRIFTS = 4  # proxies that are asked at once, each in a thread that ends when the proxy answers


class MirroredRoutes:
    """Implements `web.routing.Routing`.

    Args:
        proxies: `[revp] proxies`: admin interfaces that may be asked, besides loopback.
    """

    def __init__(self, proxies: Sequence[str] = ()) -> None:
        self._proxies = proxies
        self._head: TableHead | None = None
        self._parts: dict[str, dict[Key, Any]] = {kind: {} for kind in PARTS}
        self._routed: dict[Key, RoutedContainer] = {}
        self._containers: tuple[RoutedContainer, ...] | None = ()
        self._hosts: Mapping[str, MirroredHost] = {}
        self._rules = Rules()
        self._table = Table()
        self._feed = RouteFeed()
        self._versions = 0
        self._drifts = CapacityLimiter(DRIFTS)

    # Taking over

    def begin(self) -> None:
        """Forget the changes of an earlier run; the table stays until another one is told."""
        self._head = None
        self._feed = RouteFeed()

    def take(self, news: Mapping[str, Mapping[Key, Any]], *, whole: bool) -> None:
        """Take over documents by kind, None for what is gone; `whole`: there are no others."""
        self._versions += 1
        if rules := [*news.get("rules", {}).values()]:
            self._rules = rules[-1] or Rules()
        if whole or news.get("routed"):
            self._routed = _merged({} if whole else self._routed, news.get("routed", {}))
            self._containers = None
        self._take_table(news, whole=whole)
        changes = [change for change in news.get("change", {}).values() if change is not None]
        self._take_changes(sorted(changes, key=lambda change: change.number))

    def know(self, hosts: Mapping[str, MirroredHost]) -> None:
        """Have these hosts from now on."""
        self._hosts = hosts

    def _take_table(self, news: Mapping[str, Mapping[Key, Any]], *, whole: bool) -> None:
        heads = [head for head in news.get("table", {}).values() if head is not None]
        head = heads[-1] if heads else self._head
        if head is None or not (whole or heads or any(news.get(kind) for kind in PARTS)):
            return
        if self._head is None:
            self._feed = RouteFeed(head.first)
        self._head = head
        for kind in PARTS:
            self._parts[kind] = _merged({} if whole else self._parts[kind], news.get(kind, {}))
        self._table = table_of(head, self._parts)

    def _take_changes(self, changes: Sequence[NumberedChange]) -> None:
        new = [change for change in changes if change.number > self._feed.last]
        if new:
            self._feed.skip_to(new[0].number)
        self._feed.publish(change.change for change in new)

    # Reading

    def version(self) -> Hashable:
        """Another value after anything changed."""
        return self._versions

    def table(self) -> Table:
        """All routes as last published; the same value until something changes."""
        return self._table

    def containers(self) -> Sequence[RoutedContainer]:
        """All containers with RevP labels, by host and name."""
        if self._containers is None:
            self._containers = containers_of(self._routed.values())
        return self._containers

    def rules(self) -> Rules:
        """How labels are read."""
        return self._rules

    def host_labels(self) -> Mapping[str, Mapping[str, str]]:
        """The labels of all configured hosts."""
        return {name: host.labels for name, host in self._hosts.items()}

    def place(self, host: str) -> Place | None:
        """Where proxies reach a host; None for one that is not configured, or disabled."""
        known = self._hosts.get(host)
        return None if known is None else known.place

    async def changed(self, revision: int) -> None:
        """Wait until the table has another revision than this one."""
        while self._table.revision == revision:
            await self._feed.wait()

    def recent_changes(self, limit: int) -> Sequence[Change]:
        """The last changes kept in memory, newest last."""
        return self._feed.recent(limit)

    @asynccontextmanager
    async def follow(self, after: int | None = None) -> AsyncIterator[Subscription[Change]]:
        """Follow changes; see `web.routing.Routing`."""
        with self._feed.follow(after) as subscription:
            yield subscription

    async def drift(self, kind: ProxyKind, url: str) -> Drift:
        """Ask a proxy what it serves; see `web.routing.Routing`."""
        asking = partial(drift, kind, url, self.table, self._proxies)
        return await to_thread.run_sync(
            trio.run, asking, abandon_on_cancel=True, limiter=self._drifts
        )


def _merged(known: Mapping[Key, Any], news: Mapping[Key, Any]) -> dict[Key, Any]:
    return {key: value for key, value in {**known, **news}.items() if value is not None}
