"""The documents that proxies read: always whole, with status 200, or a problem and no document.

Some take a 304 or an empty document for "there are no routes", so neither is ever answered. Each
format has a handler, whose query parameters are the options of its renderer, besides the filters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from litestar import get
from litestar.enums import ParamType
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import OpenAPIType, Operation, Parameter, Schema
from litestar.response.base import ASGIResponse

from labels.model import Table, Value
from labels.render.formats import FORMATS, Format
from labels.render.options import Option, OptionError, options_of, read_options
from web.parameters import OPTIONS, Domains, HostLabels, Hosts
from web.problems import Problem
from web.rest.answering import KEPT, TAGGED
from web.revp.filters import read_filter
from web.revp.selecting import RouteFilter
from web.schema import problems
from web.sources import WebRequest, require_routing, sources

RETRY_AFTER = {"retry-after": "5"}


def proxy_handler(made: Format) -> HTTPRouteHandler:
    """The handler of one format."""
    options = options_of(made.options)

    async def show(
        request: WebRequest,
        host: Hosts = None,
        label: HostLabels = None,
        domain: Domains = None,
    ) -> ASGIResponse:
        wanted = read_filter(request, host, label, domain)
        return await _answer(request, made, _read(request, made, options), wanted)

    show.__name__ = f"show_{made.name.replace('-', '_')}"
    document = ResponseSpec(
        bytes, description="The document", media_type=made.media_type, generate_examples=False
    )
    return get(
        f"/api/revp/{made.path}",
        description=f"{made.description}.",
        responses={200: document, **problems(400, 404, 503)},
        operation_class=_operation(options),
        # Options are not in the signature, which would take the router long to read.
        opt={OPTIONS: options, KEPT: "routes", TAGGED: False},
    )(show)


def _operation(options: Sequence[Option]) -> type[Operation]:
    """What the schema tells of a handler: it has these parameters too."""

    @dataclass
    class WithOptions(Operation):
        def __post_init__(self) -> None:
            self.parameters = [*(self.parameters or ()), *map(_declaration, options)]

    return WithOptions


def _declaration(option: Option) -> Parameter:
    item = Schema(
        type=OpenAPIType.STRING,
        enum=_choices(option) or None,
        default=option.default or None,
    )
    several = Schema(type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.STRING))
    return Parameter(
        name=option.name,
        param_in=ParamType.QUERY,
        description=f"{option.meaning} Must be {option.expected}.".strip(),
        schema=several if option.repeated else item,
    )


def _choices(option: Option) -> tuple[str, ...]:
    """All that it may be; a flag may be a number, too."""
    return (*option.choices, "1", "0") if "true" in option.choices else option.choices


def _read(request: WebRequest, made: Format, options: Sequence[Option]) -> Value:
    given = {
        option.name: request.query_params.getall(option.name)
        for option in options
        if option.name in request.query_params
    }
    if made.own_url and made.own_url not in given:
        given[made.own_url] = [str(request.url)]
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
