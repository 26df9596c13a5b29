"""The table of routes of a running fleet: kept true to the tracker, remembered, and followed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from time import perf_counter
from typing import NoReturn, TypeVar

import msgspec
import trio

from config.models import Config
from fleet.changes import Change
from fleet.feed import Subscription
from fleet.revp import snapshot
from fleet.revp.drift import drift
from fleet.revp.facts import policy_of, rules_of, static_routes
from fleet.revp.feed import RouteFeed
from fleet.revp.hosts import CONFIGURATION, RoutedHosts
from fleet.revp.memory import Memory
from fleet.revp.names import Names
from fleet.tracker import Tracker, now
from labels import model
from labels.drift.comparing import Drift, ProxyKind
from labels.facts import Place
from labels.model import RoutedContainer, Table
from labels.parsing.keys import Rules
from labels.routing.snapshot import Snapshot
from labels.routing.steps import Steps, finish
from labels.routing.table import RouteTable
from storage.watching import Watch, unwatched

PAUSE = 0.05  # seconds between two revisions at least
LOOK = 5.0  # seconds until the clock is looked at again: it may be set meanwhile
TURN = 0.01  # seconds of work on the table until others have their turn

T = TypeVar("T")


class RouteKeeper:
    """A tracker's listener that keeps the table; implements `web.routing.Routing`.

    What it hears it only marks. A task of its own tells the table a moment later, all at once.

    Args:
        tracker: The live state.
        config: The configuration in force; `configure` follows it.
        offer: Takes each change for the history; never blocks.
        remembered: What an earlier run of ours knew.
        watch: Told of each time that the table is worked on.
    """

    def __init__(
        self,
        tracker: Tracker,
        config: Config,
        offer: Callable[[model.Change], None],
        remembered: Snapshot | None = None,
        watch: Watch = unwatched,
    ) -> None:
        self._watch = watch
        self._config = config
        self._offer = offer
        path = config.fleet.data_dir / snapshot.FILE
        revision = 0 if remembered else snapshot.first_revision(path)
        self._table = RouteTable(rules_of(config.revp), policy_of(config.revp), revision)
        self._hosts = RoutedHosts(tracker)
        self._hosts.want(config.hosts, config.revp.host_wait)
        # It waits for them, even if it remembers others.
        finish(self._hosts.telling(self._table, now()))
        if remembered is not None:
            self._restore(remembered)
        self._feed = RouteFeed(self._table.table.revision)
        self._memory = Memory(path, self._snapshot)
        self._names = Names()
        self._look_for_names = trio.Event()
        self._told_statics = False
        self._told_rules = True
        self._woken = trio.Event()
        self._version = 0
        self._versioned = self._table.table

    @classmethod
    async def open(
        cls,
        tracker: Tracker,
        config: Config,
        offer: Callable[[model.Change], None],
        watch: Watch = unwatched,
    ) -> RouteKeeper:
        """Begin with what is remembered in the data folder."""
        path = config.fleet.data_dir / snapshot.FILE
        remembered = await trio.to_thread.run_sync(partial(snapshot.read, path))
        return cls(tracker, config, offer, remembered, watch)

    # Hearing

    def __call__(self, change: Change) -> None:
        """Mark what the tracker says."""
        if self._hosts.hear(change):
            self._woken.set()

    def configure(self, config: Config) -> None:
        """Take over a new configuration."""
        before, self._config = self._config, config
        self._version += 1
        if config.revp != before.revp:
            self._told_rules = False
        if config.routes != before.routes:
            self._told_statics = False
            self._look_for_names.set()
        self._hosts.want(config.hosts, config.revp.host_wait)
        self._woken.set()

    # Telling

    @property
    def trouble(self) -> str | None:
        """Why routes are not remembered over a restart now; None if they are."""
        return self._memory.trouble

    def version(self) -> int:
        """Another number after the table, the rules or the configured hosts changed."""
        if self._table.table is not self._versioned:
            self._versioned = self._table.table
            self._version += 1
        return self._version

    def table(self) -> Table:
        """All routes now; the same value until something changes."""
        return self._table.table

    def containers(self) -> Sequence[RoutedContainer]:
        """All containers with RevP labels, by host and name."""
        return self._table.containers()

    def rules(self) -> Rules:
        """How labels are read."""
        return rules_of(self._config.revp)

    def host_labels(self) -> Mapping[str, Mapping[str, str]]:
        """The labels of all configured hosts."""
        return {name: host.labels for name, host in self._config.hosts.items()}

    def place(self, host: str) -> Place | None:
        """Where a host is; None for one that is not configured, or disabled."""
        return self._hosts.place(host)

    @property
    def feed(self) -> RouteFeed:
        """The last changes, by number."""
        return self._feed

    async def changed(self, revision: int) -> None:
        """Wait until the table has another revision than this one."""
        while self._table.table.revision == revision:
            await self._feed.wait()

    def recent_changes(self, limit: int) -> Sequence[model.Change]:
        """The last changes kept in memory, newest last."""
        return self._feed.recent(limit)

    @asynccontextmanager
    async def follow(self, after: int | None = None) -> AsyncIterator[Subscription[model.Change]]:
        """Follow changes; see `web.routing.Routing`."""
        with self._feed.follow(after) as subscription:
            yield subscription

    async def drift(self, kind: ProxyKind, url: str) -> Drift:
        """Ask a proxy what it serves; see `web.routing.Routing`."""
        return await drift(kind, url, self.table, self._config.revp.proxies)

    # Keeping

    async def run(self, *, task_status: trio.TaskStatus[None]) -> NoReturn:
        """Keep the table until cancelled. Started once it is remembered under new numbers."""
        await self._tell()
        async with trio.open_nursery() as nursery:
            await nursery.start(self._memory.run)
            nursery.start_soon(self._check_names)
            task_status.started()
            while True:
                with trio.move_on_after(self._until_due()):
                    await self._woken.wait()
                self._woken = trio.Event()
                with self._watch("routes.settle"):
                    await self._tell()
                await trio.sleep(PAUSE)
        raise AssertionError("routes are kept until cancelled")

    def _until_due(self) -> float:
        """Seconds until there is something to do though nothing is heard."""
        seconds = self._hosts.deadline - trio.current_time()
        if (deadline := self._table.deadline) is not None:
            seconds = min(seconds, (deadline - now()).total_seconds(), LOOK)
        return max(0.0, seconds)

    async def _tell(self) -> None:
        """Tell the table all that is new, and everybody what it made of that.

        Of very many containers that takes seconds: others have their turn in between, and read
        the table as it was before.
        """
        moment, revision = now(), self._table.table.revision
        if not self._told_rules:
            self._told_rules = True
            revp = self._config.revp
            self._table.configure(rules_of(revp), policy_of(revp), CONFIGURATION, moment)
            self._hosts.again()
        if not self._told_statics:
            self._told_statics = True
            routes = static_routes(self._config.routes, self._names.problems)
            self._table.static(routes, CONFIGURATION, moment)
        await in_turns(self._hosts.telling(self._table, moment))
        changes = await in_turns(self._table.settling(moment))
        self._memory.mark()
        if self._table.table.revision != revision:
            self._feed.publish(changes)
            for change in changes:
                self._offer(change)

    def _restore(self, remembered: Snapshot) -> None:
        """Begin with what is remembered, but for hosts that left or were disabled meanwhile."""
        self._table.restore(remembered, now())
        hosts = self._config.hosts
        for place in remembered.places:
            if place.name not in hosts or not hosts[place.name].enabled:
                self._table.forget(place.name, CONFIGURATION, now())

    def _snapshot(self) -> Snapshot:
        return msgspec.structs.replace(self._table.snapshot(), saved=now())

    async def _check_names(self) -> NoReturn:
        """Look for the names of static routes, every minute and when others are configured."""
        while True:
            self._look_for_names = trio.Event()
            before = dict(self._names.problems)
            seconds = await self._names.look(
                [route.backend.address for route in self._config.routes]
            )
            if self._names.problems != before:
                self._told_statics = False
                self._woken.set()
            with trio.move_on_after(seconds):
                await self._look_for_names.wait()


async def in_turns(steps: Steps[T]) -> T:
    """Do work in steps, and let others have their turn now and then. It is not left half done."""
    begun = perf_counter()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: T = end.value
            return found
        if perf_counter() - begun >= TURN:
            await trio.lowlevel.cancel_shielded_checkpoint()
            begun = perf_counter()
