"""One route as Caddy's JSON: what it matches, and what is done with the request."""

from __future__ import annotations

import re
from typing import Any, get_args
from urllib.parse import unquote

import msgspec

from labels.model import Check, Issue, Policy, Route, Settings
from labels.render.caddy_options import Options, seconds
from labels.render.caddy_pool import Pool, pool_of, weights_of
from labels.render.notes import Notes

_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}\Z)(\*\.)?{_LABEL}(\.{_LABEL})*")
# Patterns, placeholders, and what no path holds.
_SPECIAL = re.compile(r"[*?\[\]\\%{}\x00-\x1f\x7f\ufffd]")
_CHECK_PATH = re.compile(r"/([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_UNAVAILABLE = [{"handler": "static_response", "status_code": 503}]
_encode = msgspec.json.Encoder().encode


class Part(msgspec.Struct, frozen=True, gc=False):
    """What one route comes to. `order`: wild domains last, of one domain longer paths first."""

    order: tuple[bool, str, int, str]
    folded: tuple[str, str]  # the domain, and the path as Caddy compares it
    tls: bytes | None  # for the server on TLS
    plain: bytes | None  # for the one on plain HTTP
    issues: tuple[Issue, ...]


class Writer:
    """Makes the JSON of routes by one set of options."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._redirect = _encode([_redirect(options)])
        self._dated = options.dated
        self._balance = {
            "try_duration": seconds(options.try_duration),
            "try_interval": "100ms",
        }
        self._policies = {
            policy: self._balancing({"policy": policy}) for policy in get_args(Policy)
        }
        self._passive = msgspec.Raw(_encode({"fail_duration": seconds(options.fail_duration)}))
        self._plain = {"protocol": "http", "dial_timeout": seconds(options.dial_timeout)}
        self._to_http = msgspec.Raw(_encode(self._plain))
        self._more: dict[str, Any] = {}
        if not options.dated:
            self._more["stream_close_delay"] = seconds(options.stream_close_delay)
        elif options.trusted_proxies:
            self._more["trusted_proxies"] = options.trusted_proxies

    def part(self, route: Route) -> Part:
        """The JSON of a route; what Caddy cannot express is left out and becomes an issue."""
        domain, path = route.domain, unquote(route.path)
        order = (domain.startswith("*."), domain, -len(path), route.path)
        folded = (domain, path.lower())
        notes = Notes("caddy", route)
        if not _DOMAIN.fullmatch(domain) or not _is_plain(path):
            _note_dropped(route, notes)
            return Part(order, folded, None, None, notes.issues)
        handlers = _encode(self._handlers(route, path, notes))
        below = b"" if path == "/" else b',"path":%b' % _encode(_below(path))
        match = b'{"match":[{"host":["%b"]%b}],"handle":' % (domain.encode(), below)
        plain: bytes = match + handlers + b"}"
        tls: bytes | None = plain
        if self._options.https == "off" or not route.settings.https:
            tls = None
        else:
            self._note_certificates(route.settings, notes, wild=order[0])
            if route.settings.redirect_https:
                plain = match + self._redirect + b"}"
        return Part(order, folded, tls, plain, notes.issues)

    def _handlers(self, route: Route, path: str, notes: Notes) -> list[dict[str, Any]]:
        """What is done with a request, in order."""
        settings = route.settings
        weights, bad = weights_of(route)
        for address in bad:
            message = f"{address[:100]!r} is no address that Caddy can connect to."
            notes.add("address", "error", message, "The backend is left out.")
        served = notes.middlewares(route, "Caddy", skip=self._options.skip_middlewares)
        if not served or not weights:
            return _UNAVAILABLE
        pool = pool_of(weights, settings.policy, dated=self._dated)
        if pool.ignored:
            message = f"Caddy's policy {settings.policy} knows no weights."
            notes.add("weight-ignored", "warning", message, "All backends weigh the same.")
        if pool.approximate:
            message = f"These weights need more than {len(pool.dials)} entries in Caddy's pool."
            notes.add("weight-approximate", "info", message, "They are kept nearly.")
        proxy = self._proxy(settings, pool, notes)
        if settings.strip_prefix is None:
            return [proxy]
        return [*_strip(unquote(settings.strip_prefix), path, notes), proxy]

    def _proxy(self, settings: Settings, pool: Pool, notes: Notes) -> dict[str, Any]:
        made: dict[str, Any] = {
            "handler": "reverse_proxy",
            "upstreams": [{"dial": dial} for dial in pool.dials],
            "transport": self._transport(settings),
        }
        health: dict[str, Any] = {}
        if settings.check is not None:
            health |= _active(settings.check, notes)
        if len(pool.dials) > 1:
            # A backend that refuses is passed over for a while; the only one never is.
            health["passive"] = self._passive
            policy = self._policies[settings.policy]
            if pool.weights is not None:
                weighted = {"policy": "weighted_round_robin", "weights": pool.weights}
                policy = self._balancing(weighted)
            made["load_balancing"] = policy
        if health:
            made["health_checks"] = health
        if values := _headers(settings, notes):
            made["headers"] = {"request": {"set": values}}
        if settings.websocket and self._dated:
            message = "Caddy 2.6 closes WebSockets whenever any route changes."
            notes.add("websocket", "info", message, "Caddy 2.8 keeps them: see `version`.")
        made.update(self._more)
        return made

    def _balancing(self, policy: dict[str, Any]) -> msgspec.Raw:
        return msgspec.Raw(_encode({"selection_policy": policy} | self._balance))

    def _transport(self, settings: Settings) -> msgspec.Raw | dict[str, Any]:
        if settings.scheme == "http":
            return self._to_http
        tls = {"insecure_skip_verify": True} if settings.insecure_skip_verify else {}
        return self._plain | {"tls": tls}

    def _note_certificates(self, settings: Settings, notes: Notes, *, wild: bool) -> None:
        if settings.certificate_resolver:
            message = f"Caddy has no certificate resolver {settings.certificate_resolver[:50]!r}."
            notes.add("certificate-resolver", "info", message, "Caddy gets one in its own way.")
        if wild and self._options.https == "auto":
            message = "A certificate for a wildcard needs a DNS challenge: Caddy has no key for it."
            notes.add("wildcard-certificate", "error", message, "It is not served on TLS.")


def _is_plain(path: str) -> bool:
    """Whether Caddy compares the path as it is. It takes dots and spaces off a request's end."""
    if path == "/":
        return True
    ends = path.endswith(("/", ".", " "))
    return path.startswith("/") and "//" not in path and not ends and not _SPECIAL.search(path)


def _below(path: str) -> tuple[str, str]:
    """The path and all below it."""
    return path, f"{path}/*"


def _redirect(options: Options) -> dict[str, Any]:
    port = "" if options.https_port == 443 else f":{options.https_port}"
    target = f"https://{{http.request.host}}{port}{{http.request.uri}}"
    return {"handler": "static_response", "status_code": 308, "headers": {"Location": [target]}}


def _note_dropped(route: Route, notes: Notes) -> None:
    what, text = (
        ("path", route.path) if _DOMAIN.fullmatch(route.domain) else ("domain", route.domain)
    )
    message = f"Caddy cannot match the {what} {text[:100]!r} as it is written."
    notes.add(what, "error", message, "The route is left out.")


def _strip(prefix: str, path: str, notes: Notes) -> list[dict[str, Any]]:
    if prefix == "/":
        return []
    if not _is_plain(prefix):
        message = f"Caddy cannot strip the path {prefix[:100]!r}."
        notes.add("strip-prefix", "error", message, "Nothing is stripped.")
        return []
    rewrite = {"handler": "rewrite", "strip_path_prefix": prefix}
    if path == prefix or path.startswith(f"{prefix}/"):
        return [rewrite]
    # Matched by itself, as `/api` is not to be taken off `/apis`.
    only = {"match": [{"path": _below(prefix)}], "handle": [rewrite]}
    return [{"handler": "subroute", "routes": [only]}]


def _active(check: Check, notes: Notes) -> dict[str, Any]:
    if not _CHECK_PATH.fullmatch(check.path):
        message = f"Caddy cannot ask for {check.path[:100]!r}."
        notes.add("check-path", "warning", message, "Caddy does not check the backends.")
        return {}
    asked: dict[str, Any] = {
        "uri": check.path,
        "interval": seconds(check.interval),
        "timeout": seconds(check.timeout),
    }
    if check.status is not None:
        asked["expect_status"] = check.status
    return {"active": asked}


def _headers(settings: Settings, notes: Notes) -> dict[str, list[str]]:
    values = {}
    if not settings.pass_host_header:
        values["Host"] = ["{http.reverse_proxy.upstream.hostport}"]
    for name, value in settings.headers:
        if _HEADER.fullmatch(name) and _VALUE.fullmatch(value):
            values[name.title()] = [_literal(value)]
        else:
            message = f"The header {name[:50]!r} has a name or value that HTTP does not allow."
            notes.add("header", "warning", message, "It is left out.")
    return values


def _literal(text: str) -> str:
    """Keep Caddy from reading placeholders, `{env.SECRET}` say, in what a label wrote."""
    return re.sub(r"[{}]", r"\\\g<0>", text) if "{" in text else text
