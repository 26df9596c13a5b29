"""What Traefik takes, for tests: its types, its rules, and which router gets a request.

Written from Traefik's own source: the structs of `pkg/config/dynamic` as they are in 2.11, 3.0, 3.4
and 3.7 (only what we write, with the same names and types), `parser/nodes_metadata.go` of paerser,
which refuses unknown fields and empty maps, and `pkg/muxer/http` for the meaning of rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec


class _Strict(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True
):
    pass


class _Domain(_Strict, frozen=True, kw_only=True):
    main: str


class _Tls(_Strict, frozen=True, kw_only=True):
    cert_resolver: str | None = None
    domains: list[_Domain] | None = None


class Router(_Strict, frozen=True, kw_only=True):
    entry_points: list[str]
    rule: str
    priority: int
    service: str
    middlewares: list[str] = []
    tls: _Tls | None = None


class _Strip(_Strict, frozen=True, kw_only=True):
    prefixes: list[str]


class _StripRegex(_Strict, frozen=True, kw_only=True):
    regex: list[str]


class _Headers(_Strict, frozen=True, kw_only=True):
    custom_request_headers: dict[str, str]


class _Redirect(_Strict, frozen=True, kw_only=True):
    scheme: str
    port: str | None = None  # a string, not a number
    permanent: bool | None = None


class _Retry(_Strict, frozen=True, kw_only=True):
    attempts: int


class Middleware(_Strict, frozen=True, kw_only=True):
    strip_prefix: _Strip | None = None
    strip_prefix_regex: _StripRegex | None = None
    headers: _Headers | None = None
    redirect_scheme: _Redirect | None = None
    retry: _Retry | None = None


class _Check2(_Strict, frozen=True, kw_only=True):
    path: str
    interval: str
    timeout: str
    hostname: str | None = None
    follow_redirects: bool | None = None


class _Check3(_Check2, frozen=True, kw_only=True):
    status: int | None = None


class _Server2(_Strict, frozen=True, kw_only=True):
    url: str


class _Server3(_Server2, frozen=True, kw_only=True):
    weight: int | None = None


class _Balancer2(_Strict, frozen=True, kw_only=True):
    servers: list[_Server2]
    health_check: _Check2 | None = None
    pass_host_header: bool | None = None
    servers_transport: str | None = None


class _Balancer30(_Strict, frozen=True, kw_only=True):
    servers: list[_Server3]
    health_check: _Check3 | None = None
    pass_host_header: bool | None = None
    servers_transport: str | None = None


class _Balancer34(_Balancer30, frozen=True, kw_only=True):
    strategy: str | None = None


class _Share(_Strict, frozen=True, kw_only=True):
    name: str
    weight: int


class _Weighted(_Strict, frozen=True, kw_only=True):
    services: list[_Share]
    health_check: dict[str, str] | None = None


class _Service2(_Strict, frozen=True, kw_only=True):
    load_balancer: _Balancer2 | None = None
    weighted: _Weighted | None = None


class _Service30(_Strict, frozen=True, kw_only=True):
    load_balancer: _Balancer30 | None = None
    weighted: _Weighted | None = None


class _Service34(_Strict, frozen=True, kw_only=True):
    load_balancer: _Balancer34 | None = None
    weighted: _Weighted | None = None


class _Transport(_Strict, frozen=True, kw_only=True):
    insecure_skip_verify: bool


class Http(_Strict, frozen=True, kw_only=True):
    routers: dict[str, Router] = {}
    services: dict[str, dict[str, Any]] = {}
    middlewares: dict[str, Middleware] = {}
    servers_transports: dict[str, _Transport] = {}


class Document(_Strict, frozen=True, kw_only=True):
    http: Http = Http()


_SERVICES = {(2, 0): _Service2, (3, 0): _Service30, (3, 4): _Service34, (3, 6): _Service34}
_MAY_BE_EMPTY = {"tls", "healthCheck"}  # the latter of weighted services only
_STRATEGIES = {(3, 4): {"p2c"}, (3, 6): {"p2c", "hrw"}}


def check(body: bytes, version: tuple[int, int]) -> Http:
    """Refuse what this Traefik (2.0 stands for 2.11) would; return what it understands.

    Raises:
        AssertionError, msgspec.ValidationError: It would refuse it, or a router would not work.
    """
    raw = msgspec.json.decode(body)
    assert len(body) == len(body.decode().encode("ascii")), "not ASCII"
    if raw:
        _no_empty_map(raw)
    http = msgspec.convert(raw, Document).http
    kind = _SERVICES[version]
    services = {name: msgspec.convert(made, kind) for name, made in http.services.items()}
    for name in (*http.routers, *http.services, *http.middlewares, *http.servers_transports):
        assert len(name) < 1024, "YAML takes no longer key"
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name), name
    for service in services.values():
        _check_service(service, services, http, version)
    for router in http.routers.values():
        assert router.service in services or router.service == "noop@internal"
        assert router.priority > 0, "0 is the length of the rule"
        matches(router.rule, "a.example", "/", version[0])
        for middleware in router.middlewares:
            assert "@" in middleware or middleware in http.middlewares
    for made in http.middlewares.values():
        assert sum(each is not None for each in msgspec.structs.astuple(made)) == 1
    return http


def _no_empty_map(node: Any) -> None:
    """`NAME cannot be a standalone element`."""
    if isinstance(node, list):
        for each in node:
            _no_empty_map(each)
    if isinstance(node, dict):
        for name, value in node.items():
            assert value != {} or name in _MAY_BE_EMPTY, f"{name} cannot be a standalone element"
            _no_empty_map(value)


def _check_service(
    service: Any, services: dict[str, Any], http: Http, version: tuple[int, int]
) -> None:
    assert (service.load_balancer is None) != (service.weighted is None)
    if service.weighted is not None:
        assert service.weighted.services
        for share in service.weighted.services:
            child = services[share.name].load_balancer
            assert child is not None
            both = (service.weighted.health_check is None, child.health_check is None)
            assert both[0] == both[1], "a child is checked, or none is"
        return
    balancer = service.load_balancer
    transport = balancer.servers_transport
    assert transport is None or transport in http.servers_transports
    strategy = getattr(balancer, "strategy", None)
    assert strategy is None or strategy in _STRATEGIES[version]


_TERM = re.compile(r"(Host|HostRegexp|Path|PathPrefix)\(`([^`]*)`\)")


def matches(rule: str, host: str, path: str, version: int) -> bool:
    """Whether a request is one of a rule's."""
    truth = _TERM.sub(lambda term: str(_term(term[1], term[2], host, path, version)), rule)
    assert re.fullmatch(r"(True|False)( && \((True|False) \|\| (True|False)\))?", truth), rule
    first, *others = [word == "True" for word in re.findall("True|False", truth)]
    return first and (any(others) if others else True)


