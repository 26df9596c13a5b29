"""The page of images: what is on the hosts, who uses it, and what could go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from web.finding import check_host_filter
from web.live.handlers import require_live
from web.pages import images_asked as asking
from web.pages.declaring import Seen, page_at, stream_at
from web.pages.fleet_rows import today
from web.pages.images_asked import Asked
from web.pages.images_known import BY, Image, gathered, meanings
from web.pages.regions import Region, RegionStream, opening
from web.pages.shell import Viewer, page, render, viewer_of
from web.pages.troubles import beside_banner
from web.pages.wording import element_id
from web.rest.pages import Cut, cut_page
from web.sources import Sources, WebRequest, sources

ROWS = 200
MOST = 6  # hosts, users and tags of a row; the page of the image has all


@page_at("/images")
async def show_images_page(
    request: WebRequest,
    hosts: asking.Hosts = None,
    name: asking.Name = "",
    unused: asking.Unused = False,
    dangling: asking.Dangling = False,
    differing: asking.Differing = False,
    sort: asking.Sort = "",
    cursor: asking.Cursor = "",
) -> ASGIResponse:
    """All images, or those that are asked for."""
    asked = _asked(request, hosts, name, (unused, dangling, differing), sort, cursor)
    source = sources(request)
    regions = ImagesDrawing(source, viewer_of(request), asked).draw()
    return page(
        request,
        "images.html",
        title="Images",
        asked=asked,
        regions=regions,
        opening=opening(f"/live/images{asked.query()}", regions),
        hosts=sorted(source.model.host_labels()),
    )


@stream_at("/live/images")
async def stream_images_page(
    request: WebRequest,
    hosts: asking.Hosts = None,
    name: asking.Name = "",
    unused: asking.Unused = False,
    dangling: asking.Dangling = False,
    differing: asking.Differing = False,
    sort: asking.Sort = "",
    cursor: asking.Cursor = "",
    seen: Seen = None,
) -> ASGIApp:
    """What changes of them."""
    asked = _asked(request, hosts, name, (unused, dangling, differing), sort, cursor)
    source, viewer = sources(request), viewer_of(request)
    live = require_live(source.live)
    drawing = ImagesDrawing(source, viewer, asked)
    drawing.draw()  # a cursor that is none is refused before the stream begins
    return RegionStream(
        source.streams,
        beside_banner(drawing.draw, source.model.fleet, viewer.zone),
        [live.ledger("containers"), live.ledger("hosts")],
        request.headers.get("last-event-id") or seen,
    )


def _asked(
    request: WebRequest,
    hosts: Sequence[str] | None,
    name: str,
    flags: tuple[bool, bool, bool],
    sort: str,
    cursor: str,
) -> Asked:
    named = tuple(host for host in hosts or () if host)
    check_host_filter(sources(request).model, named)
    unused, dangling, differing = flags
    return Asked(
        hosts=named,
        name=name,
        unused=unused,
        dangling=dangling,
        differing=differing,
        sort=sort,
        cursor=cursor,
    )


class ImagesDrawing:
    """Draws the list, again and again for a stream.

    Args:
        source: What who looks may see.
        viewer: Who looks.
        asked: What they asked for.
    """

    def __init__(self, source: Sources, viewer: Viewer, asked: Asked) -> None:
        self._source = source
        self._viewer = viewer
        self._asked = asked
        self._order = BY.order(asked.sort or None)

    def draw(self) -> Sequence[Region]:
        """The sums, and the table."""
        asked, found = self._asked, self._source.model.images()
        several, known = meanings(found), gathered(found)
        on_hosts = [one for one in found if not asked.hosts or one.host in asked.hosts]
        spare = [one for one in on_hosts if not one.containers]
        sums = render(
            "images/sums.html",
            self._viewer,
            asked=asked,
            images=len({one.id for one in on_hosts}),
            hosts=len({one.host for one in on_hosts}),
            size=sum(one.size for one in on_hosts),
            unused=len(spare),
            unused_size=sum(one.size for one in spare),
            dangling=sum(not one.tags for one in on_hosts),
            differing=len(several),
        )
        matching = asked.matching(known, frozenset(several))
        items, cut = cut_page(matching, self._order, Cut(ROWS, cursor=asked.cursor or None))
        frame = render(
            "images/table.html",
            self._viewer,
            asked=asked,
            page=cut,
            shown=len(items),
            known=len(known),
            hosts=len(self._source.model.host_labels()),
        )
        rows = dict(self._row(image, several) for image in items)
        return [Region(id="image-sums", html=sums), Region(id="images", html=frame, rows=rows)]

    def _row(self, image: Image, several: Mapping[str, int]) -> tuple[str, str]:
        ident = element_id("image", image.id)
        marked = {tag: several[tag] for tag in image.tags if tag in several}
        html = self._source.drawn.row(
            ("image", image.id, str(self._viewer.zone)),
            (image, marked, today(self._viewer)),
            lambda: render(
                "images/row.html", self._viewer, ident=ident, one=image, several=marked, most=MOST
            ),
        )
        return ident, html
