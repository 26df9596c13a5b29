"""Keeps a replica as it is published, and says since when it is not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import aclosing
from datetime import timedelta
from typing import NoReturn

import anyio
import msgspec
from anyio import to_thread

from fleet.mirror.model import MirroredModel
from fleet.mirror.replica import ByKind, Replica, decoded
from fleet.tracker import now
from storage.database import Database
from storage.errors import StorageError
from storage.live import FORMAT, RunRecord
from storage.live_feed import News

log = logging.getLogger(__name__)

SILENT = 12.0  # seconds without a sign of life of who publishes; there is one every three
GONE = 4.0  # the same, of one that is not even connected
MANY = 500  # documents that are read in a thread
AGAIN = 1.0  # seconds until the database is tried again

_NOBODY = (
    "nothing was published in this database yet: start `fleet supervise`, or `fleet up` with"
    " publish = true in [storage]"
)


class Following:
    """Runs on asyncio.

    Args:
        database: Where to read.
        replica: Is kept.

    Attributes:
        on_restart: Called when another run publishes: what streams were sent is of an earlier one.
        looked: Set once it is known whether there is something to show.
        away: The database cannot be asked now.
    """

    def __init__(self, database: Database, replica: Replica) -> None:
        self._feed = database.feed()
        self._replica = replica
        self.on_restart: Callable[[], None] = lambda: None
        self._run = ""
        self._fresh_at = now()
        self.looked = anyio.Event()
        self.away = False

    async def run(self) -> NoReturn:
        """Follow until cancelled."""
        while True:
            try:
                async with aclosing(self._feed.news()) as found:
                    async for news in found:
                        self.away = False
                        await self._take(news)
            except StorageError as error:
                self.away = True
                self._be_old(f"the database cannot be asked: {error}")
            await anyio.sleep(AGAIN)

    @property
    def _model(self) -> MirroredModel:
        return self._replica.model

    async def _take(self, news: News) -> None:
        run = news.run
        if run is None:
            self._be_old(_NOBODY)
            return
        if run.format != FORMAT:
            self._be_old("what is published is of another version of fleet: update the older one")
            return
        try:
            if len(news.items) > MANY:  # others have their turn meanwhile
                found = await to_thread.run_sync(decoded, news.items)
            else:
                found = decoded(news.items)
        except msgspec.MsgspecError as error:
            self._feed.forget()
            self._be_old(f"what is published is not understood: {error}")
            return
        self._take_over(run, found, whole=news.whole)
        self._fresh_at = now() - timedelta(seconds=run.age)
        if run.age > (SILENT if run.held else GONE):
            self._be_old("who watches the hosts gives no sign of life: look at `fleet supervise`")
        else:
            self._be_fresh()

    def _take_over(self, run: RunRecord, found: ByKind, *, whole: bool) -> None:
        if run.run != self._run:
            self._replica.begin()
        self._replica.take(found, whole=whole)
        if run.run != self._run:
            if self._run:
                log.info("another supervisor publishes, live streams begin anew")
                self.on_restart()
            self._run = run.run
        self._model.loaded = True

    def _be_fresh(self) -> None:
        if self._model.trouble is not None or not self.looked.is_set():
            log.info("live state is as of now")
        self._model.trouble = self._model.stale_since = None
        self._replica.be_stale(None)
        self.looked.set()

    def _be_old(self, trouble: str) -> None:
        model = self._model
        if trouble != model.trouble:
            log.warning("live state is not as of now: %s", trouble)
        model.trouble = trouble
        if model.loaded:
            model.stale_since = self._fresh_at
            self._replica.be_stale(self._fresh_at)
        self.looked.set()
