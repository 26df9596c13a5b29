"""Images: those that hosts have, and what a tag meant when and who used it."""

from __future__ import annotations

import re

from litestar import get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from web.answers import json_answer
from web.documents import (
    Page,
)
from web.finding import check_host_filter
from web.history_documents import ImageHistoryDocument
from web.image_documents import (
    ImageDocument,
    ImagesDocument,
)
from web.parameters import Cursor, Fields, Hosts, ImageName, Limit, Offset, OneHost
from web.paths import segment
from web.problems import Problem
from web.rest.answering import KEPT
from web.rest.listings import IMAGES, ImageSort
from web.rest.pages import Cut, cut_page, page_answer
from web.schema import answers
from web.sources import WebRequest, require_history, sources

_ID = re.compile(r"(?:sha256:)?([0-9a-f]{4,64})")


@get("/api/images", responses=answers(ImagesDocument), opt={KEPT: "live"})
async def list_images(
    request: WebRequest,
    host: Hosts = None,
    name: ImageName = None,
    sort: ImageSort = None,
    fields: Fields = None,
    limit: Limit = 100,
    offset: Offset = 0,
    cursor: Cursor = None,
) -> ASGIResponse:
    """The images that hosts have, page by page, by host and tag unless asked otherwise."""
    model = sources(request).model
    check_host_filter(model, host or ())
    found = [
        image
        for image in model.images(host[0] if host and len(host) == 1 else None)
        if (not host or image.host in host)
        and (name is None or any(name in tag for tag in image.tags))
    ]
    items, page = cut_page(found, IMAGES.order(sort), Cut(limit, offset, cursor))
    document = ImagesDocument(images=tuple(items), page=page)
    return page_answer(request, document, page, "images", fields)


@get("/api/images/{ref:str}", responses=answers(ImagesDocument, 404), opt={KEPT: "live"})
async def show_image(request: WebRequest, ref: FromPath[str], host: OneHost = None) -> ASGIResponse:
    """An image on each host that has it, by its id, the beginning of it, a tag or a digest."""
    model = sources(request).model
    check_host_filter(model, [host] if host else ())
    wanted = segment(ref)
    found = [image for image in model.images(host) if is_meant(image, wanted)]
    if not found:
        raise Problem(
            "unknown-image",
            f"No host has an image with the tag or id {wanted!r}. /api/images lists all.",
        )
    page = Page(total=len(found), offset=0, limit=len(found))
    return json_answer(ImagesDocument(images=tuple(found), page=page))


@get("/api/images/{ref:str}/history", responses=answers(ImageHistoryDocument, 404, 503))
async def show_image_history(
    request: WebRequest, ref: FromPath[str], host: OneHost = None
) -> ASGIResponse:
    """What a tag meant on each host and when, or when an id was meant; newest first."""
    model = sources(request).model
    check_host_filter(model, [host] if host else ())
    wanted = segment(ref)
    history = await require_history(request).image_history(host, wanted)
    known = history.versions or history.uses
    if not known and not any(is_meant(image, wanted) for image in model.images(host)):
        raise Problem(
            "unknown-image", f"Nothing is known of an image with the tag or id {wanted!r}."
        )
    return json_answer(history)


def is_meant(image: ImageDocument, wanted: str) -> bool:
    """Whether an image is meant by an id, the beginning of one, a tag or a digest."""
    match = _ID.fullmatch(wanted)
    by_id = match is not None and image.id.startswith(f"sha256:{match[1]}")
    return by_id or wanted in image.tags or wanted in image.digests
