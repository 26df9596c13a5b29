"""Events: the recent ones from memory and database, and the live stream."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from litestar import get
from litestar.openapi import ResponseSpec
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp
from msgspec.structs import replace

from web.documents import EventDocument, EventsDocument, Page
from web.event_filter import event_filter, event_test
from web.event_stream import EventStream, newest_id
from web.expectations import MAX_PAGE
from web.finding import check_host_filter
from web.history import EventFilter, HistoryUnavailable
from web.parameters import (
    Containers,
    Cursor,
    EventActions,
    EventLabels,
    EventTypes,
    Fields,
    Hosts,
    Limit,
    Since,
    Until,
)
from web.problems import bad_parameter
from web.rest.listings import EVENTS
from web.rest.order import Place
from web.rest.pages import page_answer
from web.schema import answers, problems
from web.sources import Sources, WebRequest, sources
from web.times import YEARS, parse_time

ORDER = EVENTS.order(None)


@get("/api/events", responses=answers(EventsDocument))
async def list_events(
    request: WebRequest,
    host: Hosts = None,
    label: EventLabels = None,
    kinds: EventTypes = None,
    actions: EventActions = None,
    container: Containers = None,
    since: Since = None,
    until: Until = None,
    fields: Fields = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> ASGIResponse:
    """The last events that match, newest last: from memory, and the database for older ones.

    By the times of the Engines; the next page has those before them.
    """
    source = sources(request)
    check_host_filter(source.model, host or ())
    now = datetime.now(UTC)
    ends = [parse_time("until", until, now)] if until else []
    ends += [] if cursor is None else [just_after(cursor)]
    wanted = replace(
        event_filter(host, label, container, kinds, actions),
        since=parse_time("since", since, now) if since else None,
        before=min(ends, default=None),
    )
    page = await read_events(source, wanted, limit, None if cursor is None else ORDER.read(cursor))
    return events_answer(request, page, fields)


def events_answer(
    request: WebRequest, document: EventsDocument, fields: str | None
) -> ASGIResponse:
    """The page, and the way to the one with those before them."""
    found = len(document.events)
    page = Page(total=found, offset=0, limit=found, next=document.next)
    return page_answer(request, document, page, "events", fields)


async def read_events(
    source: Sources, wanted: EventFilter, limit: int, behind: Place | None
) -> EventsDocument:
    """The last events that match, newest last: those before a place, where one is given."""
    held = source.model.recent_events(MAX_PAGE)
    matches = event_test(wanted, source.model.host_labels)
    found = _last([event for event in held if matches(event)], limit, behind)
    recent = _document(found, limit, newest_id(source.model, held))
    if source.history is None or len(found) == limit:
        return recent
    try:
        stored = await source.history.recent_events(wanted, min(limit + len(held), 2 * MAX_PAGE))
    except HistoryUnavailable as error:
        return replace(recent, note=f"Older events are missing: {error}")
    # Clocks differ between Engines: what memory holds already is told by its place.
    known = {ORDER.place(event) for event in held}
    older = [event for event in stored if ORDER.place(event) not in known]
    both = _last([*older, *found], limit, behind)
    return replace(_document(both, limit, recent.last_id), sources=("memory", "database"))


def _last(found: list[EventDocument], limit: int, behind: Place | None) -> list[EventDocument]:
    found.sort(key=ORDER.place)
    if behind is not None:
        found = [event for event in found if ORDER.place(event) < behind]
    return found[-limit:]


def _document(found: list[EventDocument], limit: int, last_id: str) -> EventsDocument:
    more = ORDER.write(found[0]) if len(found) == limit else None
    return EventsDocument(events=tuple(found), last_id=last_id, sources=("memory",), next=more)


def just_after(cursor: str) -> datetime:
    """The first microsecond that is past the cursor's place; some at the place may be left."""
    *_, ties = ORDER.read(cursor)
    if [type(tie) for tie in ties] != [int, str, str, str, str]:
        raise bad_parameter("cursor", cursor)
    try:
        time = datetime.fromtimestamp(ties[0] // 10**9, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise bad_parameter("cursor", cursor) from error
    if time.year not in YEARS:
        raise bad_parameter("cursor", cursor)
    return time + timedelta(microseconds=ties[0] % 10**9 // 1000 + 1)


@get(
    "/api/stream/events",
    responses={
        200: ResponseSpec(
            bytes,
            description="Server-sent events; `data` is an EventDocument, `id` resumes",
            media_type="text/event-stream",
            generate_examples=False,
        ),
        **problems(400, 503),
    },
)
async def stream_events(
    request: WebRequest,
    host: Hosts = None,
    label: EventLabels = None,
    container: Containers = None,
    kinds: EventTypes = None,
    actions: EventActions = None,
) -> ASGIApp:
    """Events as they happen, resumed after `Last-Event-ID` where memory still holds them."""
    source = sources(request)
    check_host_filter(source.model, host or ())
    wanted = event_filter(host, label, container, kinds, actions)
    return EventStream(
        source.model,
        source.streams,
        event_test(wanted, source.model.host_labels),
        request.headers.get("last-event-id"),
    )
