"""What a running proxy serves, set against the table of routes."""

from __future__ import annotations

import anyio
from litestar import get
from litestar.response.base import ASGIResponse

from labels.drift.comparing import Drift, DriftError, Served
from web.answers import json_answer
from web.parameters import AdminUrl, OneProxy
from web.problems import Problem
from web.route_documents import DifferenceDocument, DriftDocument, ServedDocument
from web.schema import answers
from web.sources import WebRequest, require_routing, sources

SECONDS = 30.0


@get("/api/revp/drift", responses=answers(DriftDocument, 502, 503))
async def show_drift(request: WebRequest, proxy: OneProxy, url: AdminUrl) -> ASGIResponse:
    """Ask a proxy's admin interface, on the loopback or as configured, what it serves."""
    routing = require_routing(request)
    try:
        with sources(request).streams.place(), anyio.move_on_after(SECONDS):
            return json_answer(describe_drift(await routing.drift(proxy, url)))
    except DriftError as error:
        raise _problem(error) from error
    raise Problem("proxy-unreachable", f"{url} has not told all after {SECONDS:.0f} seconds.")


def describe_drift(drift: Drift) -> DriftDocument:
    """The differences as a document."""
    return DriftDocument(
        proxy=drift.kind,
        url=drift.url,
        revision=drift.revision,
        drifted=not drift.none,
        same=drift.same,
        skipped=drift.skipped,
        missing=tuple(map(_served, drift.missing)),
        extra=tuple(map(_served, drift.extra)),
        different=tuple(
            DifferenceDocument(
                domain=one.domain,
                path=one.path,
                wanted=_served(one.wanted),
                found=_served(one.found),
            )
            for one in drift.different
        ),
    )


def _served(route: Served) -> ServedDocument:
    return ServedDocument(
        domain=route.domain, path=route.path, scheme=route.scheme, endpoints=route.endpoints
    )


def _problem(error: DriftError) -> Problem:
    detail = f"{error}."
    if error.code == "refused":
        return Problem("bad-parameter", detail, parameter="url")
    kind = "proxy-unreachable" if error.code == "unreachable" else "proxy-not-understood"
    return Problem(kind, detail)
