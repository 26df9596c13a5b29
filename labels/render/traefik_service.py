"""The backends of one route as Traefik's JSON. A service without any answers 503."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from labels.model import Member, Policy, Route, Scheme
from labels.render.names import escape
from labels.render.notes import Notes
from labels.render.traefik_document import (
    Aware,
    HealthCheck,
    LoadBalancer,
    Server,
    Service,
    Share,
    Weighted,
)
from labels.render.traefik_options import Options

INSECURE: Final = "insecure"  # the transport to backends whose certificate is not verified

_STRATEGIES: Final[dict[Policy, tuple[str, int]]] = {
    "least_conn": ("p2c", 4),
    "ip_hash": ("hrw", 6),
}
"""Traefik's words, and the minor of version 3 that brought them."""

_ADDRESS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}|[0-9a-fA-F:.]{2,45}")
_CHECK_PATH = re.compile(r"/([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")


def insecure(route: Route) -> bool:
    """Whether its backends are asked on TLS, whatever their certificates are."""
    return route.settings.insecure_skip_verify and route.settings.scheme == "https"


def services_of(
    route: Route, pool: Iterable[Member], name: str, options: Options, notes: Notes
) -> dict[str, Service]:
    """The service `name` of a route with this pool.

    In version 2 there is also one for each backend if their weights differ.
    """
    weights = _weights(pool, route.settings.scheme, notes)
    strategy = _strategy(route.settings.policy, options, notes)
    even = len(weights) < 2 or len(set(weights.values())) == 1
    if not even and strategy == "p2c":
        message = "Traefik's policy p2c knows no weights."
        notes.add("weight-ignored", "warning", message, "All backends weigh the same.")
        even = True
    check = _check(route, options, notes) if weights else None
    if even or options.version == 3:
        servers = tuple(
            Server(url=url, weight=None if even else weight) for url, weight in weights.items()
        )
        return {name: _balanced(route, servers, check, strategy)}
    children = {f"{name}_to_{escape(url.partition('://')[2])}": url for url in weights}
    shares = tuple(Share(name=child, weight=weights[url]) for child, url in children.items())
    whole = Service(weighted=Weighted(services=shares, health_check=Aware() if check else None))
    return {name: whole} | {
        child: _balanced(route, (Server(url=url),), check) for child, url in children.items()
    }


def _balanced(
    route: Route, servers: tuple[Server, ...], check: HealthCheck | None, strategy: str = ""
) -> Service:
    balancer = LoadBalancer(
        servers=servers,
        pass_host_header=route.settings.pass_host_header,
        servers_transport=INSECURE if insecure(route) else "",
        health_check=check,
        strategy=strategy,
    )
    return Service(load_balancer=balancer)


def _weights(pool: Iterable[Member], scheme: Scheme, notes: Notes) -> dict[str, int]:
    """The weight of each backend that gets requests, by its URL, sorted."""
    found: dict[str, int] = {}
    for member in pool:
        endpoint = member.endpoint
        assert endpoint is not None  # noqa: S101 - what gets requests has one
        if _ADDRESS.fullmatch(endpoint.address):
            url = f"{scheme}://{endpoint.authority}"
            found[url] = found.get(url, 0) + member.weight
        else:
            message = f"{endpoint.address[:100]!r} is no address to connect to."
            notes.add("address", "error", message, "The backend is left out.")
    return dict(sorted(found.items())) if len(found) > 1 else found


def _strategy(policy: Policy, options: Options, notes: Notes) -> str:
    """Traefik's word for the policy, empty for its own default."""
    if policy == "round_robin":
        return ""
    word, since = _STRATEGIES.get(policy, ("", None))
    if options.version == 3 and since is not None and options.minor >= since:
        return word
    version = "2" if options.version == 2 else f"3.{options.minor}"
    message = f"Traefik {version} has no policy {policy}."
    hint = "" if since is None else f" Traefik 3.{since} has it: see `minor`."
    notes.add("policy", "warning", message, f"Backends take turns.{hint}")
    return ""


def _check(route: Route, options: Options, notes: Notes) -> HealthCheck | None:
    check = route.settings.check
    if check is None:
        return None
    if not _CHECK_PATH.fullmatch(check.path):
        message = f"Traefik cannot ask for {check.path[:100]!r}."
        notes.add("check-path", "warning", message, "Traefik does not check the backends.")
        return None
    if check.status is not None and options.version == 2:
        message = f"Traefik 2 cannot expect the status {check.status} of a check."
        notes.add("check-status", "warning", message, "Any 2xx or 3xx will do.")
    named = route.settings.pass_host_header and not route.domain.startswith("*.")
    return HealthCheck(
        path=check.path,
        interval=_duration(check.interval),
        timeout=_duration(check.timeout),
        follow_redirects=False,  # a redirect is an answer
        hostname=route.domain if named else "",
        status=check.status if options.version == 3 else None,
    )


def _duration(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"
