"""Our own documents: waited for if asked, and cut into pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

import anyio

from web.documents import Page
from web.expectations import MAX_WAIT
from web.problems import Problem, bad_parameter
from web.rest.order import Listing
from web.rest.pages import Cut, cut_page
from web.routing import Routing
from web.sources import WebRequest, require_routing, sources
from web.times import parse_duration

T = TypeVar("T")


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
        with sources(request).streams.place(), anyio.move_on_after(span.total_seconds()):
            await routing.changed(revision)
    return routing


def page_of(
    found: Sequence[T], test: Callable[[T], bool], listing: Listing[T], cut: Cut
) -> tuple[Sequence[T], Page]:
    """One page of those that pass, and how it was cut."""
    return cut_page([one for one in found if test(one)], listing.order(None), cut)
