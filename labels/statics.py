"""Static routes, as who wants a domain and path."""

from __future__ import annotations

from labels.conflicts import Candidate
from labels.facts import StaticRoute
from labels.known import Source
from labels.model import Endpoint, Issue, Key, Member, Step


def key_of(route: StaticRoute) -> Key:
    """What it is routed by."""
    return Key(route.domain, route.path)


def source(route: StaticRoute) -> Source:
    """Where its issues stand among all."""
    return "", route.domain, f"static/{route.number}"


def candidate(route: StaticRoute) -> Candidate:
    """Its claim. It stays in the pool with a problem, too: proxies may know better than we do."""
    endpoint = Endpoint(address=route.address, port=route.port)
    member = Member(
        id=f"static/{route.number}",
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
