"""What `fleet routes` reads from the running fleet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fleet.cli.api import PAGE, Api
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

DOCUMENTS: dict[Kind, type[Found]] = {
    "routes": RoutesDocument,
    "issues": RouteIssuesDocument,
    "conflicts": ConflictsDocument,
    "waiting": WaitingRoutesDocument,
}
PATHS = {"haproxy-map": "haproxy/map"}


@dataclass(frozen=True)
class Wanted:
    """Which list, and of what. Empty means all; `form`: issues of this proxy's document."""

    kind: Kind
    hosts: Sequence[str] = ()
    labels: Sequence[str] = ()
    domains: Sequence[str] = ()
    form: str | None = None

    def query(self) -> dict[str, Sequence[str]]:
        """The filters as the API takes them."""
        given: dict[str, Sequence[str]] = {
            "host": self.hosts,
            "label": self.labels,
            "domain": self.domains,
        }
        if self.form:
            given["format"] = [self.form]
        return {name: list(values) for name, values in given.items() if values}


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
    kind = DOCUMENTS[wanted.kind]
    path = f"/api/revp/{wanted.kind}"
    query: dict[str, str | Sequence[str]] = dict(wanted.query())
    first = query | ({"wait": wait, "revision": str(revision)} if revision is not None else {})
    answer = api.read(path, kind, first | {"limit": str(PAGE)})
    parts = list(parts_of(answer))
    for page in _rest(api, path, kind, query, answer):
        parts += parts_of(page)
    whole = Page(total=len(parts), offset=0, limit=max(1, len(parts)))
    return _replaced(answer, wanted.kind, tuple(parts), whole)


def _rest(
    api: Api, path: str, kind: type[Found], query: Mapping[str, str | Sequence[str]], first: Found
) -> Iterator[Found]:
    count = len(parts_of(first))
    while count < first.page.total:
        page = api.read(path, kind, {**query, "offset": str(count), "limit": str(PAGE)})
        if not parts_of(page):
            return
        count += len(parts_of(page))
        yield page


def _replaced(first: Found, kind: Kind, parts: tuple[Part, ...], page: Page) -> Found:
    from msgspec.structs import replace

    return replace(first, **{kind: parts, "page": page})


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
    return api.document(f"/api/revp/{PATHS.get(form, form)}", query)


def parse_options(options: Sequence[str]) -> dict[str, Sequence[str]]:
    """`KEY=VALUE` texts, by key.

    Raises:
        CommandError: One has no `=`.
    """
    from fleet.cli.errors import USAGE, CommandError

    parsed: dict[str, list[str]] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or not name:
            raise CommandError(f"--set {option}: it has no `=`", "write KEY=VALUE", USAGE)
        parsed.setdefault(name, []).append(value)
    return dict(parsed)
