"""Logs: searched page by page, and followed."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from litestar import get
from litestar.openapi import ResponseSpec
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from storage.queries_logs import LogPlace
from web.answers import json_answer
from web.finding import check_host_filter
from web.history import LogFilter, Span
from web.history_documents import LogsDocument
from web.live.filters import live_filter
from web.log_choice import OneContainer
from web.log_cursor import read_cursor, read_reached
from web.log_follower import Following
from web.log_following import following_matching, require_logs
from web.log_stream import LogStream
from web.parameters import (
    Containers,
    Cursor,
    End,
    Follow,
    Hosts,
    Labels,
    Last,
    Levels,
    Limit,
    LogStreams,
    OneDirection,
    Regex,
    Start,
    Tail,
    Text,
)
from web.problems import Problem, bad_parameter
from web.recorded import find_recorded
from web.schema import answers, problems
from web.selection import parse_labels
from web.sources import WebRequest, require_history, sources
from web.times import window

NOTE = (
    "No line was found. Logs are collected of containers with the label fleet.logs=true, or of"
    ' all with logs = "all" in [defaults.monitoring].'
)


@get("/api/logs", responses=answers(LogsDocument, 503))
async def search_logs(
    request: WebRequest,
    host: Hosts = None,
    container: Containers = None,
    label: Labels = None,
    text: Text = None,
    regex: Regex = None,
    level: Levels = None,
    stream: LogStreams = None,
    start: Start = None,
    end: End = None,
    last: Last = None,
    limit: Limit = 100,
    direction: OneDirection = "backward",
    cursor: Cursor = None,
) -> ASGIResponse:
    """Stored lines of any containers, oldest first; the newest of the last hour unless asked."""
    check_host_filter(sources(request).model, host or ())
    wanted = LogFilter(
        hosts=tuple(host or ()),
        containers=tuple(one.removeprefix("/") for one in container or ()),
        labels=parse_labels(label or ()),
        text=text,
        regex=regex,
        levels=tuple(level or ()),
        streams=tuple(stream or ()),
    )
    span = Span(*window(start, end, last, datetime.now(UTC)))
    found = await require_history(request).logs(wanted, span, limit, direction, _place(cursor))
    return json_answer(found)


@get(
    "/api/containers/{host:str}/{ref:str}/logs",
    responses={
        **answers(LogsDocument, 404, 409, 503),
        200: ResponseSpec(
            LogsDocument,
            description="The answer; with `follow=true` server-sent events, each a LogLineDocument",
            generate_examples=False,
        ),
    },
)
async def show_logs(
    request: WebRequest,
    host: FromPath[str],
    ref: FromPath[str],
    text: Text = None,
    regex: Regex = None,
    level: Levels = None,
    stream: LogStreams = None,
    start: Start = None,
    end: End = None,
    last: Last = None,
    limit: Limit = 100,
    direction: OneDirection = "backward",
    cursor: Cursor = None,
    follow: Follow = False,
) -> ASGIApp:
    """Stored lines of one container, removed or not; with `follow`, then those that come."""
    span = Span(*window(start, end, last, datetime.now(UTC)))
    container = await find_recorded(request, ref, host)
    wanted = LogFilter(
        hosts=(container.host,),
        containers=tuple(one.id for one in container.incarnations),
        text=text,
        regex=regex,
        levels=tuple(level or ()),
        streams=tuple(stream or ()),
    )
    history = require_history(request)
    if not follow:
        found = await history.logs(wanted, span, limit, direction, _place(cursor))
        return json_answer(found if found.lines else msgspec.structs.replace(found, note=NOTE))
    given = {"regex": regex, "end": end, "cursor": cursor}
    for name, value in given.items():
        if value is not None:
            raise Problem(
                "bad-parameter",
                f"Query parameter `{name}` does not go together with `follow=true`.",
                parameter=name,
            )
    source = sources(request)
    following = Following(
        choice=OneContainer(container.host, container.id),
        wanted=wanted,
        since=span.start,
        tail=limit,
        after=_resumed(request),
    )
    return LogStream(*require_logs(source), source.streams, following, source.settle)


@get(
    "/api/stream/logs",
    responses={
        200: ResponseSpec(
            bytes,
            description="Server-sent events; `data` is a LogLineDocument, `id` resumes",
            media_type="text/event-stream",
            generate_examples=False,
        ),
        **problems(400, 503),
    },
)
async def stream_logs(
    request: WebRequest,
    host: Hosts = None,
    label: Labels = None,
    container: Containers = None,
    text: Text = None,
    level: Levels = None,
    stream: LogStreams = None,
    start: Start = None,
    tail: Tail = 100,
) -> ASGIApp:
    """The last stored lines of all containers that match, then those that come, also of new ones.

    Up to 100 containers are followed at once.
    """
    source = sources(request)
    following = following_matching(
        source,
        live_filter(host, label, container),
        LogFilter(text=text, levels=tuple(level or ()), streams=tuple(stream or ())),
        since=window(start, None, None, datetime.now(UTC))[0],
        tail=tail,
        after=_resumed(request),
    )
    return LogStream(*require_logs(source), source.streams, following, source.settle)


def _resumed(request: WebRequest) -> LogPlace | None:
    last = request.headers.get("last-event-id")
    place = read_reached(last) if last else None
    if last and place is None:
        raise bad_parameter("cursor", last)
    return place


def _place(cursor: str | None) -> LogPlace | None:
    if cursor is None:
        return None
    place = read_cursor(cursor)
    if place is None:
        raise bad_parameter("cursor", cursor)
    return place
