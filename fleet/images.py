"""Which images a host has: listed rarely, as a list may cost an Engine a second of its CPU.

That is once at the start, after events about images, and every hour.
"""

from __future__ import annotations

import logging
import random

import trio

from connectors.errors import EngineError, NotFoundError
from connectors.models import ImageInspect
from fleet import translate
from fleet.connected import Connected
from fleet.model import EngineEvent
from fleet.tracker import Tracker, now

log = logging.getLogger(__name__)

AGAIN_SECONDS = 3600.0
AFTER_FAILURE_SECONDS = 300.0
SETTLE_SECONDS = 2.0  # after an event: they come in bursts
PAUSE_FACTOR = 10  # times as long as the last list took, until the next one at the earliest
AT_A_TIME = 4  # inspects of one host
MOST_IMAGES = 10_000  # of one host; what is listed beyond that is left out
HARMLESS = ("push", "save", "mount", "unmount")  # events that change no image


class ImageCollector:
    """Keeps the tracker true to the images of one host during one connection.

    Args:
        connected: The host and its Engine.
        tracker: Where what is learned goes.
        operations: Bounds the inspects of all hosts together.
    """

    def __init__(
        self, connected: Connected, tracker: Tracker, operations: trio.CapacityLimiter
    ) -> None:
        self._host = connected.name
        self._engine = connected.engine
        self._tracker = tracker
        self._operations = operations
        self._heard = trio.Event()
        self._pause = SETTLE_SECONDS

    def on_image_event(self, event: EngineEvent) -> None:
        """List again soon."""
        if event.action not in HARMLESS:
            self._heard.set()

    async def run(self) -> None:
        """List, wait for a reason, list again. Runs until cancelled."""
        await trio.sleep(random.uniform(0, 1))  # noqa: S311 - spreads load
        while True:
            self._heard = trio.Event()
            try:
                await self._look()
                delay = AGAIN_SECONDS
            except EngineError as error:
                delay = AFTER_FAILURE_SECONDS
                log.warning("images are not listed, trying again in %g s: %s", delay, error)
            with trio.move_on_after(delay * random.uniform(0.9, 1)):  # noqa: S311 - as above
                await self._heard.wait()
                await trio.sleep(self._pause)

    async def _look(self) -> None:
        began = trio.current_time()
        listed = await self._engine.images()
        self._pause = max(SETTLE_SECONDS, PAUSE_FACTOR * (trio.current_time() - began))
        if len(listed) > MOST_IMAGES:
            left_out = len(listed) - MOST_IMAGES
            log.warning("%d of %d images are left out", left_out, len(listed))
        entries = {translate.image_id(entry.id): entry for entry in listed[:MOST_IMAGES]}
        made_for = await self._inspect([key for key in entries if not self._is_known(key)])
        at = now()
        for key, entry in entries.items():
            known = self._tracker.image(self._host, key)
            inspected = made_for.get(key)
            self._tracker.put_image(translate.image(self._host, entry, inspected, known, at))
        self._tracker.keep_only_images(self._host, entries)

    def _is_known(self, image_id: str) -> bool:
        """Whether it is known what it is made for, which never changes."""
        known = self._tracker.image(self._host, image_id)
        return known is not None and known.architecture is not None

    async def _inspect(self, ids: list[str]) -> dict[str, ImageInspect]:
        """What the Engine says of those that are there; those that fail are asked for next time."""
        found: dict[str, ImageInspect] = {}
        waiting = iter(ids)

        async def ask() -> None:
            for image_id in waiting:
                try:
                    async with self._operations:
                        found[image_id] = await self._engine.inspect_image(image_id)
                except NotFoundError:
                    continue
                except EngineError as error:
                    log.warning("image %s is not inspected: %s", image_id[:19], error)

        async with trio.open_nursery() as nursery:
            for _ in range(min(AT_A_TIME, len(ids))):
                nursery.start_soon(ask)
        return found
