"""Lines of logs that the running fleet keeps in its database."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from fleet.cli.api import Api, NotRunningError, Query
from fleet.cli.errors import CommandError
from fleet.cli.format import minute
from fleet.cli.log_output import Line, LogWriter
from fleet.cli.output import note
from fleet.cli.past import container_path
from fleet.client.messages import Message
from web.expectations import MAX_PAGE
from web.history_documents import LogLineDocument, LogsDocument

REACH = timedelta(days=3)  # lines are kept this long unless configured otherwise
RECONNECT = 2.0  # seconds
GIVE_UP = 300.0  # seconds without a running fleet until following it ends

KEEPING = (
    "fleet keeps the lines of containers with the label fleet.logs=true,"
    ' or of all with logs = "all" in [defaults.monitoring]'
)


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines, as the options say it; empty means any."""

    text: str = ""
    regex: str = ""
    levels: Sequence[str] = ()
    hosts: Sequence[str] = ()
    since: datetime
    until: datetime | None = None
    tail: int | None = None

    def filters(self) -> dict[str, str | Sequence[str]]:
        """What a line must be, as the API takes it."""
        named: dict[str, str | Sequence[str]] = {
            "text": self.text,
            "regex": self.regex,
            "level": self.levels,
        }
        return {key: value for key, value in named.items() if value}

    def span(self) -> dict[str, str | Sequence[str]]:
        """From when until when."""
        times = {"start": self.since, "end": self.until}
        return {name: time.isoformat() for name, time in times.items() if time is not None}

    def of(self, reference: str) -> dict[str, str | Sequence[str]]:
        """Whose: `HOST/NAME`, a name or an id; if empty, anybody's on the hosts."""
        host, slash, name = reference.rpartition("/")
        hosts = (host,) if slash else self.hosts
        query: dict[str, str | Sequence[str]] = {"host": hosts} if hosts else {}
        return query | ({"container": name} if name else {})


def show_stored(api: Api, references: Sequence[str], search: Search, writer: LogWriter) -> int:
    """Write the stored lines of all together, in the order of time.

    Args:
        api: The running fleet.
        references: Containers; if empty, all on the hosts are searched.
        search: Which lines.
        writer: Where to.

    Returns:
        How many there were.
    """
    logs = [_lines(api, reference, search) for reference in references or [""]]
    count = 0
    for line in heapq.merge(*logs, key=lambda line: line.time_nano):
        _write(line, writer)
        count += 1
    return count


def _lines(api: Api, reference: str, search: Search) -> Iterator[LogLineDocument]:
    query = search.filters() | search.span() | search.of(reference)
    if search.tail is not None:
        yield from _newest(api, query, search.tail)
        return
    cursor: str | None = ""
    while cursor is not None:
        page = _page(api, query | {"limit": str(MAX_PAGE), "direction": "forward"}, cursor)
        yield from page.lines
        cursor = page.newer if page.lines else None


def _newest(api: Api, query: Query, tail: int) -> Iterator[LogLineDocument]:
    pages: list[Sequence[LogLineDocument]] = []
    left, cursor = tail, ""
    while left > 0:
        page = _page(api, {**query, "limit": str(min(left, MAX_PAGE))}, cursor)
        pages.append(page.lines)
        left -= len(page.lines)
        if page.older is None or not page.lines:
            break
        cursor = page.older
    for lines in reversed(pages):
        yield from lines


def _page(api: Api, query: Query, cursor: str) -> LogsDocument:
    at = {"cursor": cursor} if cursor else {}
    return api.read("/api/logs", LogsDocument, {**query, **at})


def tell_nothing(api: Api, references: Sequence[str], search: Search) -> None:
    """Say why there was no line: none that is like this, or none is kept at all.

    Raises:
        CommandError: Of one of the containers none is kept.
    """
    anything = msgspec.structs.replace(search, text="", regex="", levels=(), tail=1)
    since = minute(search.since)
    for reference in references or [""]:
        if next(_lines(api, reference, anything), None) is None:
            whose = f"of {reference} " if reference else ""
            asking = "is the name right? " if reference else ""
            raise CommandError(f"no line {whose}is stored since {since}", asking + KEEPING)
    note(f"fleet: lines are stored, but since {since} none that is like this")


def follow_stored(api: Api, reference: str, search: Search, writer: LogWriter) -> None:
    """Write the stored lines of `HOST/NAME`, then those that come, until interrupted.

    After a lost connection it goes on from where it stood.

    Raises:
        CommandError: The fleet is gone for long.
    """
    query = search.filters() | search.span() | {"follow": "true"}
    query["limit"] = str(MAX_PAGE if search.tail is None else min(max(search.tail, 1), MAX_PAGE))
    path, last_id, heard = container_path(reference, "logs"), "", time.monotonic()
    while True:
        try:
            for message in api.follow(query, last_id, path):
                heard = time.monotonic()
                last_id = message.id or last_id
                _take(message, writer)
        except NotRunningError as error:
            if time.monotonic() - heard > GIVE_UP:
                raise CommandError(
                    error.message, "is it still running? see `fleet status`"
                ) from error
            note(f"fleet: {error.message}; trying again")
            time.sleep(RECONNECT)


def _take(message: Message, writer: LogWriter) -> None:
    if message.event == "gap":
        note(f"fleet: lines are missing here: {message.data}")
        return
    _write(msgspec.json.decode(message.data, type=LogLineDocument), writer)


def _write(stored: LogLineDocument, writer: LogWriter) -> None:
    line = Line(
        host=stored.host,
        container=stored.name,
        container_id=stored.container_id,
        stream=stored.stream,
        time=nano_time(stored.time_nano),
        level=stored.level,
        line=stored.line,
    )
    writer.write(line, stored.line.encode())


def nano_time(nanoseconds: int) -> str:
    """Unix nanoseconds as the Engine writes times."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"
