"""What a proxy serves against what it should: routes that are missing, extra or different.

Readers of what each kind of proxy says of itself are beside this (`drift_caddy` and so on).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal
from urllib.parse import unquote

from labels.model import Key, Route, Scheme, Table, Value

ProxyKind = Literal["caddy", "traefik", "haproxy"]
MOST: Final = 200_000  # routes of one proxy; what says more of itself is not believed


class DriftError(Exception):
    """A proxy could not be asked, or what it said not be read.

    Attributes:
        code: `refused` (the URL may not be asked), `unreachable` or `not-understood`.
        what: What happened, in one line.
        hint: The next step, or empty.
    """

    def __init__(self, code: str, what: str, hint: str = "") -> None:
        super().__init__(f"{what} ({hint})" if hint else what)
        self.code = code
        self.what = what
        self.hint = hint


class Served(Value, frozen=True, kw_only=True):
    """One route as a proxy has it, or should.

    Attributes:
        scheme: Of the backends; None where the proxy does not tell, or there are none.
        endpoints: `ADDRESS:PORT` of each backend that gets requests, sorted.
    """

    domain: str
    path: str
    scheme: Scheme | None = None
    endpoints: tuple[str, ...] = ()


class Reading(Value, frozen=True, kw_only=True):
    """What a proxy says it serves. `skipped`: what it has besides that is no route like ours."""

    routes: tuple[Served, ...] = ()
    skipped: int = 0


class Difference(Value, frozen=True, kw_only=True):
    """A route that the proxy has, but otherwise."""

    domain: str
    path: str
    wanted: Served
    found: Served


class Drift(Value, frozen=True, kw_only=True):
    """How a proxy differs from the table of a revision. `same`: the number of equal routes."""

    kind: ProxyKind
    url: str
    revision: int
    same: int
    missing: tuple[Served, ...] = ()
    extra: tuple[Served, ...] = ()
    different: tuple[Difference, ...] = ()
    skipped: int = 0

    @property
    def none(self) -> bool:
        """Whether the proxy serves exactly the table."""
        return not (self.missing or self.extra or self.different)


def compare(kind: ProxyKind, url: str, table: Table, reading: Reading) -> Drift:
    """Set what is found against the table; all lists are sorted by domain and path."""
    wanted = _by_key(served(route) for route in table.routes)
    found = _by_key(reading.routes)
    both = sorted(wanted.keys() & found.keys())
    # Documents for these answer 503 unless told otherwise: what a proxy lacks may be their guard.
    closed = {
        Key(route.domain, unquote(route.path))
        for route in table.routes
        if route.settings.middlewares and kind != "traefik"
    }
    different = tuple(
        Difference(domain=key.domain, path=key.path, wanted=wanted[key], found=found[key])
        for key in both
        if not _equal(wanted[key], found[key]) and not (key in closed and not found[key].endpoints)
    )
    return Drift(
        kind=kind,
        url=url,
        revision=table.revision,
        same=len(both) - len(different),
        missing=tuple(wanted[key] for key in sorted(wanted.keys() - found.keys())),
        extra=tuple(found[key] for key in sorted(found.keys() - wanted.keys())),
        different=different,
        skipped=reading.skipped,
    )


def served(route: Route) -> Served:
    """What a proxy should have of a route."""
    endpoints = {member.endpoint.authority for member in route.pool if member.endpoint}
    return Served(
        domain=route.domain,
        path=unquote(route.path),
        scheme=route.settings.scheme if endpoints else None,
        endpoints=tuple(sorted(endpoints)),
    )


def _by_key(routes: Iterable[Served]) -> dict[Key, Served]:
    """One for each domain and path: backends of several (of TLS and plain HTTP) together."""
    found: dict[Key, Served] = {}
    for route in routes:
        key = Key(route.domain, route.path)
        known = found.get(key)
        if known is not None and known != route:
            route = Served(
                domain=route.domain,
                path=route.path,
                scheme=known.scheme or route.scheme,
                endpoints=tuple(sorted({*known.endpoints, *route.endpoints})),
            )
        found[key] = route
    return found


def _equal(wanted: Served, found: Served) -> bool:
    told = wanted.scheme is not None and found.scheme is not None
    return wanted.endpoints == found.endpoints and not (told and wanted.scheme != found.scheme)
