"""The running configuration, and taking over a changed file: only changed hosts are touched."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec
import trio

from config.diff import Diff, diff
from config.effective import effective
from config.load import load
from config.models import Config
from config.problems import ConfigError, Problem
from config.references import Fingerprints, fingerprints, referenced
from config.watch import Watch
from fleet.supervisor import Supervisor
from fleet.tracker import now
from web.config_documents import (
    EffectiveConfigDocument,
    HostSettingsDocument,
    MistakeDocument,
    SectionDocument,
)
from web.documents import ConfigDocument, Document
from web.reloading import ReloadDocument, ReloadRefusedError

T = TypeVar("T", bound=Document)

log = logging.getLogger(__name__)


class RunningConfig:
    """What runs now, and why a newer file does not.

    Attributes:
        config: The configuration in force.
        loaded: When it was taken over.
        error: What is wrong with the file now, None while it is what runs.
        error_since: Since when it is refused.
        warning: What needs a restart of the program to take effect, None if nothing does.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.loaded: datetime = now()
        self.error: str | None = None
        self.error_since: datetime | None = None
        self.warning: str | None = None
        self._began = config
        self._problems: tuple[Problem, ...] = ()
        self._whole: EffectiveConfigDocument | None = None  # as long as nothing changes

    def document(self) -> ConfigDocument:
        """How the API and `fleet status` show it."""
        return ConfigDocument(
            source=str(self.config.source) if self.config.source else None,
            loaded=self.loaded,
            error=self.error,
            error_since=self.error_since,
            warnings=(*self.config.warnings, *([self.warning] if self.warning else [])),
        )

    def whole(self) -> EffectiveConfigDocument:
        """All that is in force, for the API."""
        if self._whole is None:
            found = effective(self.config, self._began)
            self._whole = EffectiveConfigDocument(
                config=self.document(),
                mistakes=_told(self._problems, MistakeDocument),
                sections=_told(found.sections, SectionDocument),
                hosts=_told(found.hosts, HostSettingsDocument),
                routes=_told(found.routes, SectionDocument),
            )
        return self._whole

    def refuse(self, error: str, problems: tuple[Problem, ...] = ()) -> None:
        """Keep what runs, and say why."""
        self._problems, self._whole = problems, None
        if error != self.error:
            log.error("the configuration was refused, the old one runs on: %s", error)
        self.error_since = self.error_since or now()
        self.error = error

    def take(self, config: Config, warning: str | None) -> None:
        """Put a new configuration in force."""
        self.config = config
        self._problems, self._whole = (), None
        self.loaded = now()
        self.error = self.error_since = None
        self.warning = warning
        if warning:
            log.warning("%s", warning)


def _told(found: Sequence[msgspec.Struct], kind: type[T]) -> tuple[T, ...]:
    return tuple(msgspec.convert(each, kind, from_attributes=True) for each in found)


class Reloader:
    """Follows the file and hands its hosts to the supervisor.

    Args:
        running: What runs; changed in place.
        path: The file.
        supervisor: Who starts, stops and restarts.
        environ: Where `*_env` keys are looked up.
        taken: Called with a new configuration before its hosts are started and stopped.
    """

    def __init__(
        self,
        running: RunningConfig,
        path: Path,
        supervisor: Supervisor,
        environ: Mapping[str, str],
        taken: Callable[[Config], None],
    ) -> None:
        self._running = running
        self._path = path
        self._supervisor = supervisor
        self._environ = environ
        self._taken = taken
        self._turn = trio.Lock()
        self._first = running.config
        self._watch = Watch(path)
        self._watch.follow(referenced(running.config))
        self._files: Fingerprints = fingerprints(referenced(running.config))

    def trigger(self) -> None:
        """Read the file anew now: what SIGHUP asks for."""
        self._watch.trigger()

    async def run(self) -> None:
        """Take over every change. Runs until cancelled."""
        async for _ in self._watch:
            await self.reload()

    async def reload(self) -> Diff | None:
        """Read the file now; None if it is refused, as `RunningConfig.error` says then."""
        async with self._turn:
            return await self._reload()

    async def answer(self) -> ReloadDocument:
        """As `reload`, for the API.

        Raises:
            ReloadRefusedError: The file has mistakes.
        """
        change = await self.reload()
        if change is None:
            raise ReloadRefusedError(self._running.error or "")
        return ReloadDocument(
            started=change.started,
            stopped=change.stopped,
            restarted=change.restarted,
            config=self._running.document(),
        )

    async def _reload(self) -> Diff | None:
        is_blank = await trio.to_thread.run_sync(_is_blank, self._path)
        if is_blank and self._running.config.hosts:
            blank = Problem(key="", found="empty: is it being written, is the disk full?")
            self._running.refuse(f"{self._path} is {blank.found}", (blank,))
            return None
        try:
            new = await trio.to_thread.run_sync(load, self._path, self._environ)
        except ConfigError as error:
            self._running.refuse(str(error), error.problems)
            return None
        files = await trio.to_thread.run_sync(fingerprints, referenced(new))
        change = diff(self._running.config, new, self._files, files)
        log.info(
            "configuration read: hosts started %d, stopped %d, restarted %d",
            len(change.started),
            len(change.stopped),
            len(change.restarted),
        )
        # What needs a restart is measured against what the program began with, not the last file.
        self._running.take(new, diff(self._first, new).message)
        self._files = files
        self._watch.follow(referenced(new))
        self._taken(new)
        self._supervisor.want(new.hosts, restart=frozenset(change.restarted))
        return change


def _is_blank(path: Path) -> bool:
    """Whether nothing is written in a file, which is not how anybody says to leave all hosts."""
    try:
        return not path.read_bytes().strip()
    except OSError:  # whoever reads it next tells why
        return False
