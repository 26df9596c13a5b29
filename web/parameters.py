"""Query parameters: their declarations, and the refusal of those nobody declared."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Literal

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter

from labels.drift.comparing import ProxyKind
from labels.render.options import Option
from web.documents import HostStatus
from web.expectations import (
    MAX_OFFSET,
    MAX_PAGE,
    MAX_POINTS,
    MAX_REVISION,
    MAX_TOP,
    Health,
    IssueSeverity,
    Level,
    LogStream,
    State,
    Status,
    expected,
)
from web.history import SortBy
from web.history_documents import Direction, Resolution
from web.problems import Problem


def _declare(name: str, ge: int | None = None, le: int | None = None) -> QueryParameter:
    return QueryParameter(name=name, description=expected(name), ge=ge, le=le)


def _text(name: str, longest: int) -> QueryParameter:
    return QueryParameter(name=name, description=expected(name), min_length=1, max_length=longest)


Hosts = Annotated[list[str] | None, _declare("host")]
States = Annotated[list[State] | None, _declare("state")]
Healths = Annotated[list[Health] | None, _declare("health")]
Labels = Annotated[list[str] | None, _declare("label")]
Name = Annotated[str | None, _declare("name")]
ImageName = Annotated[str | None, QueryParameter(name="name", description="part of a tag")]
Limit = Annotated[int, _declare("limit", ge=1, le=MAX_PAGE)]
Offset = Annotated[int, _declare("offset", ge=0, le=MAX_OFFSET)]
Fields = Annotated[str | None, _declare("fields")]
Ids = Annotated[list[str] | None, _declare("id")]
HostStatuses = Annotated[
    list[HostStatus] | None,
    QueryParameter(name="status", description="up, down, connecting or disabled; repeat it"),
]
HostName = Annotated[
    str | None,
    QueryParameter(name="name", description="part of a host's name, or a pattern with * and ?"),
]
HostLimit = Annotated[
    int | None,
    QueryParameter(
        name="limit",
        description=f"{expected('limit')}; all hosts unless given",
        ge=1,
        le=MAX_PAGE,
    ),
]
OneHost = Annotated[str | None, _declare("host")]
EventTypes = Annotated[list[str] | None, _declare("type")]
EventActions = Annotated[list[str] | None, _declare("action")]
EventLabels = Annotated[
    list[str] | None,
    QueryParameter(
        name="label",
        description="KEY or KEY=VALUE, of the host or of what the event is about; repeat it, all"
        " must match",
    ),
]
Until = Annotated[str | None, _declare("until")]
Since = Annotated[str | None, _declare("since")]
Start = Annotated[str | None, _declare("start")]
End = Annotated[str | None, _declare("end")]
Last = Annotated[str | None, _declare("last")]
Points = Annotated[int, _declare("points", ge=1, le=MAX_POINTS)]
FewPoints = Annotated[
    int,
    QueryParameter(
        name="points", description="a whole number from 1 to 1000, for each", ge=1, le=1000
    ),
]
OneResolution = Annotated[Resolution | None, _declare("resolution")]
Sort = Annotated[SortBy, _declare("sort")]
Top = Annotated[int, _declare("limit", ge=1, le=MAX_TOP)]
Containers = Annotated[list[str] | None, _declare("container")]
Text = Annotated[str | None, _text("text", 1000)]
Regex = Annotated[str | None, _text("regex", 500)]
Levels = Annotated[list[Level] | None, _declare("level")]
LogStreams = Annotated[list[LogStream] | None, _declare("stream")]
Tail = Annotated[int, _declare("tail", ge=0, le=MAX_PAGE)]
OneDirection = Annotated[Direction, _declare("direction")]
Cursor = Annotated[str | None, _declare("cursor")]
Follow = Annotated[bool, _declare("follow")]
Snapshot = Annotated[bool, _declare("snapshot")]
SampleType = Annotated[
    Literal["host", "container"] | None,
    QueryParameter(name="type", description="host or container, for the samples of these alone"),
]
HostLabels = Annotated[
    list[str] | None,
    QueryParameter(
        name="label", description="KEY or KEY=VALUE of a host; repeat it, all must match"
    ),
]
Domains = Annotated[
    list[str] | None,
    QueryParameter(name="domain", description=f"{expected('domain')}; repeat it for several"),
]
OneDomain = Annotated[str | None, QueryParameter(name="domain", description="a whole domain")]
Statuses = Annotated[list[Status] | None, _declare("status")]
Severities = Annotated[list[IssueSeverity] | None, _declare("severity")]
Codes = Annotated[list[str] | None, _declare("code")]
Wait = Annotated[str | None, _declare("wait")]
Revision = Annotated[int | None, _declare("revision", ge=0, le=MAX_REVISION)]
FormatName = Annotated[str | None, _declare("format")]

OneProxy = Annotated[ProxyKind, _declare("proxy")]
AdminUrl = Annotated[str, _text("url", 500)]

MOST_VALUES = 200  # of all parameters of a query together

OPTIONS = "options"
"""A handler's key for options of a renderer, which it takes besides the parameters it declares."""

OTHERS = "others"
"""A handler's key of `opt`: it is asked with parameters that others made up, and ignores them."""


@cache
def declared(handler: BaseRouteHandler) -> dict[str, bool]:
    """A handler's query parameters by name, and whether each may be repeated."""
    names: dict[str, bool] = {}
    for field in handler.parsed_fn_signature.parameters.values():
        declaration = field.kwarg_definition
        if isinstance(declaration, QueryParameter):
            names[declaration.name or field.name] = field.is_non_string_sequence or any(
                inner.is_non_string_sequence for inner in field.inner_types
            )
    options: Sequence[Option] = handler.opt.get(OPTIONS, ())
    return names | {option.name: option.repeated for option in options}


async def refuse_undeclared(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Litestar guard: a misspelt filter must not silently match everything.

    Raises:
        Problem: A parameter is unknown here, or stands twice where one is meant; or there are more
            than anybody needs, each of which is compared with all there is.
    """
    if not connection.scope["query_string"] or handler.opt.get(OTHERS):
        return
    names = declared(handler)
    given = connection.query_params
    if (count := sum(1 for _ in given.multi_items())) > MOST_VALUES:
        raise Problem("bad-parameter", f"The query has {count} values; {MOST_VALUES} are the most.")
    for name in given.dict():
        if name not in names:
            close = get_close_matches(name, names, n=2)
            known = f"Known here: {', '.join(sorted(names))}." if names else "There are none here."
            hint = f" Did you mean {' or '.join(close)}?" if close else ""
            raise Problem(
                "bad-parameter",
                f"Query parameter `{name}` is unknown.{hint} {known}",
                parameter=name,
                suggestions=close,
            )
        if not names[name] and len(given.getall(name)) > 1:
            raise Problem(
                "bad-parameter",
                f"Query parameter `{name}` stands more than once; give it once.",
                parameter=name,
            )
