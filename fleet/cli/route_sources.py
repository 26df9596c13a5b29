"""What `fleet routes` reads from the running fleet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fleet.cli.api import PAGE, Api
from fleet.cli.errors import USAGE, CommandError
from web.documents import Page
from web.route_documents import (
    ConflictDocument,
    ConflictsDocument,
    RouteDocument,
    RouteIssueDocument,
    RouteIssuesDocument,
    RoutesDocument,
    WaitingRouteDocument,
    WaitingRoutesDocument,
)

Kind = Literal["routes", "issues", "conflicts", "waiting"]
Found = RoutesDocument | RouteIssuesDocument | ConflictsDocument | WaitingRoutesDocument
Part = RouteDocument | RouteIssueDocument | ConflictDocument | WaitingRouteDocument
Query = Mapping[str, str | Sequence[str]]

DOCUMENTS: dict[Kind, type[Found]] = {
    "routes": RoutesDocument,
    "issues": RouteIssuesDocument,
    "conflicts": ConflictsDocument,
    "waiting": WaitingRoutesDocument,
}
PATHS = {"haproxy-map": "haproxy/map"}
ATTEMPTS = 3  # at reading all pages of one revision


@dataclass(frozen=True)
class Wanted:
    """Which list, and of what. Empty means all; `form`: issues of this proxy's document."""

    kind: Kind
    hosts: Sequence[str] = ()
    labels: Sequence[str] = ()
    domains: Sequence[str] = ()
    form: str | None = None

    @property
    def is_filtered(self) -> bool:
        """Whether only a part is wanted."""
        return bool(self.hosts or self.labels or self.domains)

    def query(self) -> dict[str, str | Sequence[str]]:
        """The filters as the API takes them."""
        given: dict[str, Sequence[str]] = {
            "host": self.hosts,
            "label": self.labels,
            "domain": self.domains,
            "format": [self.form] if self.form else (),
        }
        return {name: list(values) for name, values in given.items() if values}


def check_hosts(api: Api, hosts: Sequence[str], labels: Sequence[str]) -> None:
    """Refuse a filter that no host passes: it would look like a fleet without routes.

    Raises:
        CommandError: There is no such host, or none has the labels.
    """
    from fleet.cli.view import Choice, chosen

    if hosts or labels:
        chosen(api.hosts(), Choice(hosts, labels))


def parts_of(found: Found) -> Sequence[Part]:
    """What the document lists."""
    match found:
        case RoutesDocument():
            return found.routes
        case RouteIssuesDocument():
            return found.issues
        case ConflictsDocument():
            return found.conflicts
        case WaitingRoutesDocument():
            return found.waiting


def look(api: Api, wanted: Wanted, revision: int | None = None, wait: str = "30s") -> Found:
    """All that is wanted, page by page.

    Args:
        api: The running fleet.
        wanted: Which list, and of what.
        revision: Wait until the table has another one than this.
        wait: How long, at most.
    """
    first: Query = {} if revision is None else {"wait": wait, "revision": str(revision)}
    for _ in range(ATTEMPTS):
        found, is_torn = _pages(api, wanted, first)
        if not is_torn:
            break
        first = {}
    return found


def _pages(api: Api, wanted: Wanted, first: Query) -> tuple[Found, bool]:
    """All pages as one, and whether the table changed between two of them."""
    from msgspec.structs import replace

    kind, path = DOCUMENTS[wanted.kind], f"/api/revp/{wanted.kind}"
    query = wanted.query() | {"limit": str(PAGE)}
    page = answer = api.read(path, kind, {**query, **first})
    parts, is_torn = list(parts_of(answer)), False
    while parts_of(page) and len(parts) < page.page.total:
        page = api.read(path, kind, query | {"offset": str(len(parts))})
        is_torn |= page.revision != answer.revision
        parts += parts_of(page)
    whole = Page(total=len(parts), offset=0, limit=max(1, len(parts)))
    return replace(answer, **{wanted.kind: tuple(parts), "page": whole}), is_torn


def document(api: Api, form: str, wanted: Wanted, options: Sequence[str]) -> bytes:
    """The document that a proxy is given.

    Args:
        api: The running fleet.
        form: The name of its format.
        wanted: Filters.
        options: As `KEY=VALUE`.

    Raises:
        CommandError: An option is not one, or the fleet has a reason not to give it.
    """
    query = wanted.query() | parse_options(options)
    return api.proxy_document(f"/api/revp/{PATHS.get(form, form)}", query).body


def parse_options(options: Sequence[str]) -> dict[str, Sequence[str]]:
    """`KEY=VALUE` texts, by key.

    Raises:
        CommandError: One has no `=`.
    """
    parsed: dict[str, list[str]] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or not name:
            raise CommandError(f"--set {option}: it has no `=`", "write KEY=VALUE", USAGE)
        parsed.setdefault(name, []).append(value)
    return dict(parsed)
