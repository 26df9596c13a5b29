"""How routes, their issues, conflicts and changes look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fleet.cli.format import ago
from fleet.cli.output import write, write_json
from fleet.cli.route_sources import Found
from fleet.cli.table import Cell, Column, Table, Tone, cell, write_lines, write_table
from web.route_documents import (
    ConflictsDocument,
    MemberDocument,
    RouteChangeDocument,
    RouteDocument,
    RouteIssueDocument,
    RouteIssuesDocument,
    RoutesDocument,
    WaitingRoutesDocument,
)

STATUS_TONES: dict[str, Tone] = {"up": "good", "degraded": "warn", "down": "bad"}
SEVERITY_TONES: dict[str, Tone] = {"error": "bad", "warning": "warn", "info": "dim"}
KIND_TONES: dict[str, Tone] = {"added": "good", "removed": "bad"}


def write_found(found: Found, *, as_json: bool) -> bool:
    """Write what was found; whether something in it is down or an error."""
    if as_json:
        write_json(found)
    else:
        table, below = shown(found)
        if table.rows:
            write_table(table)
            write("")
        write_lines(below)
    match found:
        case RoutesDocument():
            return any(route.status == "down" for route in found.routes)
        case RouteIssuesDocument():
            return any(issue.severity == "error" for issue in found.issues)
    return False


def shown(found: Found) -> tuple[Table, list[Cell]]:
    """The table of what was found, and the lines below it."""
    match found:
        case RoutesDocument():
            return routes_table(found.routes), list(_routes_lines(found))
        case RouteIssuesDocument():
            return issues_table(found.issues), [_count(len(found.issues), "issue")]
        case ConflictsDocument():
            return conflicts_table(found), [_count(len(found.conflicts), "conflict")]
        case WaitingRoutesDocument():
            return waiting_table(found), [_count(len(found.waiting), "route", " waiting")]


def _count(number: int, what: str, rest: str = "") -> Cell:
    return Cell(f"{number or 'no'} {what}{'s' * (number != 1)}{rest}", "dim")


def routes_table(routes: Iterable[RouteDocument]) -> Table:
    """One row a route."""
    columns = (
        Column("ROUTE", least=16),
        Column("STATUS"),
        Column("BACKENDS", least=24),
        Column("HTTPS", rank=2),
        Column("POLICY", rank=4),
        Column("STRIP", rank=3),
        Column("CHECK", rank=5),
    )
    return Table(columns, [_route_row(route) for route in routes])


def _route_row(route: RouteDocument) -> list[Cell]:
    count = f" {route.serving}/{route.wanted}" if route.wanted != 1 else ""
    held = ", held" if route.held_until else ""
    settings = route.settings
    return [
        cell(address(route.domain, route.path), "strong"),
        cell(f"{route.status}{count}{held}", STATUS_TONES.get(route.status, "")),
        cell(", ".join(map(_member, route.members))),
        cell("yes" if settings.https else "no", "" if settings.https else "dim"),
        cell(settings.policy if len(route.members) > 1 else None, "dim"),
        cell(settings.strip_prefix),
        cell(settings.check.path if settings.check else None, "dim"),
    ]


def address(domain: str, path: str) -> str:
    """A domain and path as a person writes them."""
    return domain + (path if path != "/" else "")


def _member(member: MemberDocument) -> str:
    """`edge/web-1 10.0.0.5:8080`, and why it gets no requests."""
    parts = [member.name] if member.origin == "container" else ["static"]
    if member.endpoint is not None:
        where = member.endpoint.address
        host = f"[{where}]" if ":" in where else where
        parts.append(f"{host}:{member.endpoint.port}")
    if member.weight not in (0, 1):
        parts.append(f"x{member.weight}")
    if member.standing != "up":
        age = f" {ago(member.stale_since)}" if member.stale_since else ""
        parts.append(f"({member.standing}{age})")
    return " ".join(parts)


def _routes_lines(found: RoutesDocument) -> Iterator[Cell]:
    if not found.complete:
        missing = ", ".join(found.missing) or "the hosts"
        yield Cell(f"proxies are told nothing yet: not heard of {missing}", "warn")
    if not found.routes:
        yield Cell("no route matches; label a container with snadboy.revp.PORT.domain=NAME", "dim")
        return
    by_status = dict.fromkeys(STATUS_TONES, 0)
    for route in found.routes:
        by_status[route.status] += 1
    told = ", ".join(f"{count} {name}" for name, count in by_status.items() if count)
    yield Cell(f"{told} (revision {found.revision})", "dim")


def issues_table(issues: Iterable[RouteIssueDocument]) -> Table:
    """One row an issue."""
    columns = (
        Column("SEVERITY"),
        Column("CONTAINER", least=16),
        Column("CODE", rank=3),
        Column("LABEL", rank=2, least=16),
        Column("WHAT", least=24),
        Column("DONE INSTEAD", rank=1, least=16),
    )
    rows = [
        [
            cell(issue.severity, SEVERITY_TONES.get(issue.severity, "")),
            cell("/".join(filter(None, (issue.host, issue.container))), "strong"),
            cell(issue.code, "dim"),
            cell(f"{issue.key}={issue.value}" if issue.key else None),
            cell(_what(issue)),
            cell(issue.action),
        ]
        for issue in issues
    ]
    return Table(columns, rows)


def _what(issue: RouteIssueDocument) -> str:
    meant = f" Did you mean {issue.suggestion}?" if issue.suggestion else ""
    return issue.message + meant


def conflicts_table(found: ConflictsDocument) -> Table:
    """One row a loser."""
    columns = (
        Column("ROUTE", least=16),
        Column("WINNER", least=16),
        Column("WHY", rank=2, least=16),
        Column("LOSER", least=16),
        Column("DIFFERS IN", rank=1, least=16),
    )
    rows = [
        [
            cell(address(conflict.domain, conflict.path), "strong"),
            cell(conflict.winner.name, "good"),
            cell(conflict.rule, "dim"),
            cell(loser.member.name, "bad"),
            cell(", ".join(loser.differs)),
        ]
        for conflict in found.conflicts
        for loser in conflict.losers
    ]
    return Table(columns, rows)


def waiting_table(found: WaitingRoutesDocument) -> Table:
    """One row a route that waits."""
    columns = (Column("ROUTE", least=16), Column("CONTAINER", least=16), Column("WHY", least=16))
    rows = [
        [
            cell(address(each.domain, each.path), "strong"),
            cell(each.member.name),
            cell(each.reason, "dim"),
        ]
        for each in found.waiting
    ]
    return Table(columns, rows)


def changes_table(changes: Iterable[RouteChangeDocument]) -> Table:
    """One row a change, newest last."""
    columns = (
        Column("TIME"),
        Column("REVISION", rank=3, right=True),
        Column("CHANGE"),
        Column("ROUTE", least=16),
        Column("CAUSE", rank=1, least=12),
        Column("SUMMARY", least=24),
    )
    rows = [
        [
            cell(f"{change.time.astimezone():%Y-%m-%d %H:%M:%S}", "dim"),
            cell(change.revision, "dim"),
            cell(change.kind, KIND_TONES.get(change.kind, "")),
            cell(address(change.domain, change.path), "strong"),
            cell(_cause(change)),
            cell(change.summary),
        ]
        for change in changes
    ]
    return Table(columns, rows)


def _cause(change: RouteChangeDocument) -> str:
    who = "/".join(filter(None, (change.cause.host, change.cause.container)))
    return f"{change.cause.event}{f' of {who}' if who else ''}"
