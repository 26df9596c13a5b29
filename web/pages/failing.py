"""What a page shows in place of itself where it cannot be shown."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.response import Response

from web.access.admission import CHALLENGE
from web.access.locations import NO_PAGES
from web.pages.shell import NAVIGATION, POLICY, render, viewer_of
from web.problems import KINDS, answer_exception, note_problem, translate

NEXT = {
    404: "It may have been removed, or got another name. Search for it, or begin at the fleet.",
    400: "Change the address, or begin at the fleet.",
    403: "Ask who runs this fleet for a role that may, or log in as somebody else.",
    503: "This page tries again when you load it again; what is live is still shown elsewhere.",
}


def answer_either(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """The handler of all that is no page's: a page for a person who went astray, else a problem."""
    wants_page = "text/html" in request.headers.get("accept", "")
    if wants_page and not request.scope["path"].startswith(NO_PAGES):
        return answer_page(request, error)
    return answer_exception(request, error)


def answer_page(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
    """Litestar's exception handler for pages: the problem, in words, with the way on."""
    problem = translate(request, error)
    note_problem(request.scope, problem)
    body = render(
        "problem.html",
        viewer_of(request),
        title=KINDS[problem.kind][1],
        problem=problem,
        further=NEXT.get(problem.status, "Load it again; fleet's own log says more."),
        fleet=None,
        banner=None,
        navigation=NAVIGATION,
        path=request.url.path,
    )
    headers = {**problem.headers, "content-security-policy": POLICY}
    if problem.status == 401:
        headers |= CHALLENGE
    return Response(
        content=body, status_code=problem.status, media_type="text/html", headers=headers
    )
