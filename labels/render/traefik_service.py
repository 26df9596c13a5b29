"""The backends of one route as Traefik's JSON. A service without any answers 503."""

from __future__ import annotations

import re
from typing import Any, Final

from labels.model import Check, Policy, Route
from labels.render.names import escape
from labels.render.notes import Notes
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
    route: Route, name: str, options: Options, notes: Notes
) -> dict[str, dict[str, Any]]:
    """The service `name`; in version 2 also one for each backend if their weights differ."""
    weights = _weights(route, notes)
    strategy = _strategy(route.settings.policy, options, notes)
    even = len(set(weights.values())) < 2
    if not even and strategy == "p2c":
        message = "Traefik's policy p2c knows no weights."
        notes.add("weight-ignored", "warning", message, "All backends weigh the same.")
        even = True
    shared = _shared(route, options, notes, checked=bool(weights))
    if not even and options.version == 2:
        return _weighted(name, weights, shared)
    servers: list[dict[str, Any]] = [
        {"url": url} if even else {"url": url, "weight": weight} for url, weight in weights.items()
    ]
    if strategy:
        shared["strategy"] = strategy
    return {name: {"loadBalancer": {"servers": servers} | shared}}


def _weights(route: Route, notes: Notes) -> dict[str, int]:
    """The weight of each backend that gets requests, by its URL, sorted."""
    found: dict[str, int] = {}
    scheme = route.settings.scheme
    for member in route.pool:
        assert member.endpoint is not None  # noqa: S101 - what gets requests has one
        if _ADDRESS.fullmatch(member.endpoint.address):
            url = f"{scheme}://{member.endpoint.authority}"
            found[url] = found.get(url, 0) + member.weight
        else:
            message = f"{member.endpoint.address[:100]!r} is no address to connect to."
            notes.add("address", "error", message, "The backend is left out.")
    return dict(sorted(found.items()))


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


def _weighted(name: str, weights: dict[str, int], shared: dict[str, Any]) -> dict[str, Any]:
    """Services of one backend each, as version 2 knows weights of services only."""
    children = {f"{name}_to_{escape(url.partition('://')[2])}": url for url in weights}
    weighted: dict[str, Any] = {
        "services": [{"name": child, "weight": weights[url]} for child, url in children.items()]
    }
    if "healthCheck" in shared:
        weighted["healthCheck"] = {}  # what children find counts for the whole
    return {name: {"weighted": weighted}} | {
        child: {"loadBalancer": {"servers": [{"url": url}]} | shared}
        for child, url in children.items()
    }


def _shared(route: Route, options: Options, notes: Notes, *, checked: bool) -> dict[str, Any]:
    """What is said of a load balancer beside its servers."""
    settings = route.settings
    made: dict[str, Any] = {"passHostHeader": settings.pass_host_header}
    if insecure(route):
        made["serversTransport"] = INSECURE
    if settings.check and checked:
        made |= _check(route, settings.check, options, notes)
    return made


def _check(route: Route, check: Check, options: Options, notes: Notes) -> dict[str, Any]:
    if not _CHECK_PATH.fullmatch(check.path):
        message = f"Traefik cannot ask for {check.path[:100]!r}."
        notes.add("check-path", "warning", message, "Traefik does not check the backends.")
        return {}
    made: dict[str, Any] = {
        "path": check.path,
        "interval": _duration(check.interval),
        "timeout": _duration(check.timeout),
        "followRedirects": False,  # a redirect is an answer
    }
    if route.settings.pass_host_header and not route.domain.startswith("*."):
        made["hostname"] = route.domain
    if check.status is not None and options.version == 3:
        made["status"] = check.status
    elif check.status is not None:
        message = f"Traefik 2 cannot expect the status {check.status} of a check."
        notes.add("check-status", "warning", message, "Any 2xx or 3xx will do.")
    return {"healthCheck": made}


def _duration(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"
