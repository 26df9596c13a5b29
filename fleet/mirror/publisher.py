"""Publishes the fleet for those who serve it: all of it at first, then what changes.

About once a second the newest value of each thing that changed is written, all in one go. Whatever
goes wrong, all is written again.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from typing import NoReturn

import trio

from fleet.mirror.kinds import encode
from fleet.mirror.marks import Marks
from fleet.mirror.telling import Teller, Told, Watched
from storage.database import Database
from storage.errors import StorageError
from storage.live import Item
from storage.live_writing import LiveLostError, LiveWriter
from web.exposition.text import Family

log = logging.getLogger(__name__)

PACE = 1.0  # seconds from one publication to the next, at least
BEAT = 3.0  # seconds until a sign of life where nothing changes
SETTLE = 0.1  # seconds for what a change leads to: routes follow containers a moment later
AGAIN = 2.0  # seconds until the database is tried again


class LivePublisher:
    """Make it before anything is watched, and have it listen to the tracker.

    Attributes:
        marks: The tracker's listener.
        trouble: Why nothing is published now; None if it is.
    """

    def __init__(self, watched: Watched, database: Database) -> None:
        self._watched = watched
        self._writer = LiveWriter(database, secrets.token_hex(8))
        self.marks = Marks(watched.tracker)
        self.trouble: str | None = "nothing was published yet"

    def families(self) -> list[Family]:
        """Whether it goes well, as a metric."""
        text = "Whether what is live is in the database, for fleet serve."
        return [Family("fleet_live_published", "gauge", text).add(self.trouble is None)]

    async def run(self) -> NoReturn:
        """Publish until cancelled."""
        while True:
            try:
                await self._publish()
            except LiveLostError as error:
                log.info("%s", error)
            except StorageError as error:
                self._say(str(error))
                await trio.sleep(AGAIN)

    async def _publish(self) -> NoReturn:
        teller = Teller(self._watched, self.marks)
        await self._writer.replace(await _encoded(teller.everything()))
        self._say(None)
        while True:
            await trio.sleep(PACE)
            with trio.move_on_after(BEAT - PACE):
                await self.marks.woken.wait()
                await trio.sleep(SETTLE)
            await self._writer.change(await _encoded(teller.news()))

    def _say(self, trouble: str | None) -> None:
        if trouble != self.trouble:
            if trouble is None:
                log.info("live state is published")
            else:
                log.warning("live state is not published: %s", trouble)
        self.trouble = trouble


async def _encoded(told: Sequence[Told]) -> list[Item]:
    """In a thread, as it takes long of all containers; the values are never changed."""
    return await trio.to_thread.run_sync(lambda: [encode(key, value) for key, value in told])
