"""All that can be told of one domain: what the running fleet knows, and how that looks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from urllib.parse import quote, urlsplit

from fleet.cli.api import PAGE, Api, RefusedError
from fleet.cli.errors import USAGE, CommandError
from fleet.cli.format import ago
from fleet.cli.route_changes import change_lines
from fleet.cli.route_issues import indented, issue_lines
from fleet.cli.route_tables import STATUS_TONES, address, authority, missing_lines
from fleet.cli.table import Cell, Tone, cell
from labels.routing.words import STANDINGS, listed
from web.revp.explaining import Explained, issues_of, leading, speaks_of, why_none
from web.route_documents import (
    DomainDocument,
    MemberDocument,
    RouteChangesDocument,
    RoutedContainerDocument,
    RoutedContainersDocument,
    RouteDocument,
    RoutesDocument,
)

_MOST_CHANGES = "10"


def place_of(text: str) -> tuple[str, str]:
    """The domain and path that are meant: they may come out of an address bar.

    Raises:
        CommandError: There is no domain in it.
    """
    try:
        found = urlsplit(text if "://" in text else f"//{text}")
    except ValueError:
        found = urlsplit("")
    domain = found.netloc.rpartition("@")[2].partition(":")[0]
    if not domain:
        raise CommandError(f"there is no domain in {text!r}", "name one: shop.example.com", USAGE)
    return domain, found.path.rstrip("/") or "/"


def explain(api: Api, domain: str, path: str = "/") -> Explained:
    """Read all that is known of a domain, or of a path of it."""
    table = api.read("/api/revp/routes", RoutesDocument, {"limit": "1"})
    known, meant = _of_domain(api, domain)
    covered = None
    if (known is None or not leading(known, path)) and not domain.startswith("*."):
        covered, _ = _of_domain(api, f"*.{domain.partition('.')[2]}")
    names = [found.domain for found in (known, covered) if found is not None]
    asking = _containers(api, names) if names else []
    others = _containers(api, ()) if not asking else []
    latest = {"domain": known.domain if known else domain, "limit": _MOST_CHANGES}
    return Explained(
        domain=known.domain if known else domain,
        path=path,
        complete=table.complete,
        missing=table.missing,
        known=known,
        covered=covered,
        containers=tuple(asking),
        speaking=tuple(each for each in others if speaks_of(each, domain)),
        changes=api.read("/api/revp/changes", RouteChangesDocument, latest).changes,
        meant=meant,
    )


def _of_domain(api: Api, domain: str) -> tuple[DomainDocument | None, tuple[str, ...]]:
    """What is known of it; None, and what may have been meant, if nothing is."""
    try:
        return api.read(f"/api/revp/domains/{quote(domain, safe='')}", DomainDocument), ()
    except RefusedError as error:
        if error.kind != "unknown-domain":
            raise
        return None, error.suggestions


def _containers(api: Api, domains: Iterable[str]) -> list[RoutedContainerDocument]:
    found: list[RoutedContainerDocument] = []
    query: dict[str, str | list[str]] = {"limit": str(PAGE), "domain": list(domains)}
    while True:
        query["offset"] = str(len(found))
        answer = api.read("/api/revp/containers", RoutedContainersDocument, query)
        found += answer.containers
        if not answer.containers or len(found) >= answer.page.total:
            return found


def lines(found: Explained) -> Iterator[Cell]:
    """The answer first, then what it rests on."""
    yield from missing_lines(found.missing, complete=found.complete)
    yield from _answer(found)
    for document in (found.known, found.covered):
        for route in document.routes if document else ():
            yield Cell("")
            yield from _route(route)
    yield from _section("waiting", _waiting(found))
    yield from _section("conflicts", _conflicts(found))
    yield from _section("labels that speak of it", _speaking(found))
    yield from _section("issues", issue_lines(issues_of(found)))
    yield from _section("changes", chain(*map(change_lines, found.changes)))


def _section(title: str, inside: Iterable[Cell]) -> Iterator[Cell]:
    cells = list(inside)
    if cells:
        yield from (Cell(""), Cell(title, "strong"), *cells)


def _answer(found: Explained) -> Iterator[Cell]:
    serving, status, name = found.serving, found.status, address(found.domain, found.path)
    if serving is None or status is None:
        yield cell(f"{name}: no route, proxies answer 404: {why_none(found)}", "bad")
        if not (found.known or found.covered or found.speaking):
            meant = f" Did you mean {' or '.join(found.meant)}?" if found.meant else ""
            yield cell(
                "  No label and no static route speaks of it; `fleet routes` lists those there are."
                f"{meant}",
                "dim",
            )
        return
    routes = leading(serving, found.path)
    by = address(serving.domain, routes[0].path if found.path != "/" else "/")
    served = f", served by {by}" if by != name else ""
    count = f"{sum(each.serving for each in routes)} of {sum(each.wanted for each in routes)}"
    text = f"{name}: {status}{served}: {count} backends get requests"
    yield cell(text, STATUS_TONES[status])


def _route(route: RouteDocument) -> Iterator[Cell]:
    name = address(route.domain, route.path)
    idle = [f"{each.name} ({_stands(each)})" for each in route.members if not each.serving]
    because = f", without {listed(idle)}" if idle else ""
    answer = {
        "up": "answers",
        "degraded": f"answers with {route.serving} of {route.wanted} backends{because}",
        "down": f"answers 503{because}",
    }[route.status]
    yield from indented(f"{name} {answer}", "", STATUS_TONES[route.status], hang=2)
    if route.held_until is not None:
        until = f"{route.held_until.astimezone():%H:%M:%S}"
        yield cell(f"  held until {until}: it would be gone, but too many went at once", "warn")
    yield from indented(", ".join(_terms(route)), "  ", "dim", hang=2)
    for member in route.members:
        yield from _member(member)


def _terms(route: RouteDocument) -> Iterator[str]:
    settings = route.settings
    yield "https" if settings.https else "plain http"
    if settings.redirect_https:
        yield "plain requests are redirected"
    yield f"backends speak {settings.scheme}"
    if len(route.members) > 1:
        yield settings.policy
    if settings.strip_prefix:
        yield f"strips {settings.strip_prefix}"
    if settings.check is not None:
        yield f"proxies check {settings.check.path} every {settings.check.interval:g}s"
    if settings.middlewares:
        yield f"through {', '.join(settings.middlewares)}"


def _member(member: MemberDocument) -> Iterator[Cell]:
    tone: Tone = "warn" if member.standing == "stale" else "good" if member.serving else "bad"
    weight = f"  weight {member.weight}" if member.weight != 1 else ""
    where = authority(member.endpoint) or "no endpoint"
    yield cell(f"  {member.name}  {where}  {_stands(member)}{weight}", tone)
    for step in member.trace:
        text = f"{'yes' if step.taken else 'no':<3}  {step.way}: {step.reason}"
        yield from indented(text, " " * 4, "dim", hang=5)


def _stands(member: MemberDocument) -> str:
    """`unhealthy for 5m`, `up`."""
    if member.standing == "stale" and member.stale_since:
        return f"{STANDINGS['stale']}, {ago(member.stale_since)} ago"
    age = f" for {ago(member.since)}" if member.since and member.standing != "up" else ""
    return STANDINGS[member.standing] + age


def _waiting(found: Explained) -> Iterator[Cell]:
    for each in found.known.waiting if found.known else ():
        route = address(each.domain, each.path)
        yield cell(f"  {route}  {each.member.name}: {each.reason}", "warn")


def _conflicts(found: Explained) -> Iterator[Cell]:
    for each in found.known.conflicts if found.known else ():
        for loser in each.losers:
            text = (
                f"{address(each.domain, each.path)}: {each.winner.name} has it ({each.rule}), "
                f"{loser.member.name} wants it with other {listed(loser.differs, most=12)}"
            )
            yield from indented(text, "  ", "bad")


def _speaking(found: Explained) -> Iterator[Cell]:
    for container in found.speaking:
        off = "" if container.enabled else "  (its labels ask for nothing: they are not enabled)"
        yield cell(f"  {container.host}/{container.name}{off}", "warn")
        for key, value in container.labels.items():
            yield cell(f"    {key}={value}")
