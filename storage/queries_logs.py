"""Lines of containers' logs: searched, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg

from config.models import Storage
from storage.asking import MOST_ROWS, check_span, labelled, rows
from storage.database import Database
from storage.errors import QueryLimitError
from storage.rows import LogRow
from storage.sessions import Connection
from storage.tables import clean

MOST_REGEX = 500  # characters
FIRST_WINDOW = timedelta(minutes=1)


class BadRegexError(QueryLimitError):
    """A regular expression that PostgreSQL does not take; `position` is where, from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


class LogPlace(msgspec.Struct, frozen=True, array_like=True):
    """A line's place in the order of all: by time, then whatever tells lines apart."""

    time: datetime
    time_nano: int
    host: str
    container_id: str
    stream: str
    sequence: int

    @classmethod
    def of(cls, row: LogRow) -> LogPlace:
        """The place of a line."""
        return cls(row.time, row.time_nano, row.host, row.container_id, row.stream, row.sequence)


class LinesMeant(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines are wanted; empty or None means any.

    A container is meant by its id, the beginning of its id (at least 4 characters), its name,
    `HOST/NAME` or its identity. It has all of the labels; one without a value is met by any.
    """

    hosts: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    labels: tuple[tuple[str, str | None], ...] = ()
    text: str | None = None
    regex: str | None = None
    levels: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()


class LogQueries:
    """Questions about logs.

    Args:
        database: Is read.
        settings: `[storage]`: how long a range of single rows may be.
    """

    def __init__(self, database: Database, settings: Storage) -> None:
        self._database = database
        self._most = timedelta(days=settings.query_days)

    async def lines(
        self,
        meant: LinesMeant,
        start: datetime,
        end: datetime,
        limit: int,
        *,
        newest: bool = True,
        beyond: LogPlace | None = None,
    ) -> list[LogRow]:
        """At most `limit` lines of [start, end), oldest first: the newest of them or the oldest.

        `beyond` a place: those just before it (`newest`) or just after it.

        Raises:
            QueryLimitError: the range is empty or longer than `query_days`.
            BadRegexError: PostgreSQL does not take the regular expression.
        """
        check_span(start, end, self._most)
        if beyond is not None and newest:
            end = min(end, beyond.time + timedelta(microseconds=1))
        elif beyond is not None:
            start = max(start, beyond.time)
        wanted = {
            "hosts": _some(meant.hosts),
            "refs": _some(meant.containers),
            **labelled(meant.labels),
            "text": None if meant.text is None else clean(meant.text),
            "regex": None if meant.regex is None else clean(meant.regex),
            "levels": _some(meant.levels),
            "streams": _some(meant.streams),
            "start": start,
            "end": end,
            "limit": min(limit, MOST_ROWS),
            **_cursor(beyond),
        }
        marks = {"order": "DESC", "beyond": "<"} if newest else {"order": "ASC", "beyond": ">"}

        def read(connection: Connection) -> list[LogRow]:
            if meant.regex is not None:
                _check_regex(connection, clean(meant.regex))
            found: list[LogRow] = []
            for since, until in _windows(meant, start, end, newest=newest):
                span = {**wanted, "start": since, "end": until}
                found = rows(connection, LogRow, "logs", span, marks)
                if len(found) >= limit:
                    break
            return found

        found = await self._database.read(read)
        return found[::-1] if newest else found


def _windows(
    meant: LinesMeant, start: datetime, end: datetime, *, newest: bool
) -> Iterator[tuple[datetime, datetime]]:
    """Ever larger parts of the range, up to the whole, from the end that lines are wanted of.

    Of each container as many lines are read as are wanted in all; where it may be any container,
    that is much more than is needed, unless the time is short.
    """
    if not meant.containers:
        near = min(end, datetime.now(UTC)) if newest else start
        width = FIRST_WINDOW
        while start < near - width if newest else near + width < end:
            yield (near - width, end) if newest else (start, near + width)
            width *= 10
    yield start, end


def _some(words: tuple[str, ...]) -> list[str] | None:
    return [clean(word) for word in words] or None


def _cursor(place: LogPlace | None) -> dict[str, object]:
    return {
        "cursor_time": place and place.time,
        "cursor_nano": place and place.time_nano,
        "cursor_host": place and clean(place.host),
        "cursor_container": place and clean(place.container_id),
        "cursor_stream": place and clean(place.stream),
        "cursor_sequence": place and place.sequence,
    }


def _check_regex(connection: Connection, regex: str) -> None:
    """Let PostgreSQL compile it, which tells what is wrong but not where.

    Where: after the longest beginning that it does take.
    """
    if len(regex) > MOST_REGEX:
        message = f"A regular expression may have {MOST_REGEX} characters"
        raise BadRegexError(message, MOST_REGEX)
    complaint = _complaint(connection, regex)
    if complaint is None:
        return
    position = len(regex) - 1
    while position > 0 and _complaint(connection, regex[:position]) is not None:
        position -= 1
    raise BadRegexError(complaint, position)


def _complaint(connection: Connection, regex: str) -> str | None:
    try:
        connection.execute("SELECT '' ~ %s::text", [regex])
    except psycopg.errors.InvalidRegularExpression as error:
        text = error.diag.message_primary or ""
        return text.removeprefix("invalid regular expression: ")
    return None
