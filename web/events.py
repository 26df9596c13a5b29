"""Events: the recent ones from memory and database, and the live stream."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from litestar import get
from litestar.openapi import ResponseSpec
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from web.answers import json_answer
from web.documents import EventDocument, EventsDocument
from web.event_stream import EventStream, newest_id
from web.expectations import MAX_PAGE
from web.finding import check_host_filter
from web.history import EventFilter, History, HistoryUnavailable
from web.parameters import Container, EventAction, EventType, Limit, OneHost, Since
from web.schema import answers
from web.selection import event_matches
from web.sources import WebRequest, sources
from web.times import parse_time


@get("/api/events", responses=answers(EventsDocument))
async def list_events(
    request: WebRequest,
    host: OneHost = None,
    kind: EventType = None,
    action: EventAction = None,
    container: Container = None,
    since: Since = None,
    limit: Limit = 100,
) -> ASGIResponse:
    """The last events that match, newest last: from memory, and the database for older ones."""
    source = sources(request)
    check_host_filter(source.model, [host] if host else ())
    wanted = EventFilter(
        host=host,
        type=kind,
        action=action,
        container=container,
        since=parse_time("since", since, datetime.now(UTC)) if since else None,
    )
    held = source.model.recent_events(MAX_PAGE)
    last_id = newest_id(source.model, held)
    found = [event for event in held if event_matches(event, wanted)][-limit:]
    recent = EventsDocument(events=tuple(found), last_id=last_id, sources=("memory",))
    if source.history is None or len(found) == limit:
        return json_answer(recent)
    try:
        older = await _older(source.history, wanted, held, limit - len(found))
    except HistoryUnavailable as error:
        note = f"Older events are missing: {error}"
        return json_answer(msgspec.structs.replace(recent, note=note))
    return json_answer(
        EventsDocument(events=(*older, *found), last_id=last_id, sources=("memory", "database"))
    )


async def _older(
    history: History, wanted: EventFilter, held: Sequence[EventDocument], missing: int
) -> Sequence[EventDocument]:
    """Stored events from before those in memory.

    Clocks differ between Engines, so "before" is judged with each event's own key: what memory
    holds already is left out.
    """
    keys = {_key(event) for event in held}
    stored = await history.recent_events(wanted, min(missing + len(held), 2 * MAX_PAGE))
    return [event for event in stored if _key(event) not in keys][-missing:]


def _key(event: EventDocument) -> tuple[str, int, str, str, str]:
    return (event.host, event.time_nano, event.type, event.action, event.actor_id)


@get(
    "/api/stream/events",
    responses={
        200: ResponseSpec(
            bytes,
            description="Server-sent events; `data` is an EventDocument, `id` resumes",
            media_type="text/event-stream",
            generate_examples=False,
        )
    },
)
async def stream_events(
    request: WebRequest,
    host: OneHost = None,
    kind: EventType = None,
    action: EventAction = None,
    container: Container = None,
) -> ASGIApp:
    """Events as they happen, resumed after `Last-Event-ID` where memory still holds them."""
    source = sources(request)
    check_host_filter(source.model, [host] if host else ())
    wanted = EventFilter(host=host, type=kind, action=action, container=container)
    return EventStream(
        source.model,
        source.streams,
        lambda event: wanted == _ANY or event_matches(event, wanted),
        request.headers.get("last-event-id"),
    )


_ANY = EventFilter()
