"""The page of one domain: why it answers as it does."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import anyio
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from labels.model import Route
from labels.render.formats import FORMATS
from labels.routing.words import listed
from web.pages.declaring import Seen, page_at, stream_at
from web.pages.regions import Region, RegionStream, opening
from web.pages.routes_explained import explain_domain
from web.pages.routes_past import PastChanges
from web.pages.routes_words import (
    STATUS_TONES,
    WORDS,
    change_tone,
    container_of,
    outside,
    settings_words,
    standing_tone,
)
from web.pages.shell import Viewer, page, render, viewer_of
from web.pages.troubles import beside_banner
from web.pages.turning import RouteTurns
from web.revp.domains import unknown_domain
from web.revp.explaining import Explained, address, issues_of, why_none
from web.revp.selecting import canonical_domain
from web.routing import Routing
from web.sources import Sources, WebRequest, require_routing, sources

MOST_CHANGES = 100
LOOKED = 30.0  # seconds until all containers are looked at again, for labels that only speak of it


@page_at("/routes/{domain:str}")
async def show_domain_page(request: WebRequest, domain: FromPath[str]) -> ASGIResponse:
    """All that is known of a domain; also of one that is gone, or only spoken of."""
    drawing = _drawing(request, domain)
    await drawing.refresh()
    found = drawing.explain()
    if not (found.known or found.covered or found.speaking or found.changes):
        raise unknown_domain(found.domain, require_routing(request).table())
    regions = drawing.draw()
    return page(
        request,
        "routes_domain.html",
        title=found.domain,
        regions=regions,
        opening=opening(f"/live/routes/{quote(found.domain, safe='')}", regions),
        formats=[(made.name, made.path, made.description) for made in FORMATS.values()],
        domain=found.domain,
    )


@stream_at("/live/routes/{domain:str}")
async def stream_domain_page(
    request: WebRequest, domain: FromPath[str], seen: Seen = None
) -> ASGIApp:
    """What changes of it."""
    source, viewer = sources(request), viewer_of(request)
    drawing = _drawing(request, domain)
    return RegionStream(
        source.streams,
        beside_banner(drawing.draw, source.model.fleet, viewer.zone),
        [RouteTurns(require_routing(request))],
        request.headers.get("last-event-id") or seen,
        drawing.refresh,
    )


def _drawing(request: WebRequest, domain: str) -> DomainDrawing:
    routing = require_routing(request)
    return DomainDrawing(sources(request), routing, viewer_of(request), canonical_domain(domain))


class DomainDrawing:
    """Draws it, again and again for a stream.

    Args:
        source: What who looks may see.
        routing: The routes that they see.
        viewer: Who looks.
        domain: As the table writes it.
    """

    def __init__(self, source: Sources, routing: Routing, viewer: Viewer, domain: str) -> None:
        self._routing = routing
        self._viewer = viewer
        self._domain = domain
        self._past = PastChanges(source, domain)
        self.refresh = self._past.refresh
        self._known: tuple[object, Explained] | None = None
        self._known_until = float("-inf")

    def explain(self) -> Explained:
        """All that is known of it now; all containers are looked at only where it may differ."""
        told, now = self._told(), anyio.current_time()
        if self._known is None or self._known[0] != told or now >= self._known_until:
            found = explain_domain(self._routing, self._domain, self._past.newest()[::-1])
            self._known, self._known_until = (told, found), now + LOOKED
        return self._known[1]

    def _told(self) -> object:
        """What of the table tells of the domain."""
        table = self._routing.table()
        names = (self._domain, f"*.{self._domain.partition('.')[2]}")
        lists = (table.routes, table.waiting, table.conflicts)
        own = tuple(one for items in lists for one in items if one.domain in names)
        return own, table.issues, table.missing, table.complete, self._past.newest()

    def draw(self) -> Sequence[Region]:
        """One region: it is short, and all of it hangs together."""
        found, changes = self.explain(), self._past.newest()
        table, serving = self._routing.table(), found.serving
        routes = [one for one in table.routes if serving and one.domain == serving.domain]
        html = render(
            "routes/domain.html",
            self._viewer,
            found=found,
            serving=serving,
            why=why_none(found),
            routes=[_shown(route) for route in routes],
            waiting=[one for one in table.waiting if one.domain == self._domain],
            conflicts=[one for one in table.conflicts if one.domain == self._domain],
            issues=issues_of(found),
            changes=changes[:MOST_CHANGES],
            more=len(changes) - MOST_CHANGES,
            note=self._past.note,
            address=address,
            container_of=container_of,
            standing_tone=standing_tone,
            change_tone=change_tone,
            listed=listed,
            **WORDS,
        )
        return [Region(id="domain", html="{rows}", rows={"domain": html})]


def _shown(route: Route) -> tuple[Route, str, str | None, list[str]]:
    """A route, its tone, where it is outside, and its settings in short."""
    settings = settings_words(route.settings, len(route.members))
    return route, STATUS_TONES[route.status], outside(route), settings
