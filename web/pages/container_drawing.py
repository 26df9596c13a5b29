"""Draws the live regions of the page of one container."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from web.documents import ContainerDocument, EventDocument, HostDocument
from web.pages.container_past import Meant, Reader
from web.pages.container_view import Happened, RoutesSeen, happened, ports, since
from web.pages.container_words import exit_words, last_end, troubles
from web.pages.drawn import Drawn
from web.pages.logs import shown
from web.pages.regions import Region
from web.pages.shell import Viewer, render
from web.sources import Sources

HELD = 2_000  # events of memory that are looked through
_PARTS = (
    "head",
    "trouble",
    "now",
    "facts",
    "log",
    "health",
    "routes",
    "network",
    "environment",
    "labels",
    "events",
    "uptime",
)


class ContainerDrawing:
    """Draws them for one viewer; what tells the same as before is not rendered again.

    Args:
        source: For who looks.
        viewer: Who looks.
        reader: Reads its past.
    """

    def __init__(self, source: Sources, viewer: Viewer, reader: Reader) -> None:
        self._source = source
        self._viewer = viewer
        self._reader = reader
        self._routes = RoutesSeen(source.routing)
        self._drawn = Drawn(len(_PARTS))
        self._held: tuple[int, Sequence[EventDocument]] = (-1, ())

    @property
    def meant(self) -> Meant:
        """Which container it is."""
        return self._reader.meant

    @property
    def container(self) -> ContainerDocument | None:
        """As it is now; None for one that was removed."""
        return self.meant.live(self._source)

    @property
    def name(self) -> str:
        """As it is called, or was at last."""
        container, recorded = self.container, self.meant.recorded
        if container is not None:
            return container.name
        return self.meant.ref if recorded is None else recorded.name

    async def refresh(self) -> None:
        """Read what is old by now."""
        await self._reader.refresh()

    def draw(self) -> Sequence[Region]:
        """All regions as of now."""
        container = self.container
        host = self._source.model.host(self.meant.host)
        events = happened(self._reader.past.events, self._just(), self.meant)
        shared = self._shared(container, host)
        told = {part: shared | self._of(part, container, events) for part in _PARTS}
        return [self._region(part, context) for part, context in told.items()]

    def _just(self) -> Sequence[EventDocument]:
        """What memory holds of its host's containers, looked through when something happened."""
        model = self._source.model
        if model.newest_event() != self._held[0]:
            number, host = model.newest_event(), self.meant.host
            held = [e for e in model.recent_events(HELD) if (e.type, e.host) == ("container", host)]
            self._held = (number, held)
        return self._held[1]

    def _region(self, part: str, context: dict[str, Any]) -> Region:
        html = self._drawn.row(
            part,
            tuple(context.values()),
            lambda: render(f"partials/container_{part}.html", self._viewer, **context),
        )
        # What it shows may hold the mark of where rows go.
        return Region(id=f"container-{part}", html="{rows}", rows={f"container-{part}": html})

    def _shared(
        self, container: ContainerDocument | None, host: HostDocument | None
    ) -> dict[str, Any]:
        """What every part may tell of: what hardly ever changes."""
        return {
            "container": None if container is None else replace(container, stats=None),
            "meant": self.meant,
            "called": self.name,
            "note": self._reader.past.note,
            "host_status": "not configured" if host is None else host.status,
        }

    def _of(
        self, part: str, container: ContainerDocument | None, events: Sequence[Happened]
    ) -> dict[str, Any]:
        """What one part tells of besides."""
        past = self._reader.past
        match part:
            case "head":
                return {"since": None if container is None else since(container)}
            case "trouble":
                return self._trouble(container, events)
            case "now":
                codes = [run.exit_code for run in past.runs if run.ended]
                return {
                    "stats": None if container is None else container.stats,
                    "last_code": codes[0] if codes else None,
                }
            case "log":
                return {"lines": [shown(line) for line in past.lines]}
            case "routes":
                return {"routed": None if container is None else self._routes.of(container)}
            case "network":
                address = self._routes.address(self.meant.host)
                return {"ports": [] if container is None else ports(container.ports, address)}
            case "events":
                return {"events": events}
            case "uptime":
                return {"uptimes": past.uptimes, "runs": past.runs, "exit_words": exit_words}
            case _:
                return {}

    def _trouble(
        self, container: ContainerDocument | None, events: Sequence[Happened]
    ) -> dict[str, Any]:
        past = self._reader.past
        words = [shown(line) for line in past.last_words]
        if container is None:
            return {"troubles": last_end(past.runs), "words": words}
        just = [each.event for each in events]
        return {"troubles": troubles(container, past.runs, just, datetime.now(UTC)), "words": words}
