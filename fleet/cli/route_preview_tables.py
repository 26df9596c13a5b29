"""How a preview of routes looks."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.cli.route_issues import indented, issue_lines
from fleet.cli.route_tables import address, authority, counted
from fleet.cli.table import Cell, Column, Table, Tone, cell
from labels.routing.words import listed
from web.revp.previewing import ANYWHERE
from web.route_documents import MeetingDocument, PreviewDocument, RouteIssueDocument, WishDocument

OUTCOMES: dict[str, Tone] = {"served": "good", "lost": "bad", "dropped": "bad", "waiting": "warn"}
CLASHES = frozenset({"wins", "loses"})


def is_bad(found: PreviewDocument) -> bool:
    """Whether an issue is an error, or only one of it and what is live can be served."""
    errors = any(issue.severity == "error" for issue in all_issues(found))
    return errors or any(meeting.outcome in CLASHES for meeting in found.live)


def all_issues(found: PreviewDocument) -> list[RouteIssueDocument]:
    """Those of services, in their order, then all others."""
    of_services = [issue for service in found.services for issue in service.issues]
    return [*of_services, *found.issues]


def preview_table(found: PreviewDocument) -> Table:
    """One row a route of a container."""
    columns = (
        Column("CONTAINER", least=12),
        Column("ROUTE", least=32),
        Column("ENDPOINT", least=15),
        Column("RESULT"),
        Column("PORT", rank=1, right=True),
        Column("HTTPS", rank=2),
        Column("STRIP", rank=3),
        Column("WEIGHT", rank=4, right=True),
        Column("POLICY", rank=6),
        Column("CHECK", rank=5),
    )
    rows = [
        _row(container.name, wish)
        for service in found.services
        for container in service.containers
        for wish in container.wishes
    ]
    return Table(columns, rows)


def _row(name: str, wish: WishDocument) -> list[Cell]:
    settings = wish.settings
    return [
        cell(name),
        cell(address(wish.domain, wish.path), "strong"),
        cell(authority(wish.member.endpoint)),
        cell(wish.outcome, OUTCOMES[wish.outcome]),
        cell(wish.port, "dim"),
        cell("yes" if settings.https else "no", "dim"),
        cell(settings.strip_prefix),
        cell(wish.member.weight, "dim" if wish.member.weight == 1 else ""),
        cell(settings.policy, "dim"),
        cell(settings.check.path if settings.check else None, "dim"),
    ]


def preview_lines(found: PreviewDocument, told_by: str) -> Iterator[Cell]:
    """What stands below the table; `told_by` is the URL of the running fleet, or empty."""
    issues = all_issues(found)
    yield from issue_lines(issues)
    for meeting in found.live:
        yield from _meeting_lines(meeting)
    on = f"on {found.host}"
    if found.host == ANYWHERE.name:
        on = "on any host"
        yield cell(f"{found.host} stands for the host that it would run on; --host names it", "dim")
    live = f"the running fleet at {told_by} told" if told_by else "no running fleet was asked"
    yield cell(f"{on}: {', '.join(_counts(found, issues))} ({live})", "dim")


def _meeting_lines(meeting: MeetingDocument) -> Iterator[Cell]:
    route, members = address(meeting.domain, meeting.path), listed(meeting.members)
    differs = listed([name.replace("_", "-") for name in meeting.differs], most=12)
    match meeting.outcome:
        case "replaces":
            terms = f", with other {differs}" if differs else ""
            yield from indented(f"live: {route} has {members} now, replaced{terms}", "", "dim")
        case "joins":
            yield from indented(f"live: {route} has {members} now, which is joined", "", "dim")
        case outcome:
            what = "would be lost to" if outcome == "loses" else "would be taken from"
            text = f"live: {route} {what} {members} ({meeting.rule}), with other {differs}"
            yield from indented(text, "", "bad")


def _counts(found: PreviewDocument, issues: list[RouteIssueDocument]) -> Iterator[str]:
    yield counted(len(found.routes), "route")
    severities = [issue.severity for issue in issues]
    for severity in ("error", "warning"):
        if count := severities.count(severity):
            yield counted(count, severity)
    silent = sum(not service.routed for service in found.services)
    if silent:
        yield f"{counted(silent, 'service')} without such labels"
