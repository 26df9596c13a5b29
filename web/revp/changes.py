"""Changes of routes: the recent ones from memory and database, and the live stream."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from litestar import get
from litestar.openapi import ResponseSpec
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from labels.model import Change
from web.answers import json_answer
from web.expectations import MAX_PAGE
from web.finding import check_host_filter
from web.history import History, HistoryUnavailable, RouteChangeFilter
from web.parameters import Limit, OneDomain, OneHost, Revision, Since, Wait
from web.revp.answering import wait_revision
from web.revp.change_stream import ChangeStream
from web.revp.describing import describe_change
from web.revp.selecting import canonical_domain
from web.route_documents import RouteChangesDocument
from web.schema import answers, problems
from web.sources import WebRequest, require_routing, sources
from web.times import parse_time


@get("/api/revp/changes", responses=answers(RouteChangesDocument, 503))
async def list_changes(
    request: WebRequest,
    host: OneHost = None,
    domain: OneDomain = None,
    since: Since = None,
    limit: Limit = 100,
    wait: Wait = None,
    revision: Revision = None,
) -> ASGIResponse:
    """The last changes that match, newest last: from memory, and the database for older ones.

    Of a host are the changes that happened because of it, and those of pools with members on it.
    """
    source = sources(request)
    wanted = RouteChangeFilter(
        host=_host(request, host),
        domain=canonical_domain(domain) if domain else None,
        since=parse_time("since", since, datetime.now(UTC)) if since else None,
    )
    routing = await wait_revision(request, wait, revision)
    now = routing.table().revision
    held = routing.recent_changes(MAX_PAGE)
    found = [change for change in held if change_matches(change, wanted)][-limit:]
    if source.history is None or len(found) == limit:
        return json_answer(_document(now, found))
    try:
        older = await _older(source.history, wanted, held, limit - len(found))
    except HistoryUnavailable as error:
        return json_answer(_document(now, found, note=str(error)))
    return json_answer(_document(now, [*older, *found], "database"))


def _host(request: WebRequest, host: str | None) -> str | None:
    check_host_filter(sources(request).model, [host] if host else ())
    return host or None


async def _older(
    history: History, wanted: RouteChangeFilter, held: Sequence[Change], missing: int
) -> list[Change]:
    """Stored changes that memory does not hold, oldest first."""
    keys = {change_key(change) for change in held}
    stored = await history.route_changes(wanted, min(missing + len(held), 2 * MAX_PAGE))
    new = [change for change in stored if change_key(change) not in keys]
    return new[:missing][::-1]


def change_key(change: Change) -> tuple[datetime, int, str, str]:
    """What no two changes have in common."""
    return (change.time, change.revision, change.domain, change.path)


def _document(
    revision: int, changes: Sequence[Change], *more: Literal["database"], note: str | None = None
) -> RouteChangesDocument:
    return RouteChangesDocument(
        revision=revision,
        changes=tuple(map(describe_change, changes)),
        sources=("memory", *more),
        note=note and f"Older changes are missing: {note}",
    )


def change_matches(change: Change, wanted: RouteChangeFilter) -> bool:
    """Whether a change is wanted."""
    return (
        (wanted.domain is None or change.domain == wanted.domain)
        and (wanted.host is None or _concerns(change, wanted.host))
        and (wanted.hosts is None or any(_concerns(change, host) for host in wanted.hosts))
        and (wanted.since is None or change.time >= wanted.since)
        and (wanted.before is None or change.time < wanted.before)
    )


def _concerns(change: Change, host: str) -> bool:
    members = (*change.before, *change.after)
    return change.cause.host == host or any(name.startswith(f"{host}/") for name in members)


@get(
    "/api/revp/stream",
    responses={
        200: ResponseSpec(
            bytes,
            description="Server-sent events; `data` is a RouteChangeDocument, `id` resumes",
            media_type="text/event-stream",
            generate_examples=False,
        ),
        **problems(400, 503),
    },
)
async def stream_changes(
    request: WebRequest, host: OneHost = None, domain: OneDomain = None
) -> ASGIApp:
    """Changes as they happen, resumed after `Last-Event-ID` where memory still holds them."""
    wanted = RouteChangeFilter(
        host=_host(request, host), domain=canonical_domain(domain) if domain else None
    )
    return ChangeStream(
        require_routing(request),
        sources(request).streams,
        lambda change: change_matches(change, wanted),
        request.headers.get("last-event-id"),
    )
