"""What is wrong with labels and routes, and what a proxy's document cannot say of them."""

from __future__ import annotations

from difflib import get_close_matches

from litestar import get
from litestar.response.base import ASGIResponse

from labels.model import Issue
from labels.render.formats import FORMATS, Format
from web.parameters import (
    Codes,
    Cursor,
    Domains,
    Fields,
    FormatName,
    HostLabels,
    Hosts,
    Limit,
    Offset,
    Revision,
    Severities,
    Wait,
)
from web.problems import Problem
from web.rest.answering import KEPT
from web.rest.listings import ISSUES
from web.rest.pages import Cut, page_answer
from web.revp.answering import page_of, wait_revision
from web.revp.describing import describe_issue
from web.revp.filters import read_filter
from web.revp.selecting import RouteFilter, issue_test
from web.route_documents import RouteIssuesDocument
from web.schema import answers
from web.sources import WebRequest, sources


@get("/api/revp/issues", responses=answers(RouteIssuesDocument, 503), opt={KEPT: "routes"})
async def list_issues(
    request: WebRequest,
    host: Hosts = None,
    label: HostLabels = None,
    domain: Domains = None,
    severities: Severities = None,
    codes: Codes = None,
    name: FormatName = None,
    limit: Limit = 100,
    offset: Offset = 0,
    cursor: Cursor = None,
    fields: Fields = None,
    wait: Wait = None,
    revision: Revision = None,
) -> ASGIResponse:
    """What is not as it should be, and what was done instead.

    With `format`: what that document, made with default options, cannot express of the routes.
    """
    of_filter = issue_test(read_filter(request, host, label, domain))
    made = None if name is None else _format(name)
    routing = await wait_revision(request, wait, revision)
    table = routing.table()
    found = table.issues
    if made is not None:
        rendering = await sources(request).renderings.render(
            made, made.options(), RouteFilter(hosts=sources(request).hosts), routing.table
        )
        table, found = rendering.table, rendering.rendered.issues

    def test(issue: Issue) -> bool:
        return (
            (not severities or issue.severity in severities)
            and (not codes or issue.code in codes)
            and of_filter(issue)
        )

    issues, page = page_of(found, test, ISSUES, Cut(limit, offset, cursor))
    document = RouteIssuesDocument(
        revision=table.revision, format=name, issues=tuple(map(describe_issue, issues)), page=page
    )
    return page_answer(request, document, page, "issues", fields)


def _format(name: str) -> Format:
    made = FORMATS.get(name)
    if made is None:
        raise Problem(
            "bad-parameter",
            f"Query parameter `format` is {name!r}; it must be one of {', '.join(FORMATS)}.",
            parameter="format",
            suggestions=get_close_matches(name, FORMATS, n=1),
        )
    return made
