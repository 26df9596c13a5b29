"""One worker of `fleet serve`: its parts, put together once in its own process, on asyncio."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
from litestar.types import ASGIApp, Receive, Scope, Send

from config.models import Config, Retention
from config.secrets import read_secret
from fleet.access.desk import StoredDesk
from fleet.access.opening import UNIX, configured, open_access
from fleet.accounts.opening import open_accounts
from fleet.accounts.roster import StoredRoster
from fleet.edge import allowance_of, record_lockout
from fleet.history import StoredHistory
from fleet.holdings import StoredHoldings
from fleet.instruments_process import Process
from fleet.mirror.following import Following
from fleet.mirror.replica import Replica
from fleet.mirror.routing import MirroredRoutes
from fleet.own_log.setup import OwnLog
from fleet.serving.board import Board
from fleet.serving.collector import ServingCollector
from fleet.serving.logs import StoredLogs
from fleet.serving.rows import DirectRows
from fleet.tracing import open_tracing
from fleet.version import VERSION
from storage.database import Database
from storage.visiting import open_served
from web.app import Application, create_app
from web.cache.kept import Lifetimes
from web.cache.layer import AnswerCache
from web.cache.memory import Memory
from web.cache.shared import SharedCache
from web.config_documents import SettingValue
from web.freshness import once_loaded, tells_age
from web.parts import Admitting, Serving, Shown
from web.patience import with_patience

log = logging.getLogger(__name__)

FIRST_LOOK = 10.0  # seconds for the first look at what is published, before requests are taken
WRITE_TIMEOUT = 30.0  # seconds for a client to take the next piece of its answer
END_STREAMS = signal.SIGUSR1  # from the parent: an end is near
FAILED = 70
ANY_NAME = "0.0.0.0:0"  # no page of another site reaches a Unix socket
LOOK = 0.5  # seconds between looks whether the parent is there
GRACE = 5.0  # seconds for requests under way, once it is not


class Worker:
    """An ASGI application that keeps what it answers from while it is served.

    Args:
        config: Of which the hosts are not looked at.
        listen: Where it is served, for who may ask.
        folder: Where the workers tell each other what they count.
        stack: What is closed at the end: the log.
        own_log: The log, to tell of traces.
        environ: Where `*_env` keys are looked up.
    """

    def __init__(
        self,
        config: Config,
        listen: str,
        folder: Path,
        stack: ExitStack,
        own_log: OwnLog,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._config = config
        self._listen = listen
        self._folder = folder
        self._stack = stack
        self._own_log = own_log
        self._environ = environ
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live."""
        kind: str = scope["type"]
        if kind == "lifespan":
            await self._live(receive, send)
            return
        assert self._app is not None  # noqa: S101 - nothing is asked before the start
        await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self._opened() as streams_end:
                loop = asyncio.get_running_loop()
                loop.add_signal_handler(END_STREAMS, streams_end)
                await send({"type": "lifespan.startup.complete"})  # type: ignore[typeddict-item]  # of a lifespan
                await receive()
                streams_end()
        except Exception:
            # Granian would serve on without what keeps the answers true.
            log.critical("this worker failed, another one begins", exc_info=True)
            self._stack.close()
            os._exit(FAILED)
        await send({"type": "lifespan.shutdown.complete"})  # type: ignore[typeddict-item]  # of a lifespan

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Callable[[], None]]:
        """Have all parts run; yields what ends the live streams."""
        config = self._config
        async with AsyncExitStack() as stack:
            tracing = stack.enter_context(open_tracing(config.tracing, self._environ))
            self._own_log.tell_traces(tracing.trace_id)
            database = await stack.enter_async_context(open_served(config, self._environ))
            database.watch = tracing.watch
            routes = MirroredRoutes(config.revp.proxies)
            replica = Replica(routes)
            following = Following(database, replica)
            cache = await stack.enter_async_context(self._cached(database, following, replica))
            rows = DirectRows(database)
            accounts = open_accounts(config, database, rows.offer, self._environ)
            static = configured(config, self._environ, self._listen)
            access = open_access(config, static, database, rows.offer, accounts.sessions)
            admitting = Admitting(
                authority=access,
                entrance=accounts.entrance,
                desk=StoredDesk(database),
                roster=StoredRoster(database),
                allowance=allowance_of(config.fleet, config.access),
                locked=partial(record_lockout, rows.offer),
            )
            history = StoredHistory(database, config.storage)
            holdings = StoredHoldings(database, partial(retention_of, config, replica))
            app = self._application(replica, routes, history, holdings, admitting, cache)
            following.on_restart = app.streams.end_all
            board = Board(self._folder)
            app.http.others += [cache.families, rows.families, Process().families]
            app.http.together = board.together
            tasks = await stack.enter_async_context(anyio.create_task_group())
            stack.callback(tasks.cancel_scope.cancel)
            tasks.start_soon(rows.run)
            tasks.start_soon(following.run)
            tasks.start_soon(board.run, app.http.families)
            await tasks.start(access.run)
            await tasks.start(accounts.run)
            with anyio.move_on_after(FIRST_LOOK):
                await following.looked.wait()
            self._app = tracing.around(tells_age(app, replica.model, board.number))
            yield app.streams.close

    @asynccontextmanager
    async def _cached(
        self, database: Database, following: Following, replica: Replica
    ) -> AsyncIterator[AnswerCache]:
        """The answers that are given again."""
        settings = self._config.cache
        shared: SharedCache | None = None
        if settings.url is not None:
            password = read_secret(settings.password_file, settings.password_env, self._environ)
            shared = SharedCache(settings.url, password, settings.timeout)
        lifetimes = Lifetimes(
            containers=settings.containers,
            stats=settings.stats,
            images=settings.images,
            history=settings.history,
            stale=settings.stale,
        )
        try:
            yield AnswerCache(
                lifetimes,
                Memory(settings.memory_megabytes * 1024 * 1024),
                shared,
                prefix=settings.prefix,
                source=f"{database.where} {VERSION}",
                labels=replica.model.host_labels,
                away=lambda: following.away,
            )
        finally:
            if shared is not None:
                with anyio.CancelScope(shield=True):
                    await shared.aclose()

    def _application(
        self,
        replica: Replica,
        routes: MirroredRoutes,
        history: StoredHistory,
        holdings: StoredHoldings,
        admitting: Admitting,
        cache: AnswerCache,
    ) -> Application:
        config = self._config
        return create_app(
            Shown(
                replica.model,
                history,
                StoredLogs(history),
                routing=routes,
                live=replica.ledgers,
                collector=ServingCollector(replica),
                configured=lambda: replica.effective,
                holdings=holdings,
            ),
            admitting,
            Serving(
                listen=ANY_NAME if self._listen.startswith(UNIX) else self._listen,
                settle=config.storage.batch_age + 2.0,
                access_log=config.fleet.access_log,
                # What needs patience comes from the router: all else is sent at once.
                inmost=lambda router: with_patience(
                    cache.around(once_loaded(router, replica.model)), WRITE_TIMEOUT
                ),
            ),
        )


def retention_of(config: Config, replica: Replica) -> Retention:
    """That of who watches, and deletes by it; ours until that told."""
    told = replica.effective
    for section in () if told is None else told.sections:
        if section.name == "storage.retention":
            return Retention(**{each.key: _days(each.value) for each in section.settings})
    return config.storage.retention


def _days(value: SettingValue) -> int:
    """A number of days: what was told and read again is no whole number to Python."""
    assert isinstance(value, int | float)  # noqa: S101 - as all of this section are, narrows the type
    return int(value)


def outlive_nobody() -> None:
    """Have this process end with its parent, or another one could not have the address.

    In a thread: whatever the loop does, and while there is none.
    """
    watching = partial(_watch_parent, os.getppid())
    threading.Thread(target=watching, name="parent", daemon=True).start()


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK)
    log.error("the parent of this worker is gone, so it ends")
    for number in (END_STREAMS, signal.SIGTERM):
        os.kill(os.getpid(), number)
    time.sleep(GRACE)
    os._exit(FAILED)
