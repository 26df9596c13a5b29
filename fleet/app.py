"""The composition root: every part of a running fleet, put together once.

Leaving follows the data: stop serving and stop the hosts, drain the recorder under a deadline,
close the database last.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import trio

from config.models import Config, Host
from connectors.traffic import Traffic
from fleet.access.desk import StoredDesk
from fleet.access.opening import configured, open_access
from fleet.accounts.first import welcome_first
from fleet.accounts.opening import open_accounts
from fleet.accounts.roster import StoredRoster
from fleet.descriptors import raise_limit
from fleet.edge import FleetEdge, open_edge, record_lockout
from fleet.history import StoredHistory
from fleet.holdings import StoredHoldings
from fleet.image_rows import ImageRows
from fleet.instruments import Instruments
from fleet.instruments_collect import FleetCollector
from fleet.instruments_own import Parts, own_families
from fleet.limits import Limits
from fleet.live import LiveLedgers
from fleet.live_logs import LiveLogs
from fleet.log_feed import LogFeed
from fleet.mirror.publisher import LivePublisher
from fleet.mirror.telling import Watched
from fleet.own_log.setup import OwnLog
from fleet.publish import publisher
from fleet.read_model import LiveReadModel
from fleet.reload import Reloader, RunningConfig
from fleet.resuming import Resuming
from fleet.revp.keeper import RouteKeeper
from fleet.revp.present import RouteCounts
from fleet.revp.rows import change_row
from fleet.rows import RowWriter
from fleet.runtime import open_runtime_dir
from fleet.signals import Signals, open_signals
from fleet.storing import StorageView
from fleet.supervisor import Supervisor
from fleet.tracing import Tracing
from fleet.tracker import Tracker, now
from labels.model import Change
from storage.store import Store, open_store
from web.access.static import StaticAuthority
from web.app import create_app
from web.exposition.text import Family
from web.listening import Bound, bind
from web.parts import Admitting, Serving, Shown
from web.reloading import Reload
from web.server import serve


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the program has where it runs.

    Attributes:
        environ: Where `*_env` keys are looked up.
        log: Follows the configured level; None where somebody else keeps the log.
        tracing: What traces are made with.
        welcome: Shows a person at a terminal how to make the first account: called with the bound
            address and the path of a link. None: there is nobody.
    """

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    log: OwnLog | None = None
    tracing: Tracing = field(default_factory=Tracing)
    welcome: Callable[[str, str], None] | None = None


async def run(
    config: Config,
    around: Surroundings,
    *,
    started: Callable[[str], None],
    serves: bool = True,
) -> None:
    """Watch, record and serve until SIGINT or SIGTERM. SIGHUP reads the configuration anew.

    Args:
        config: A valid configuration.
        around: What there is besides.
        started: Called with the bound address once the API answers; with an empty one where none
            is served.
        serves: Without an API what is live is published, for `fleet serve`.

    Raises:
        CertificateError: The API cannot be served with its certificate.
        ListenError: The address is taken.
        RuntimeFolderError: The folder of the hosts' sockets cannot be used.
        StorageError: There is no database to be had.
    """
    static = configured(config, around.environ)
    edge = await open_edge(config.fleet, config.access, around.environ)
    async with AsyncExitStack() as stack, open_signals() as signals:
        bound: Bound | None = None
        if serves:
            bound = await stack.enter_async_context(aclosing(await bind(config.fleet.listen)))
        raise_limit(config.hosts.values())
        with open_runtime_dir(config), signals.stop:
            instruments = Instruments()
            async with open_store(
                config, around.environ, observe=instruments.wrote, watch=around.tracing.watch
            ) as store:
                fleet = _Fleet(config, store, instruments, edge, around)
                await fleet.run(bound, static, signals, started)


