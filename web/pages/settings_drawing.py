"""The live regions of the settings: the configuration, the storage, and fleet itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import anyio

from web.config_documents import EffectiveConfigDocument, SectionDocument, SettingDocument
from web.history import HistoryUnavailable
from web.holdings_documents import HoldingsDocument
from web.pages.regions import Region
from web.pages.settings_figures import Figures
from web.pages.settings_words import shown, waiting
from web.pages.shell import Viewer, render
from web.sources import Sources

PATIENCE = 3.0  # seconds that a page waits for the database; its stream waits longer
TABLES = ("written", "spooled", "lost")
NO_DATABASE = "No database is in use, so nothing is stored."
TOO_SLOW = "The database is being looked at; this is shown once it told."


class SettingsDrawing:
    """Draws the regions of one section of the settings.

    Args:
        source: As far as who looks sees it.
        viewer: Who looks.
        section: Which one.
        find: Of the configuration: only keys with this in them.
        which: Of the configuration: `all` keys, those `written` in the file, or those that `wait`.
    """

    def __init__(
        self, source: Sources, viewer: Viewer, section: str, find: str = "", which: str = "all"
    ) -> None:
        self._source = source
        self._viewer = viewer
        self._find = find.strip().lower()
        self._which = which
        self._section = section
        self._found: HoldingsDocument | None = None
        self._trouble = ""
        drawers: Mapping[str, Callable[[], Sequence[Region]]] = {
            "config": self._config,
            "storage": self._storage,
            "fleet": self._fleet,
        }
        self._draw = drawers[section]

    def __call__(self) -> Sequence[Region]:
        """All regions, as of now."""
        return self._draw()

    async def look(self) -> None:
        """What is to be waited for: the database, of the storage alone."""
        if self._section == "storage":
            self._trouble = await self._look()

    async def look_briefly(self) -> None:
        """The same, for who waits for the page."""
        with anyio.move_on_after(PATIENCE) as waiting_for_it:
            await self.look()
        if waiting_for_it.cancelled_caught:
            self._trouble = TOO_SLOW

    async def _look(self) -> str:
        holdings = self._source.holdings
        if holdings is None:
            return NO_DATABASE
        self._found = holdings.newest
        try:
            self._found = await holdings.look()
        except HistoryUnavailable as error:
            return str(error)
        return ""

    def _region(self, name: str, **context: object) -> Region:
        return Region(
            id=f"settings-{name}", html=render(f"settings/{name}.html", self._viewer, **context)
        )

    def _config(self) -> Sequence[Region]:
        configured = self._source.configured
        found = None if configured is None else configured()
        state = self._region(
            "state",
            found=found,
            fleet=self._source.model.fleet(),
            may=self._viewer.may("operator"),
            can=self._source.reload is not None,
        )
        if found is None:
            return [state]
        keys = self._region(
            "keys",
            sections=[*filter(None, map(self._chosen, found.sections))],
            routes=[*filter(None, map(self._chosen, found.routes))],
            total=_total(found),
            shown=shown,
            waiting=waiting,
        )
        return [state, keys, self._region("hosts", hosts=found.hosts, shown=shown)]

    def _chosen(self, section: SectionDocument) -> SectionDocument | None:
        found = tuple(each for each in section.settings if self._is_chosen(section.name, each))
        return SectionDocument(name=section.name, settings=found) if found else None

    def _is_chosen(self, section: str, setting: SettingDocument) -> bool:
        if self._which == "written" and setting.is_default:
            return False
        if self._which == "waiting" and not setting.waits:
            return False
        return self._find in f"{section}.{setting.key}".lower()

    def _storage(self) -> Sequence[Region]:
        figures = Figures(self._source.exposition.own())
        rows = {word: figures.by(f"fleet_storage_rows_{word}", "table") for word in TABLES} | {
            "queued": figures.by("fleet_storage_queued_rows", "table")
        }
        names = sorted({name for found in rows.values() for name, many in found.items() if many})
        return [
            self._region(
                "recorder",
                storage=self._source.model.fleet().storage,
                figures=figures,
                rows=rows,
                names=names,
            ),
            self._region("tables", found=self._found, trouble=self._trouble),
        ]

    def _fleet(self) -> Sequence[Region]:
        return [
            self._region(
                "program",
                fleet=self._source.model.fleet(),
                figures=Figures(self._source.exposition.own()),
                lines_dropped=sum(host.log_lines_dropped for host in self._source.model.hosts()),
            )
        ]


def _total(found: EffectiveConfigDocument) -> int:
    return sum(len(section.settings) for section in found.sections)