def _term(matcher: str, value: str, host: str, path: str, version: int) -> bool:
    match matcher:
        case "Host":
            assert re.fullmatch(r"[a-z0-9_.-]+", value), "no wildcard before 3.7"
            return host == value
        case "HostRegexp" if version == 2:
            pattern = re.fullmatch(r"\{name:(\[\^\.\]\+)\}([a-z0-9_.-]+)", value)
            assert pattern, value
            return re.fullmatch(pattern[1] + re.escape(pattern[2]), host) is not None
        case "HostRegexp":
            return re.search(value, host) is not None
        case "Path":
            assert "{" not in value, "a pattern to version 2"
            return path == value
    assert "{" not in value, "a pattern to version 2"
    return path.startswith(value)


def chosen(http: Http, entry_point: str, host: str, path: str, version: int) -> str | None:
    """The name of the router that gets a request; None: 404."""
    found = [
        (router.priority, name)
        for name, router in http.routers.items()
        if entry_point in router.entry_points and matches(router.rule, host, path, version)
    ]
    best = max((priority for priority, _ in found), default=0)
    names = list(_named(found, best))
    assert len(names) < 2, "chance decides"
    return names[0] if names else None


def _named(found: list[tuple[int, str]], priority: int) -> Iterator[str]:
    return (name for each, name in found if each == priority)