class _Fleet:
    """The parts between the database and the listening socket."""

    def __init__(
        self,
        config: Config,
        store: Store,
        instruments: Instruments,
        edge: FleetEdge,
        around: Surroundings,
    ) -> None:
        self._around = around
        self._edge = edge
        self._running = RunningConfig(config)
        self._retention = config.storage.retention  # until the program starts anew
        self._store = store
        self._tracker = Tracker(config.fleet.event_buffer)
        self._rows = RowWriter(self._tracker, self._hosts, store.recorder.offer)
        self._tracker.listen(self._rows)
        self._image_rows = ImageRows(store.recorder.offer)
        self._tracker.listen(self._image_rows)
        self._log_feed = LogFeed()
        self._tracker.listen(self._log_feed)
        self._instruments = instruments
        self._tracker.listen(instruments)
        self._live = LiveLedgers(self._tracker, self._hosts)
        self._tracker.listen(self._live)
        self._published: LivePublisher | None = None
        self._storage = StorageView(config.storage, store.database, store.recorder)

    def _hosts(self) -> Mapping[str, Host]:
        return self._running.config.hosts

    def _offer_change(self, change: Change) -> None:
        self._instruments.route_changes[change.kind] += 1
        self._store.recorder.offer(change_row(change))

    def _configured(self, keeper: RouteKeeper, config: Config) -> None:
        keeper.configure(config)
        if self._around.log is not None:
            self._around.log.follow(config.fleet.log_level)

    def _surroundings(self) -> list[Family]:
        log, tracing = self._around.log, self._around.tracing
        of_log = [] if log is None else log.families()
        published = [] if self._published is None else self._published.families()
        return [*of_log, *tracing.families(), *self._edge.families(), *published]

    def _parts(self, limits: Limits, routes: RouteCounts) -> Parts:
        return Parts(
            self._instruments,
            limits,
            self._store.recorder.status,
            self._running.document,
            routes.document,
            self._surroundings,
        )

    def _publisher(self, keeper: RouteKeeper, counts: RouteCounts, parts: Parts) -> LivePublisher:
        watched = Watched(
            started=now(),
            tracker=self._tracker,
            hosts=self._hosts,
            keeper=keeper,
            config=self._running.document,
            effective=self._running.whole,
            storage=self._storage.document,
            counts=counts.document,
            metrics=lambda: own_families(parts),
        )
        made = LivePublisher(watched, self._store.database)
        self._tracker.listen(made.marks)
        self._published = made
        return made

    def _limits(self, config: Config) -> Limits:
        tracing = self._around.tracing
        return Limits.of(
            config.fleet,
            config.storage.retention,
            self._store.recorder.has_room,
            Traffic(tracing.calls(self._instruments.called)),
            self._instruments.lists.observe,
            tracing.watch,
        )

    def _resuming(self, limits: Limits) -> Resuming:
        return Resuming(
            self._store.database,
            self._store.recorder,
            self._tracker,
            self._rows,
            self._image_rows,
            limits.log_age,
        )

    def _reloader(self, source: Path, supervisor: Supervisor, keeper: RouteKeeper) -> Reloader:
        configured = partial(self._configured, keeper)
        return Reloader(self._running, source, supervisor, self._around.environ, configured)

    async def run(
        self,
        bound: Bound | None,
        static: StaticAuthority,
        signals: Signals,
        started: Callable[[str], None],
    ) -> None:
        """Run all parts side by side until cancelled; without a bound address no API."""
        config, watch = self._running.config, self._around.tracing.watch
        limits = self._limits(config)
        resume = self._resuming(limits).resume
        supervisor = Supervisor(self._tracker, limits, publisher(config), resume)
        supervisor.want(config.hosts)
        keeper = await RouteKeeper.open(self._tracker, config, self._offer_change, watch)
        self._tracker.listen(keeper)
        counts = RouteCounts(keeper)
        parts = self._parts(limits, counts)
        async with trio.open_nursery() as nursery:
            await nursery.start(keeper.run)
            if bound is None or config.storage.publish:
                nursery.start_soon(self._publisher(keeper, counts, parts).run)
            reload: Reload | None = None
            if config.source is not None:
                reloader = self._reloader(config.source, supervisor, keeper)
                signals.on_hangup = reloader.trigger
                reload = reloader.answer
                nursery.start_soon(reloader.run)
            signals.on_hangup = self._edge.also_hung_up(signals.on_hangup)
            nursery.start_soon(self._edge.run)
            nursery.start_soon(supervisor.run)
            nursery.start_soon(self._storage.follow)
            nursery.start_soon(self._rows.observe_all)
            nursery.start_soon(self._instruments.watch_loop)
            address = ""
            if bound is not None:
                shown = self._shown(keeper, counts, parts)
                address = await self._serve(shown, bound, static, reload, nursery)
            started(address)
            # What was imported never becomes garbage: looking through all of it again would hold
            # up every host for some 60 ms each time.
            gc.collect()
            gc.freeze()

    def _shown(self, keeper: RouteKeeper, counts: RouteCounts, parts: Parts) -> Shown:
        read_model = LiveReadModel(
            self._tracker,
            self._hosts,
            self._running.document,
            self._storage.document,
            counts.document,
            self._edge.certificate,
        )
        return Shown(
            read_model,
            StoredHistory(self._store.database, self._running.config.storage),
            LiveLogs(self._log_feed),
            routing=keeper,
            live=self._live,
            collector=FleetCollector(self._tracker, parts),
            configured=self._running.whole,
            holdings=StoredHoldings(self._store.database, lambda: self._retention),
        )

    async def _serve(
        self,
        shown: Shown,
        bound: Bound,
        static: StaticAuthority,
        reload: Reload | None,
        nursery: trio.Nursery,
    ) -> str:
        """Start to serve the API; returns the address."""
        config, environ = self._running.config, self._around.environ
        database, record = self._store.database, self._store.recorder.offer
        accounts = open_accounts(config, database, record, environ)
        access = open_access(config, static, database, record, accounts.sessions)
        admitting = Admitting(
            authority=access,
            entrance=accounts.entrance,
            desk=StoredDesk(database),
            roster=StoredRoster(database),
            reload=reload,
            allowance=self._edge.allowance,
            locked=partial(record_lockout, record),
        )
        serving = Serving(
            listen=bound.address,
            settle=config.storage.batch_age + 2.0,
            access_log=config.fleet.access_log,
            traced=self._around.tracing.around,
        )
        app = create_app(shown, admitting, serving)
        await nursery.start(access.run)
        await nursery.start(accounts.run)
        address: str = await nursery.start(partial(serve, app, bound, tls=self._edge.tls))
        if static.anonymous() is None:  # else nobody needs an account
            welcome = self._around.welcome
            show = None if welcome is None else partial(welcome, address)
            nursery.start_soon(welcome_first, database, show)
        return address
