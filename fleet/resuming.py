"""Hosts go on where they stood: what the database has of them, read before they are followed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

import trio

from fleet.image_rows import ImageRows
from fleet.rows import RowWriter
from fleet.storing import containers_of, counters_of, images_of, last_lines_of, resume_points
from fleet.tracker import Tracker
from storage.database import Database
from storage.recorder import Recorder


class Resuming:
    """Tells all who remember something of a host what is stored of it.

    Args:
        database: Where that is stored.
        recorder: Newer rows may still wait in its spool.
        tracker: Learns of counters, images and logs.
        rows: Learns of containers.
        image_rows: Learns what references meant.
        log_age: How old a line of a log may be to be kept.
    """

    def __init__(
        self,
        database: Database,
        recorder: Recorder,
        tracker: Tracker,
        rows: RowWriter,
        image_rows: ImageRows,
        log_age: timedelta,
    ) -> None:
        self._database = database
        self._recorder = recorder
        self._tracker = tracker
        self._rows = rows
        self._image_rows = image_rows
        self._log_age = log_age

    async def resume(self, hosts: Collection[str]) -> Mapping[str, int]:
        """Returns nanoseconds of the last stored event by host.

        All is read side by side, so that a silent database costs the time limit once.
        """
        known: dict[str, int] = {}
        async with trio.open_nursery() as nursery:
            for learn in (self._containers, self._counters, self._images, self._lines):
                nursery.start_soon(learn, hosts)
            known |= await resume_points(self._database, hosts)
        return known

    async def _containers(self, hosts: Collection[str]) -> None:
        self._rows.expect(await containers_of(self._database, hosts))

    async def _counters(self, hosts: Collection[str]) -> None:
        last = await counters_of(self._database, self._recorder, hosts)
        self._tracker.resume(last.containers, last.interfaces)

    async def _images(self, hosts: Collection[str]) -> None:
        stored = await images_of(self._database, hosts)
        self._tracker.resume_images(stored.images)
        self._image_rows.expect(stored.meanings)

    async def _lines(self, hosts: Collection[str]) -> None:
        lines = await last_lines_of(self._database, hosts, self._log_age)
        self._tracker.log_cursors.resume(hosts, lines)
