"""What is asked of a fleet, before anything is sent: path, query, and what is answered. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

T = TypeVar("T")
Item = TypeVar("Item")
Value = str | int | bool | datetime | timedelta | Sequence[str] | None
Query = Mapping[str, Value]
When = datetime | str
"""A moment: with its zone, or in words of the API such as `15m` (so long ago)."""
Length = timedelta | str
"""A length of time, or in words of the API such as `90d`."""
_OK = frozenset({200, 201})


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent along with a question."""

    data: bytes
    media_type: str = "application/json"


class Ask(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One question.

    Attributes:
        method: GET, POST, PATCH or DELETE.
        template: Its path, with the names of `within` in braces.
        within: What stands in their place; anything but a slash is quoted, and that too.
        query: None and empty sequences are left out, sequences repeat their parameter.
        kind: What the answer is; bytes for one that is no JSON.
        accept: Its media type.
        body: What goes along.
        statuses: Those that are an answer, not a problem.
    """

    template: str
    kind: type[T]
    within: Mapping[str, str]
    query: Query
    method: str = "GET"
    accept: str = "application/json"
    body: Body | None = None
    statuses: frozenset[int] = _OK

    @property
    def path(self) -> str:
        """The path alone."""
        quoted = {name: quote(value, safe="") for name, value in self.within.items()}
        return self.template.format(**quoted)

    @property
    def target(self) -> str:
        """Path and query."""
        return self.path + query_text(self.query)


class PageAsk(Ask[T], Generic[T, Item], frozen=True, kw_only=True):
    """A question about a page of a list.

    Attributes:
        items: What is listed in an answer.
        following: The query that goes on after an answer, None after the last one.
    """

    items: Callable[[T], Sequence[Item]]
    following: Callable[[T], Query | None]

    def after(self, page: T) -> PageAsk[T, Item] | None:
        """The question about the page after an answer; None where there is none."""
        more = self.following(page)
        if more is None:
            return None
        query = {name: value for name, value in self.query.items() if name != "offset"}
        return PageAsk(
            template=self.template,
            kind=self.kind,
            within=self.within,
            query={**query, **more},
            items=self.items,
            following=self.following,
        )


class StreamAsk(Ask[T], frozen=True, kw_only=True):
    """A question that is answered for as long as somebody listens.

    Attributes:
        kinds: What the `data` of each kind of event is; one kind may have no name.
        last_id: The place to go on after, empty for now.
    """

    kinds: Mapping[str, type[T]]
    last_id: str = ""


def query_text(query: Query) -> str:
    """The query with its question mark, empty where nothing is asked for."""
    pairs = [(name, each) for name, value in query.items() for each in _words(value)]
    return "?" + urlencode(pairs) if pairs else ""


def _words(value: Value) -> Sequence[str]:
    if value is None:
        return ()
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, datetime):
        return (_moment(value),)
    if isinstance(value, timedelta):
        return (f"{round(value.total_seconds())}s",)
    if isinstance(value, str | int):
        return (str(value),)
    return value


def _moment(time: datetime) -> str:
    if time.tzinfo is None:
        raise ValueError(f"{time} has no zone: write datetime(..., tzinfo=UTC)")
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
