"""Our own documents: waited for if asked, and not sent again to who has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from hashlib import blake2b
from typing import TypeVar

import msgspec
import trio
from litestar.response.base import ASGIResponse

from web.documents import Document, Page
from web.expectations import MAX_WAIT
from web.problems import Problem, bad_parameter
from web.routing import Routing
from web.sources import WebRequest, require_routing, sources
from web.times import parse_duration

T = TypeVar("T")

_encoder = msgspec.json.Encoder()


async def wait_revision(request: WebRequest, wait: str | None, revision: int | None) -> Routing:
    """The table of routes: at once, or when it has another revision than the client's.

    Who waits takes one of the places of live streams; at the end of the program all waits end.

    Raises:
        Problem: What is to be waited for is not said properly (400), all places are taken, or no
            table is kept (503).
    """
    routing = require_routing(request)
    if wait is None and revision is None:
        return routing
    if wait is None or revision is None:
        missing = "revision" if revision is None else "wait"
        raise Problem(
            "bad-parameter", "`wait` and `revision` go together; give both.", parameter=missing
        )
    span = parse_duration(wait)
    if span is None or not timedelta(0) < span <= timedelta(seconds=MAX_WAIT):
        raise bad_parameter("wait", wait)
    if routing.table().revision == revision:
        with sources(request).streams.place(), trio.move_on_after(span.total_seconds()):
            await routing.changed(revision)
    return routing


def tagged_answer(request: WebRequest, document: Document) -> ASGIResponse:
    """The document, or a 304 for who has it: equal ones have equal tags, also over restarts."""
    body = _encoder.encode(document)
    tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"etag": tag, "cache-control": "private, no-cache"}
    if _has(request.headers.get("if-none-match", ""), tag):
        return ASGIResponse(status_code=304, headers=headers)
    return ASGIResponse(body=body, media_type="application/json", headers=headers)


def _has(header: str, tag: str) -> bool:
    held = [one.strip().removeprefix("W/") for one in header.split(",")]
    return tag in held or held == ["*"]


def page_of(
    found: Sequence[T], test: Callable[[T], bool], offset: int, limit: int
) -> tuple[Sequence[T], Page]:
    """One page of those that pass, and how it was cut."""
    passed = [one for one in found if test(one)]
    page = Page(total=len(passed), offset=offset, limit=limit)
    return passed[offset : offset + limit], page
