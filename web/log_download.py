"""All lines that match, as one file: read and sent page by page, whatever their number."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

import anyio
import msgspec
from litestar import get
from litestar.openapi import ResponseSpec
from litestar.params import QueryParameter
from litestar.types import ASGIApp, Receive, Scope, Send

from storage.queries_logs import LogPlace
from web.finding import check_host_filter
from web.history import History, HistoryRefused, HistoryUnavailable, LogFilter, Span
from web.history_documents import LogLineDocument
from web.log_cursor import place_of
from web.parameters import (
    Containers,
    End,
    Hosts,
    Labels,
    Last,
    Levels,
    LogStreams,
    Regex,
    Start,
    Text,
)
from web.schema import problems
from web.selection import parse_labels
from web.sources import WebRequest, require_history, sources
from web.streams import Streams
from web.times import window

PAGE = 1000  # lines that are read at once: each may have 64 KiB

Format = Literal["text", "ndjson"]
OneFormat = Annotated[
    Format, QueryParameter(name="format", description="text, or ndjson for a document a line")
]
_KINDS: Mapping[Format, tuple[bytes, str]] = {
    "text": (b"text/plain; charset=utf-8", "log"),
    "ndjson": (b"application/x-ndjson", "ndjson"),
}


@get(
    "/api/logs/download",
    responses={
        200: ResponseSpec(
            bytes,
            description="A line of the file for each line of a log, oldest first",
            media_type="text/plain",
            generate_examples=False,
        ),
        **problems(400, 503),
    },
)
async def download_logs(
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
    form: OneFormat = "text",
) -> ASGIApp:
    """All stored lines that match, oldest first, as a file; those of the last hour unless asked."""
    source = sources(request)
    check_host_filter(source.model, host or ())
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
    history = require_history(request)
    # What is refused is refused before a file begins.
    first = await history.logs(wanted, span, PAGE, "forward", None)
    pages = _pages(history, wanted, span, first.lines, more=first.newer is not None)
    return LogDownload(source.streams, pages, form, _name(first.lines, span))


class LogDownload:
    """An ASGI application that answers one request with a file. It takes a place for streams.

    Args:
        streams: Places for streams.
        pages: The lines; they end early where `HistoryUnavailable` is raised, which the file tells.
        form: How lines are written.
        name: Of the file, without its ending.
    """

    def __init__(
        self,
        streams: Streams,
        pages: AsyncIterator[Sequence[LogLineDocument]],
        form: Format,
        name: str,
    ) -> None:
        self._streams = streams
        self._pages = pages
        self._form = form
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Send until the end, or until the client leaves."""
        kind, ending = _KINDS[self._form]
        write = _WRITERS[self._form]
        headers = [
            (b"content-type", kind),
            (b"content-disposition", f'attachment; filename="{self._name}.{ending}"'.encode()),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
        ]

        async def watch_client(place: anyio.CancelScope) -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            place.cancel()

        with self._streams.place() as place:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(watch_client, place)
                async for lines in self._pages:
                    body = b"".join(map(write, lines))
                    await send({"type": "http.response.body", "body": body, "more_body": True})
                tasks.cancel_scope.cancel()
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _pages(
    history: History,
    wanted: LogFilter,
    span: Span,
    first: Sequence[LogLineDocument],
    *,
    more: bool,
) -> AsyncIterator[Sequence[LogLineDocument]]:
    lines = first
    yield lines
    while more:
        place: LogPlace = place_of(lines[-1])
        try:
            found = await history.logs(wanted, span, PAGE, "forward", place)
        except (HistoryUnavailable, HistoryRefused) as problem:
            yield [_broken(lines[-1], str(problem))]
            return
        lines, more = found.lines, found.newer is not None
        yield lines


def _broken(last: LogLineDocument, why: str) -> LogLineDocument:
    """The last line of a file that is not whole: as fleet tells of gaps."""
    return msgspec.structs.replace(
        last, stream="fleet", level=None, line=f"The lines after this one are missing: {why}"
    )


def _as_text(line: LogLineDocument) -> bytes:
    time = datetime.fromtimestamp(line.time_nano // 10**9, UTC)
    part = f"{time:%Y-%m-%dT%H:%M:%S}.{line.time_nano % 10**9:09d}Z"
    return f"{part} {line.host}/{line.name} {line.line}\n".encode()


def _as_document(line: LogLineDocument) -> bytes:
    return msgspec.json.encode(line) + b"\n"


_WRITERS: Mapping[Format, Callable[[LogLineDocument], bytes]] = {
    "text": _as_text,
    "ndjson": _as_document,
}


def _name(lines: Sequence[LogLineDocument], span: Span) -> str:
    """Of the one container where the first lines are of one, and of the time."""
    names = {f"{line.host}-{line.name}" for line in lines}
    name = names.pop() if len(names) == 1 else "logs"
    plain = "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in name)
    return f"{plain[:80]}-{span.start:%Y%m%dT%H%M%SZ}-{span.end:%Y%m%dT%H%M%SZ}"
