"""Static routes, as who wants a domain and path."""

from __future__ import annotations

from labels.conflicts import Candidate
from labels.facts import StaticRoute
from labels.known import Source
from labels.model import Endpoint, Issue, Key, Member, Standing, Step


def key_of(route: StaticRoute) -> Key:
    """What it is routed by."""
    return Key(route.domain, route.path)


def source(route: StaticRoute) -> Source:
    """Where its issues stand among all."""
    return "", route.domain, f"static/{route.number}"


def candidate(route: StaticRoute) -> Candidate:
    """Its claim. With a problem it is known, but out of the pool."""
    endpoint = Endpoint(address=route.address, port=route.port)
    standing: Standing = "off" if not route.weight else "unreachable" if route.problem else "up"
    member = Member(
        id=f"static/{route.number}",
        origin="static",
        name=endpoint.authority,
        endpoint=endpoint,
        trace=(Step(way="static", taken=True, reason="the configuration names it"),),
        weight=route.weight,
        standing=standing,
    )
    return Candidate(member, route.settings)


def issues(route: StaticRoute) -> tuple[Issue, ...]:
    """What is wrong with it now."""
    if not route.problem:
        return ()
    return (
        Issue(
            code="static-unreachable",
            severity="error",
            message=f"{route.domain} leads to {route.address}:{route.port}: {route.problem}.",
            action="It gets no requests.",
            container=route.domain,
            value=f"{route.address}:{route.port}",
            domain=route.domain,
        ),
    )
