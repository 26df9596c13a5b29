"""The routes as the web sees them: read-only, owned here, implemented elsewhere.

All methods answer at once from memory, except those that wait or ask a proxy.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from labels.drift.comparing import Drift, ProxyKind
from labels.facts import Place
from labels.model import Change, RoutedContainer, Table
from labels.parsing.keys import Rules


class ChangeSubscription(Protocol):
    """A live, bounded feed of changes; the oldest are let go and counted in `dropped`."""

    @property
    def dropped(self) -> int:
        """Changes let go so far."""
        ...

    async def next(self) -> Change:
        """Wait for the next change. A cancelled wait loses nothing."""
        ...


class Routing(Protocol):
    """What the handlers need to know of the routes."""

    def version(self) -> Hashable:
        """Another value after the table, the rules or what is known of hosts changed."""
        ...

    def table(self) -> Table:
        """All routes now; the same value until something changes."""
        ...

    def containers(self) -> Sequence[RoutedContainer]:
        """All containers with RevP labels, by host and name."""
        ...

    def rules(self) -> Rules:
        """How labels are read: the operator's prefix, and what holds where no label says it."""
        ...

    def host_labels(self) -> Mapping[str, Mapping[str, str]]:
        """The labels of all configured hosts, for filters."""
        ...

    def place(self, host: str) -> Place | None:
        """Where proxies reach a host; None for one that is not configured, or disabled."""
        ...

    async def changed(self, revision: int) -> None:
        """Wait until the table has another revision than this one."""
        ...

    def recent_changes(self, limit: int) -> Sequence[Change]:
        """The last changes kept in memory, newest last."""
        ...

    def follow(self, after: int | None = None) -> AbstractAsyncContextManager[ChangeSubscription]:
        """Follow changes of revisions above `after` that memory still holds, then new ones.

        None: only what happens from now on. Entering subscribes, so nothing is lost in between.
        Where some above `after` are no longer held, `dropped` is not 0 from the beginning.
        """
        ...

    async def drift(self, kind: ProxyKind, url: str) -> Drift:
        """Ask the proxy with this admin interface what it serves, and compare.

        Raises:
            DriftError: It may not be asked, nobody answers, or not as such a proxy does.
        """
        ...
