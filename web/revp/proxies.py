"""The documents that proxies read: always whole, with status 200, or a problem and no document.

Some take a 304 or an empty document for "there are no routes", so neither is ever answered. Each
format has a handler, whose query parameters are the options of its renderer, besides the filters.
"""

from __future__ import annotations

from inspect import Parameter, signature
from typing import Annotated

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.params import QueryParameter
from litestar.response.base import ASGIResponse

from labels.model import Table, Value
from labels.render.formats import FORMATS, Format
from labels.render.options import Option, OptionError, options_of, read_options
from web.parameters import Domains, HostLabels, Hosts
from web.problems import Problem
from web.revp.filters import read_filter
from web.revp.selecting import RouteFilter
from web.schema import problems
from web.sources import WebRequest, require_routing, sources

RETRY_AFTER = {"retry-after": "5"}
_PREFIX = "option_"  # so that no option has a name that the router keeps for itself


def proxy_handler(made: Format) -> HTTPRouteHandler:
    """The handler of one format."""

    async def show(
        request: WebRequest,
        host: Hosts = None,
        label: HostLabels = None,
        domain: Domains = None,
        **texts: str | list[str] | None,
    ) -> ASGIResponse:
        options = _read(made, texts)
        return await _answer(request, made, options, read_filter(request, host, label, domain))

    show.__doc__ = f"{made.description}."
    show.__name__ = f"show_{made.name.replace('-', '_')}"
    declared = {f"{_PREFIX}{option.name}": option for option in options_of(made.options)}
    own = signature(show)
    show.__signature__ = own.replace(  # type: ignore[attr-defined]  # what the router reads
        parameters=[
            *list(own.parameters.values())[:-1],
            *(Parameter(name, Parameter.KEYWORD_ONLY, default=None) for name in declared),
        ]
    )
    show.__annotations__ |= {name: _declaration(option) for name, option in declared.items()}
    return get(f"/api/revp/{made.path}", responses=_responses(made))(show)


def _declaration(option: Option) -> object:
    """An option as a query parameter. What it may be is checked by `read_options`."""
    words = f"{option.meaning} Must be {option.expected}; unless given: {option.default!r}."
    parameter = QueryParameter(name=option.name, description=words.strip())
    kind = list[str] if option.repeated else str
    return Annotated[kind | None, parameter]


def _responses(made: Format) -> dict[int, ResponseSpec]:
    document = ResponseSpec(
        bytes, description="The document", media_type=made.media_type, generate_examples=False
    )
    return {200: document, **problems(400, 404, 503)}


def _read(made: Format, texts: dict[str, str | list[str] | None]) -> Value:
    given = {
        name.removeprefix(_PREFIX): [text] if isinstance(text, str) else text
        for name, text in texts.items()
        if text is not None
    }
    try:
        return read_options(made.options, given)
    except OptionError as error:
        raise Problem(
            "bad-parameter",
            f"Query parameter {error}",
            parameter=error.name,
            suggestions=error.suggestions,
        ) from error


async def _answer(
    request: WebRequest, made: Format, options: Value, wanted: RouteFilter
) -> ASGIResponse:
    routing = require_routing(request)
    _check_complete(routing.table())
    rendering = await sources(request).renderings.render(made, options, wanted, routing.table)
    _check_complete(rendering.table)  # it may be a later one
    if not rendering.routes and wanted != RouteFilter():
        raise Problem(
            "no-routes",
            "No route matches these filters, so there is no document: it would take all routes "
            "away. /api/revp/routes lists them.",
        )
    rendered = rendering.rendered
    return ASGIResponse(
        body=rendered.body,
        headers={
            "content-type": rendered.media_type,
            "x-fleet-revision": str(rendering.table.revision),
            "x-fleet-issues": str(len(rendered.issues)),
        },
    )


def _check_complete(table: Table) -> None:
    if not table.complete:
        raise Problem(
            "routes-incomplete",
            "Not all hosts were heard of since the start, so routes may be missing: waiting for "
            f"{', '.join(table.missing) or 'the first of them'}. Keep what you have.",
            headers=RETRY_AFTER,
        )


PROXY_HANDLERS = tuple(map(proxy_handler, FORMATS.values()))
