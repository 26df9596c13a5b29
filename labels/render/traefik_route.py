"""One route as Traefik's JSON: its routers, services and middlewares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from labels.model import Issue, Key, Route, Settings
from labels.render.names import safe_name
from labels.render.notes import Notes
from labels.render.traefik_document import (
    Domain,
    Headers,
    Middleware,
    Piece,
    Router,
    StripPrefix,
    StripPrefixRegex,
    Tls,
)
from labels.render.traefik_options import Options
from labels.render.traefik_service import insecure, services_of

# Middlewares that routes share; those of their own have a `_` in their names.
REDIRECT: Final = "redirect-to-https"
RETRY: Final = "another-backend"

_DOMAIN = re.compile(r"(\*\.)?[a-z0-9_][a-z0-9_.-]{0,252}")
_PATH = re.compile(r"(/[A-Za-z0-9._~@:+=,-]+)+")  # neither a pattern nor the end of a rule
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\x20-\x7e]*")
_MIDDLEWARE = re.compile(r"[A-Za-z0-9._-]+(@[A-Za-z0-9._-]+)?")
_encode = msgspec.json.Encoder().encode
_RESOLVER = re.compile(r"[A-Za-z0-9._-]+")


class Part(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one route comes to: entries of each section, with commas between them."""

    routers: bytes = b""
    services: bytes = b""
    middlewares: bytes = b""
    redirects: bool = False
    retries: bool = False
    insecure: bool = False
    issues: tuple[Issue, ...] = ()


def entries(pieces: Mapping[str, Piece]) -> bytes:
    """Entries of a map, without its braces."""
    return _encode(pieces)[1:-1] if pieces else b""


def part_of(route: Route, options: Options) -> Part:
    """Make the JSON of a route; what Traefik cannot express is left out and becomes an issue."""
    notes = Notes("traefik", route)
    if not _DOMAIN.fullmatch(route.domain):
        message = f"Traefik cannot match the domain {route.domain[:100]!r}."
        notes.add("domain", "error", message, "The route is left out.")
        return Part(issues=notes.issues)
    if route.path != "/" and not _PATH.fullmatch(route.path):
        message = f"Traefik cannot match the path {route.path[:100]!r}."
        notes.add("path", "error", message, "The route is left out.")
        return Part(issues=notes.issues)
    name = safe_name(route.key)
    middlewares = _middlewares(route, name, notes)
    pool = route.pool
    retries = len(pool) > 1
    # A retry is next to the service: what stands before it sees each request once.
    last = (RETRY,) if retries else ()
    used = (*middlewares, *_named(route.settings, options, notes), *last)
    return Part(
        services=entries(services_of(route, pool, name, options, notes)),
        routers=entries(_routers(route, name, used, options, notes)),
        middlewares=entries(middlewares),
        redirects=route.settings.https and route.settings.redirect_https,
        retries=retries,
        insecure=insecure(route),
        issues=notes.issues,
    )


def _routers(
    route: Route, name: str, middlewares: tuple[str, ...], options: Options, notes: Notes
) -> dict[str, Router]:
    """The router on TLS, and the one on plain HTTP (`_http`) that redirects or serves as well."""
    settings = route.settings
    rule = _rule(route.key, options.version)
    priority = _priority(route.key, rule)
    redirects = settings.https and settings.redirect_https
    plain = Router(
        entry_points=(options.http_entrypoint,),
        rule=rule,
        priority=priority,
        service="noop@internal" if redirects else name,
        middlewares=(REDIRECT,) if redirects else middlewares,
    )
    if not settings.https:
        return {name: plain}
    tls = Router(
        entry_points=(options.https_entrypoint,),
        rule=rule,
        priority=priority,
        service=name,
        middlewares=middlewares,
        tls=_tls(route, options, notes),
    )
    return {name: tls, f"{name}_http": plain}


def _rule(key: Key, version: int) -> str:
    host = f"Host(`{key.domain}`)"
    if key.domain.startswith("*."):
        rest = key.domain[1:]
        plain = f"^[^.]+{re.escape(rest)}$"
        host = f"HostRegexp(`{{name:[^.]+}}{rest}`)" if version == 2 else f"HostRegexp(`{plain}`)"
    if key.path == "/":
        return host
    # `PathPrefix` compares characters: /api alone would take /apis too.
    return f"{host} && (Path(`{key.path}`) || PathPrefix(`{key.path}/`))"


def _priority(key: Key, rule: str) -> int:
    """Exact domains before wildcards, and of one domain the longer path.

    An exact domain has the priority that Traefik would give it by itself, the length of its rule,
    so that routers written by hand find their place among ours. Wildcards are below all of these:
    of two paths that match the same request one has more parts.
    """
    if not key.domain.startswith("*."):
        return len(rule)
    return 1 if key.path == "/" else 1 + key.path.count("/")


def _tls(route: Route, options: Options, notes: Notes) -> Tls:
    resolver = route.settings.certificate_resolver
    if resolver and not _RESOLVER.fullmatch(resolver):
        message = f"Traefik cannot have a certificate resolver {resolver[:50]!r}."
        notes.add("certificate-resolver", "warning", message, "The default one is named.")
        resolver = ""
    resolver = resolver or options.certificate_resolver
    if resolver and route.domain.startswith("*."):  # an exact domain is read off the rule
        return Tls(cert_resolver=resolver, domains=(Domain(main=route.domain),))
    return Tls(cert_resolver=resolver)


def _named(settings: Settings, options: Options, notes: Notes) -> list[str]:
    """The middlewares that labels name, each with its provider."""
    names = []
    for name in settings.middlewares:
        if _MIDDLEWARE.fullmatch(name):
            names.append(name if "@" in name else f"{name}@{options.middleware_provider}")
        else:
            message = f"Traefik cannot have a middleware {name[:50]!r}."
            notes.add("middleware", "error", message, "The route is served without it.")
    return names


def _middlewares(route: Route, name: str, notes: Notes) -> dict[str, Middleware]:
    """The route's own middlewares, in the order in which they work."""
    made: dict[str, Middleware] = {}
    if strip := _strip(route, notes):
        made[f"{name}_strip"] = strip
    if values := _headers(route.settings, notes):
        made[f"{name}_headers"] = Middleware(headers=Headers(custom_request_headers=values))
    return made


def _strip(route: Route, notes: Notes) -> Middleware | None:
    prefix = route.settings.strip_prefix or "/"
    if prefix == "/":
        return None
    if not _PATH.fullmatch(prefix):
        message = f"Traefik cannot strip the path {prefix[:100]!r}."
        notes.add("strip-prefix", "error", message, "Nothing is stripped.")
        return None
    if route.path == prefix or route.path.startswith(f"{prefix}/"):
        return Middleware(strip_prefix=StripPrefix(prefixes=(prefix,)))
    # Other requests come, too, and /api is not to be taken off /apis.
    pattern = f"^{re.escape(prefix)}(/|$)"
    return Middleware(strip_prefix_regex=StripPrefixRegex(regex=(pattern,)))


def _headers(settings: Settings, notes: Notes) -> dict[str, str]:
    values = {}
    for name, value in settings.headers:
        if not _HEADER.fullmatch(name) or not _VALUE.fullmatch(value):
            message = f"The header {name[:50]!r} has a name or value that HTTP does not allow."
            notes.add("header", "warning", message, "It is left out.")
            continue
        if not value:
            message = f"Traefik cannot set the header {name[:50]!r} to nothing."
            notes.add("empty-header", "info", message, "It is taken off the request.")
        values[name] = value
    return values
