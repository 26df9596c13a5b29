"""The page of logs: the newest lines of all that match, or those around a moment, and then live."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from litestar.params import QueryParameter
from litestar.response.base import ASGIResponse
from markupsafe import Markup, escape

from storage.queries_logs import LogPlace
from web.finding import check_host_filter
from web.history import History, HistoryRefused, HistoryUnavailable, Span
from web.history_documents import LogLineDocument, LogsDocument
from web.log_cursor import place_of, read_cursor, write_cursor
from web.pages.declaring import page_at
from web.pages.logs_asked import PAGE_LINES, SPANS, USUAL, LogsAsked, mark_of, read_mark
from web.pages.logs_picker import PROJECT, picker
from web.pages.shell import page, viewer_of
from web.parameters import Containers, Follow, Hosts, Labels, Last, Levels, LogStreams
from web.problems import bad_parameter
from web.sources import WebRequest, sources

# A form's fields that nobody filled in come as empty texts, which the API refuses.
_Text = Annotated[str | None, QueryParameter(name="text", max_length=1000)]
_Regex = Annotated[str | None, QueryParameter(name="regex", max_length=500)]
_Start = Annotated[str | None, QueryParameter(name="start", max_length=100)]
_End = Annotated[str | None, QueryParameter(name="end", max_length=100)]
_At = Annotated[str | None, QueryParameter(name="at", max_length=100)]
_Before = Annotated[str | None, QueryParameter(name="before", max_length=500)]
_Pick = Annotated[str | None, QueryParameter(name="pick", max_length=100)]
_LEVELS = ("debug", "info", "warning", "error", "critical")
# As `frontend/src/logs_ansi.ts` has it.
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]?|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]+[0-~]?|[@-Z\\-_]?)"
    r"|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]"
)


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A line as the page shows it; `raw` is the whole one where it has escapes for terminals."""

    line: LogLineDocument
    mark: str
    text: str
    raw: Markup | None


@page_at("/logs")
async def show_logs_page(
    request: WebRequest,
    host: Hosts = None,
    container: Containers = None,
    label: Labels = None,
    level: Levels = None,
    stream: LogStreams = None,
    text: _Text = None,
    regex: _Regex = None,
    last: Last = None,
    start: _Start = None,
    end: _End = None,
    at: _At = None,
    before: _Before = None,
    pick: _Pick = None,
    follow: Follow = True,
) -> ASGIResponse:
    """The newest lines of the last day unless asked for others."""
    asked = LogsAsked(
        hosts=tuple(host or ()),
        containers=tuple(one.removeprefix("/") for one in container or ()),
        labels=tuple(label or ()),
        levels=tuple(level or ()),
        streams=tuple(stream or ()),
        text=text or None,
        regex=regex or None,
        last=last,
        start=start or None,
        end=end or None,
        at=read_mark(at) if at else None,
        before=before or None,
        follow=follow,
    )
    source, viewer = sources(request), viewer_of(request)
    check_host_filter(source.model, asked.hosts)
    span = asked.span(datetime.now(UTC), viewer.zone)
    found, notice = await _found(source.history, asked, span)
    known = source.model.containers()
    among = [one for one in known if not asked.hosts or one.host in asked.hosts]
    return page(
        request,
        "logs.html",
        title="Logs",
        asked=asked,
        span=span,
        picked=picker(among, asked, pick or ""),
        pick=pick or "",
        lines=[shown(line) for line in found.lines],
        several=len({(line.host, line.name) for line in found.lines}) != 1,
        older=found.older,
        resume=write_cursor(place_of(found.lines[-1])) if found.lines else "",
        notice=notice,
        levels=_LEVELS,
        spans=SPANS,
        last=asked.last or USUAL,
        project_label=PROJECT,
        wrap=viewer.choice("logwrap", ("auto", "on", "off")),
        dense=viewer.choice("logdense", ("off", "on")) == "on",
    )


async def _found(
    history: History | None, asked: LogsAsked, span: Span
) -> tuple[LogsDocument, str | None]:
    """The lines, and why there are none where they cannot be read."""
    nothing = LogsDocument(start=span.start, end=span.end, lines=())
    if history is None:
        return nothing, "No database is in use, so no logs are kept."
    try:
        return await _read(history, asked, span), None
    except (HistoryUnavailable, HistoryRefused) as problem:
        return nothing, str(problem)


async def _read(history: History, asked: LogsAsked, span: Span) -> LogsDocument:
    wanted, mark = asked.wanted, asked.at
    if mark is None:
        place = _place(asked.before)
        return await history.logs(wanted, span, PAGE_LINES, "backward", place)
    half = PAGE_LINES // 2
    earlier = await history.logs(wanted, Span(span.start, mark.time), half, "backward", None)
    later = await history.logs(wanted, Span(mark.time, span.end), half, "forward", None)
    return msgspec.structs.replace(earlier, lines=earlier.lines + later.lines, newer=later.newer)


def _place(cursor: str | None) -> LogPlace | None:
    if cursor is None:
        return None
    place = read_cursor(cursor)
    if place is None:
        raise bad_parameter("cursor", cursor)
    return place


def shown(line: LogLineDocument) -> Shown:
    """A line without escapes for terminals, and without control characters."""
    plain = _ESCAPES.sub("", line.line)
    # What reads HTML takes a carriage return that is not written so for the end of a line.
    raw = None if plain == line.line else escape(line.line).replace("\r", Markup("&#13;"))
    return Shown(line=line, mark=str(mark_of(line)), text=plain, raw=raw)
