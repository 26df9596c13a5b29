"""All that is known of one domain, on one page."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from litestar import get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from labels.model import Change, Route, RouteStatus, Table
from web.answers import json_answer
from web.parameters import Revision, Wait
from web.problems import Problem
from web.revp.answering import wait_revision
from web.revp.change_stream import MOST_HELD
from web.revp.describing import (
    describe_change,
    describe_conflict,
    describe_issue,
    describe_route,
    describe_waiting,
)
from web.revp.selecting import canonical_domain
from web.route_documents import DomainDocument
from web.schema import answers
from web.sources import WebRequest

MOST_CHANGES = 50


@get("/api/revp/domains/{domain:str}", responses=answers(DomainDocument, 404, 503))
async def show_domain(
    request: WebRequest, domain: FromPath[str], wait: Wait = None, revision: Revision = None
) -> ASGIResponse:
    """One domain: its paths with all members, what waits, conflicts, issues, recent changes."""
    routing = await wait_revision(request, wait, revision)
    name = canonical_domain(domain)
    document = describe_domain(name, routing.table(), routing.recent_changes(MOST_HELD))
    if document is None:
        raise unknown_domain(name, routing.table())
    return json_answer(document)


def describe_domain(name: str, table: Table, changes: Sequence[Change]) -> DomainDocument | None:
    """The domain of this name; None if nothing is known of it, not even a recent change."""
    routes = [route for route in table.routes if route.domain == name]
    waiting = [one for one in table.waiting if one.domain == name]
    issues = [issue for issue in table.issues if issue.domain == name]
    recent = [change for change in changes if change.domain == name][-MOST_CHANGES:]
    if not (routes or waiting or issues or recent):
        return None
    described = tuple(map(describe_route, routes))
    return DomainDocument(
        revision=table.revision,
        domain=name,
        status=roll_up(routes),
        serving=sum(route.serving for route in described),
        wanted=sum(route.wanted for route in described),
        routes=described,
        waiting=tuple(map(describe_waiting, waiting)),
        conflicts=tuple(
            describe_conflict(conflict) for conflict in table.conflicts if conflict.domain == name
        ),
        issues=tuple(map(describe_issue, issues)),
        changes=tuple(map(describe_change, recent)),
    )


def roll_up(routes: Sequence[Route]) -> RouteStatus:
    """The status of all routes of a domain together."""
    statuses = {route.status for route in routes}
    if not statuses - {"down"}:
        return "down"
    return "up" if statuses == {"up"} else "degraded"


def unknown_domain(name: str, table: Table) -> Problem:
    """The problem of a domain of which nothing is known."""
    known = {route.domain for route in table.routes}
    parent = f"*.{name.partition('.')[2]}"
    close = [parent] if parent in known else get_close_matches(name, sorted(known), n=3)
    hint = f" It is covered by {parent}." if parent in known else ""
    if close and not hint:
        hint = f" Did you mean {' or '.join(close)}?"
    detail = f"No label and no static route asks for {name!r}.{hint}"
    return Problem("unknown-domain", f"{detail} /api/revp/routes lists all.", suggestions=close)
