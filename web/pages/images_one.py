"""The page of an image, or of a tag: who has it, who uses it, and what it was before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

import anyio
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from web.history import HistoryUnavailable
from web.history_documents import ImageHistoryDocument
from web.image_documents import ImageDocument
from web.images import is_meant
from web.live.handlers import require_live
from web.pages.declaring import Seen, page_at, stream_at
from web.pages.images_known import gathered, meanings
from web.pages.regions import Region, RegionStream, opening
from web.pages.shell import Viewer, page, render, viewer_of
from web.pages.troubles import beside_banner
from web.paths import segment
from web.problems import Problem
from web.sources import Sources, WebRequest, sources

PATIENCE = 3.0  # seconds that a page waits for the database: what is live is shown anyway
EVERY = 60.0  # seconds until it is asked again
MOST_ROWS = 200


@page_at("/images/{ref:path}")
async def show_image_page(request: WebRequest, ref: FromPath[PurePath]) -> ASGIResponse:
    """An image by tag, digest, id or the beginning of one."""
    drawing = ImageDrawing(sources(request), viewer_of(request), _ref(ref))
    await drawing.refresh()
    if not drawing.is_known():
        detail = "No host has an image with this tag or id, and none is remembered."
        raise Problem("unknown-image", detail)
    regions = drawing.draw()
    return page(
        request,
        "image.html",
        title=drawing.ref,
        regions=regions,
        opening=opening(f"/live/images/{quote(drawing.ref, safe='')}", regions),
    )


@stream_at("/live/images/{ref:path}")
async def stream_image_page(
    request: WebRequest, ref: FromPath[PurePath], seen: Seen = None
) -> ASGIApp:
    """What changes of it."""
    source, viewer = sources(request), viewer_of(request)
    live = require_live(source.live)
    drawing = ImageDrawing(source, viewer, _ref(ref))
    return RegionStream(
        source.streams,
        beside_banner(drawing.draw, source.model.fleet, viewer.zone),
        [live.ledger("containers"), live.ledger("hosts")],
        request.headers.get("last-event-id") or seen,
        drawing.refresh,
    )


def _ref(path: PurePath) -> str:
    return segment(str(path).removeprefix("/"))


class ImageDrawing:
    """Draws it, again and again for a stream.

    Args:
        source: What who looks may see.
        viewer: Who looks.
        ref: What was asked for.
    """

    def __init__(self, source: Sources, viewer: Viewer, ref: str) -> None:
        self.ref = ref
        self._source = source
        self._viewer = viewer
        self._past: ImageHistoryDocument | None = None
        self._note = ""
        self._again = float("-inf")

    async def refresh(self) -> None:
        """Ask what is stored, once a minute."""
        if anyio.current_time() < self._again:
            return
        self._again = anyio.current_time() + EVERY
        if self._source.history is None:
            self._note = "No database is in use, so nothing is known of the past."
            return
        try:
            with anyio.fail_after(PATIENCE):
                self._past = await self._source.history.image_history(None, self.ref)
        except HistoryUnavailable as error:
            self._note = str(error)
        except TimeoutError:
            self._note = f"The database did not answer within {PATIENCE:.0f} s."
        else:
            self._note = ""

    def is_known(self) -> bool:
        """Whether anything is; while the past cannot be asked it may be."""
        past = self._past
        is_away = past is None and self._source.history is not None
        stored = past is not None and bool(past.versions or past.uses)
        return is_away or stored or bool(self._meant())

    def draw(self) -> Sequence[Region]:
        """What hosts have, and what is stored."""
        found = self._meant()
        images = sorted(gathered(found), key=lambda image: (-len(image.holders), image.id))
        now = self._region(
            "now",
            images=images,
            several=meanings(found).get(self.ref, 0),
            hosts=len({one.host for one in found}),
        )
        past = self._region(
            "past",
            versions=() if self._past is None else self._past.versions[:MOST_ROWS],
            uses=() if self._past is None else self._past.uses[:MOST_ROWS],
            more=0 if self._past is None else max(0, len(self._past.uses) - MOST_ROWS),
            note=self._note,
        )
        return [now, past]

    def _meant(self) -> list[ImageDocument]:
        return [image for image in self._source.model.images() if is_meant(image, self.ref)]

    def _region(self, part: str, **context: Any) -> Region:
        html = render(f"images/{part}.html", self._viewer, ref=self.ref, **context)
        # What it shows may hold the mark of where rows go.
        return Region(id=f"image-{part}", html="{rows}", rows={f"image-{part}": html})
