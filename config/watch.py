"""Noticing that the configuration, or a file it refers to, has changed.

Files are looked at on an interval rather than watched through the kernel: that sees an editor's
rename, a mounted config map's swapped links and network file systems alike.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import trio

from config.references import Fingerprint, fingerprint, fingerprints


class Watch:
    """Tells when to read the configuration anew.

    Make it before the file is read for the first time, so that no change falls in between, and
    tell it the files that each reading found: `follow(referenced(config))`.

        watch = Watch(path)
        watch.follow(referenced(load(path)))
        async for _ in watch:
            ...
    """

    def __init__(
        self, path: Path, *, poll: float = 1.0, settle: float = 0.2, patience: float = 3.0
    ) -> None:
        """Watch one file.

        Args:
            path: The configuration file.
            poll: Seconds between two looks.
            settle: Seconds without a further change before a burst of them counts as over.
            patience: Seconds that the file may be missing, or a burst may last, before that too
                is told.
        """
        self._path = path
        self._poll = poll
        self._settle = settle
        self._patience = patience
        self._triggered = trio.Event()
        self._looking = trio.CancelScope()
        self._seen: dict[Path, Fingerprint | None] = {path: fingerprint(path)}

    def follow(self, files: Iterable[Path]) -> None:
        """Watch these files too, in place of those named before."""
        self._seen = {
            path: self._seen[path] if path in self._seen else fingerprint(path)
            for path in (self._path, *files)
        }

    def trigger(self) -> None:
        """Have the next wait end at once, changed or not: what SIGHUP asks for."""
        self._triggered.set()
        self._looking.cancel()

    async def changed(self) -> None:
        """Wait until something changed and has settled, or until `trigger()`.

        Cancelling it loses nothing: the next call still sees the change.
        """
        while True:
            await self._look_on()
            now = await self._look()
            if self._triggered.is_set() or self._differs(now):
                break
        now = await self._settled(now)
        self._triggered = trio.Event()
        # Files followed in the meantime keep their own first look.
        self._seen |= {path: mark for path, mark in now.items() if path in self._seen}

    async def _look_on(self) -> None:
        """Look again and again from one thread until something differs, or `trigger()`.

        Waking the program for each look would cost more than all else that an idle fleet does.
        """
        if self._triggered.is_set():
            return
        over = threading.Event()

        def look() -> None:
            while not over.wait(self._poll) and not self._differs(fingerprints(tuple(self._seen))):
                pass

        with trio.CancelScope() as self._looking:
            try:
                await trio.to_thread.run_sync(look, abandon_on_cancel=True)
            finally:
                over.set()

    async def _settled(self, now: dict[Path, Fingerprint | None]) -> dict[Path, Fingerprint | None]:
        patience = trio.current_time() + self._patience
        while trio.current_time() < patience:
            await trio.sleep(self._settle)
            before, now = now, await self._look()
            if now == before and now[self._path] is not None:
                break
        return now

    def _differs(self, now: dict[Path, Fingerprint | None]) -> bool:
        seen = self._seen  # `follow` may replace it meanwhile
        return any(path in seen and seen[path] != mark for path, mark in now.items())

    async def _look(self) -> dict[Path, Fingerprint | None]:
        # In a thread: a network file system may keep a look waiting.
        look = partial(fingerprints, tuple(self._seen))
        return await trio.to_thread.run_sync(look, abandon_on_cancel=True)

    def __aiter__(self) -> Watch:
        return self

    async def __anext__(self) -> None:
        await self.changed()
