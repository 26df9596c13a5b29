"""Static routes, as who wants a domain and path."""

from __future__ import annotations

from collections.abc import Iterable

from labels.facts import StaticRoute
from labels.model import Endpoint, Issue, Key, Member, Step
from labels.routing.backends import Source
from labels.routing.conflicts import Candidate


def by_key(routes: Iterable[StaticRoute]) -> dict[Key, dict[str, StaticRoute]]:
    """Static routes by what they are routed by, and by the table's names of them.

    Their place in the file plays no part in a name: else a new one would rename all behind it.
    """
    found: dict[Key, dict[str, StaticRoute]] = {}
    for route in routes:
        there = found.setdefault(Key(route.domain, route.path), {})
        name = f"static/{route.domain}{route.path} {_endpoint(route).authority}"
        there[f"{name} {len(there)}" if name in there else name] = route
    return found


def source(key: Key, name: str) -> Source:
    """Where the issues of one stand among all."""
    return "", key.domain, name


def candidate(name: str, route: StaticRoute) -> Candidate:
    """Its claim. It stays in the pool with a problem, too: proxies may know better than we do."""
    endpoint = _endpoint(route)
    member = Member(
        id=name,
        origin="static",
        name=endpoint.authority,
        endpoint=endpoint,
        trace=(Step(way="static", taken=True, reason="the configuration names it"),),
        weight=route.weight,
        standing="up" if route.weight else "off",
    )
    return Candidate(member, route.settings)


def issues(route: StaticRoute) -> tuple[Issue, ...]:
    """What is wrong with it now."""
    if not route.problem:
        return ()
    return (
        Issue(
            code="static-unreachable",
            severity="warning",
            message=f"{route.domain} leads to {route.address}:{route.port}: {route.problem} here.",
            action="It is served all the same: proxies may find it otherwise.",
            container=route.domain,
            value=f"{route.address}:{route.port}",
            domain=route.domain,
        ),
    )


def _endpoint(route: StaticRoute) -> Endpoint:
    return Endpoint(address=route.address, port=route.port)
