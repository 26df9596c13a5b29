"""How routes, conflicts and what waits look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fleet.cli.format import ago
from fleet.cli.output import is_terminal, write
from fleet.cli.route_issues import issue_lines
from fleet.cli.route_sources import Found, Wanted
from fleet.cli.table import Cell, Column, Table, Tone, cell, write_lines, write_table
from web.route_documents import (
    ConflictsDocument,
    EndpointDocument,
    MemberDocument,
    RouteDocument,
    RouteIssuesDocument,
    RoutesDocument,
    WaitingRoutesDocument,
)

STATUS_TONES: dict[str, Tone] = {"up": "good", "degraded": "warn", "down": "bad"}


def is_bad(found: Found, wanted: Wanted) -> bool:
    """Whether something is down or an error, or cannot be told yet."""
    match found:
        case RoutesDocument():
            down = any(route.status == "down" for route in found.routes)
            unheard = bool(found.missing) or not found.complete
            return down or unheard or bool(unserved(found, wanted))
        case RouteIssuesDocument():
            return any(issue.severity == "error" for issue in found.issues)
    return False


def unserved(found: RoutesDocument, wanted: Wanted) -> list[str]:
    """The domains that were named one by one, and have no route."""
    if not wanted.domains:
        return []
    from web.revp.selecting import canonical_domain

    known = {route.domain for route in found.routes}
    named = [name for name in wanted.domains if not any(sign in name for sign in "*?[")]
    return [name for name in named if canonical_domain(name) not in known]


def write_found(found: Found, wanted: Wanted) -> None:
    """Write what was found, for people."""
    table, below = shown(found, wanted)
    if table.rows:
        write_table(table)
        write("")
    write_lines(below)


def shown(found: Found, wanted: Wanted) -> tuple[Table, list[Cell]]:
    """The table of what was found, and the lines below it."""
    match found:
        case RoutesDocument():
            return routes_table(found.routes), list(_routes_lines(found, wanted))
        case RouteIssuesDocument():
            count = counted(len(found.issues), "issue")
            return Table((), ()), [*issue_lines(found.issues), Cell(count, "dim")]
        case ConflictsDocument():
            count = counted(len(found.conflicts), "conflict")
            return conflicts_table(found), [Cell(count, "dim")]
        case WaitingRoutesDocument():
            count = counted(len(found.waiting), "route")
            return waiting_table(found), [Cell(f"{count} waiting", "dim")]


def counted(number: int, what: str) -> str:
    """`no issue`, `1 issue`, `2 issues`."""
    return f"{number or 'no'} {what}{'s' * (number > 1)}"


def routes_table(routes: Iterable[RouteDocument]) -> Table:
    """One row a backend. On a terminal a route is named once, in a pipe in each of its rows."""
    columns = (
        Column("ROUTE", least=32),
        Column("STATUS"),
        Column("BACKEND", least=12),
        Column("ENDPOINT", rank=1, least=15),
        Column("STATE"),
        Column("HTTPS", rank=3),
        Column("STRIP", rank=4),
        Column("WEIGHT", rank=5, right=True),
        Column("POLICY", rank=6),
        Column("CHECK", rank=7),
    )
    once = is_terminal()
    return Table(columns, [row for route in routes for row in _rows(route, once=once)])


def _rows(route: RouteDocument, *, once: bool) -> Iterator[list[Cell]]:
    settings = route.settings
    counts = f" {route.serving}/{route.wanted}" if route.wanted != 1 else ""
    held = ", held" if route.held_until else ""
    head = [
        cell(address(route.domain, route.path), "strong"),
        cell(f"{route.status}{counts}{held}", STATUS_TONES[route.status]),
    ]
    tail = [
        cell("yes" if settings.https else "no", "dim"),
        cell(settings.strip_prefix),
    ]
    for number, member in enumerate(route.members):
        yield [
            *([Cell(""), Cell("")] if once and number else head),
            cell(member.name),
            cell(authority(member.endpoint)),
            cell(standing(member), "good" if member.serving else "bad"),
            *tail,
            cell(member.weight, "dim" if member.weight == 1 else ""),
            cell(settings.policy, "dim"),
            cell(settings.check.path if settings.check else None, "dim"),
        ]


def address(domain: str, path: str) -> str:
    """A domain and path as a person writes them."""
    return domain + (path if path != "/" else "")


def authority(endpoint: EndpointDocument | None) -> str:
    """`10.0.0.5:8080`, `[fd00::5]:8080`, or nothing; `10.0.0.5:?` if the Engine will choose."""
    if endpoint is None:
        return ""
    host = f"[{endpoint.address}]" if ":" in endpoint.address else endpoint.address
    return f"{host}:{endpoint.port or '?'}"


def standing(member: MemberDocument) -> str:
    """How a backend stands, and for how long if that is not how it should be: `unhealthy 5m`."""
    since = member.stale_since if member.standing == "stale" else member.since
    return f"{member.standing} {ago(since)}".strip() if member.standing != "up" else "up"


def _routes_lines(found: RoutesDocument, wanted: Wanted) -> Iterator[Cell]:
    yield from missing_lines(found.missing, complete=found.complete)
    for name in unserved(found, wanted):
        yield cell(f"no route for {name}; `fleet routes explain {name}` looks for it", "bad")
    if found.routes:
        by_status = dict.fromkeys(STATUS_TONES, 0)
        for route in found.routes:
            by_status[route.status] += 1
        told = ", ".join(f"{count} {name}" for name, count in by_status.items() if count)
        yield Cell(f"{told} (revision {found.revision})", "dim")
    elif wanted.is_filtered:
        yield Cell(f"no route matches (revision {found.revision})", "dim")
    else:
        label = "snadboy.revp.domain=NAME, or with the prefix that [revp] says"
        yield Cell(f"no route; label a container with {label}", "dim")


def missing_lines(missing: Sequence[str], *, complete: bool) -> Iterator[Cell]:
    """Of which hosts nobody knows anything, and what that means for proxies."""
    names = ", ".join(missing)
    if not complete:
        text = f"proxies are told nothing yet: not heard of {names or 'the hosts'} since the start"
        yield cell(text, "warn")
    elif missing:
        yield cell(f"not heard of {names}: its routes, if any, are missing", "warn")


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
