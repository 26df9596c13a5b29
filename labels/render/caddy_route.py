"""One route as Caddy's JSON: what it matches, and what is done with the request."""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec

from labels.model import Check, Issue, Route, Severity
from labels.render.caddy_options import Options, seconds
from labels.render.caddy_pool import Pool, pool_of, selection, weights_of

_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_DOMAIN = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*")
# Patterns, placeholders, and what no path holds.
_SPECIAL = re.compile(r"[*?\[\]\\%{}\x00-\x1f\x7f\ufffd]")
_CHECK_PATH = re.compile(r"/([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")


class Part(NamedTuple):
    """What one route comes to. `order`: wild domains last, of one domain longer paths first."""

    order: tuple[bool, str, int, str]
    domain: str
    tls: bytes | None  # for the server on TLS
    plain: bytes | None  # for the one on plain HTTP
    issues: tuple[Issue, ...]


def part_of(route: Route, options: Options) -> Part:
    """Make the JSON of a route; what Caddy cannot express is left out and becomes an issue."""
    path = unquote(route.path)
    order = (route.domain.startswith("*."), route.domain, -len(path), route.path)
    if not _DOMAIN.fullmatch(route.domain) or len(route.domain) > 253:
        return Part(order, route.domain, None, None, (_dropped(route, "domain", route.domain),))
    if not _is_plain(path):
        return Part(order, route.domain, None, None, (_dropped(route, "path", route.path),))
    maker = _Maker(route, options)
    match = {"host": [route.domain]} | ({} if path == "/" else {"path": [path, f"{path}/*"]})
    serve = msgspec.json.encode({"match": [match], "handle": maker.handlers(path)})
    tls: bytes | None = serve
    plain = serve
    if options.https == "off" or not route.settings.https:
        tls = None
    elif route.settings.redirect_https:
        plain = msgspec.json.encode({"match": [match], "handle": [_redirect(options)]})
    maker.note_certificates()
    return Part(order, route.domain, tls, plain, tuple(maker.issues))


def _is_plain(path: str) -> bool:
    """Whether Caddy compares the path as it is. It takes dots and spaces off a request's end."""
    if path == "/":
        return True
    ends = path.endswith(("/", ".", " "))
    return path.startswith("/") and "//" not in path and not ends and not _SPECIAL.search(path)


def _redirect(options: Options) -> dict[str, Any]:
    port = "" if options.https_port == 443 else f":{options.https_port}"
    target = f"https://{{http.request.host}}{port}{{http.request.uri}}"
    return {"handler": "static_response", "status_code": 308, "headers": {"Location": [target]}}


def _dropped(route: Route, what: str, text: str) -> Issue:
    return Issue(
        code=f"caddy-{what}",
        severity="error",
        message=f"Caddy cannot match the {what} {text[:100]!r} as it is written.",
        action="The route is left out.",
        domain=route.domain,
    )


class _Maker:
    """Makes the handlers of one route and collects what they cannot say."""

    def __init__(self, route: Route, options: Options) -> None:
        self.issues: list[Issue] = []
        self._route = route
        self._settings = route.settings
        self._options = options

    def _note(self, code: str, severity: Severity, message: str, action: str) -> None:
        self.issues.append(
            Issue(
                code=f"caddy-{code}",
                severity=severity,
                message=message,
                action=action,
                domain=self._route.domain,
            )
        )

    def handlers(self, path: str) -> list[dict[str, Any]]:
        """What is done with a request, in order."""
        weights, bad = weights_of(self._route)
        for address in bad:
            message = f"{address[:100]!r} is no address that Caddy can connect to."
            self._note("address", "error", message, "The backend is left out.")
        if self._settings.middlewares:
            names = ", ".join(self._settings.middlewares)
            message = f"Caddy has no middlewares by name: {names[:200]}."
            self._note("middlewares", "warning", message, "They are left out.")
        if not weights:
            return [{"handler": "static_response", "status_code": 503}]
        pool = pool_of(weights, self._settings.policy, dated=self._options.dated)
        self._note_weights(pool)
        return [*self._strip(path), self._proxy(pool, check=self._check(self._settings.check))]

    def _note_weights(self, pool: Pool) -> None:
        if pool.ignored:
            message = f"Caddy's policy {self._settings.policy} knows no weights."
            self._note("weight-ignored", "warning", message, "All backends weigh the same.")
        if pool.approximate:
            message = f"These weights need more than {len(pool.dials)} entries in Caddy's pool."
            self._note("weight-approximate", "info", message, "They are kept nearly.")

    def _strip(self, path: str) -> list[dict[str, Any]]:
        prefix = unquote(self._settings.strip_prefix or "/")
        if prefix == "/":
            return []
        if not _is_plain(prefix):
            message = f"Caddy cannot strip the path {prefix[:100]!r}."
            self._note("strip-prefix", "error", message, "Nothing is stripped.")
            return []
        rewrite = {"handler": "rewrite", "strip_path_prefix": prefix}
        if path == prefix or path.startswith(f"{prefix}/"):
            return [rewrite]
        # Matched by itself, as `/api` is not to be taken off `/apis`.
        only = {"match": [{"path": [prefix, f"{prefix}/*"]}], "handle": [rewrite]}
        return [{"handler": "subroute", "routes": [only]}]

    def _check(self, check: Check | None) -> dict[str, Any] | None:
        if check is None:
            return None
        if not _CHECK_PATH.fullmatch(check.path):
            message = f"Caddy cannot ask for {check.path[:100]!r}."
            self._note("check-path", "warning", message, "Caddy does not check the backends.")
            return None
        status = {} if check.status is None else {"expect_status": check.status}
        asked = {"uri": check.path, "interval": seconds(check.interval)}
        return asked | {"timeout": seconds(check.timeout)} | status

    def _proxy(self, pool: Pool, check: dict[str, Any] | None) -> dict[str, Any]:
        options, settings = self._options, self._settings
        made: dict[str, Any] = {
            "handler": "reverse_proxy",
            "upstreams": [{"dial": dial} for dial in pool.dials],
            "transport": self._transport(),
        }
        health: dict[str, Any] = {} if check is None else {"active": check}
        if len(set(pool.dials)) > 1:
            # A backend that refuses is passed over for a while; the only one never is.
            health["passive"] = {"fail_duration": seconds(options.fail_duration)}
            made["load_balancing"] = {
                "selection_policy": selection(pool, settings.policy),
                "try_duration": seconds(options.try_duration),
                "try_interval": "100ms",
            }
        if health:
            made["health_checks"] = health
        if values := self._headers():
            made["headers"] = {"request": {"set": values}}
        if options.dated and options.trusted_proxies:
            made["trusted_proxies"] = options.trusted_proxies
        if not options.dated:
            made["stream_close_delay"] = seconds(options.stream_close_delay)
        elif settings.websocket:
            message = "Caddy 2.6 closes WebSockets whenever any route changes."
            self._note("websocket", "info", message, "Caddy 2.8 keeps them: see `version`.")
        return made

    def _transport(self) -> dict[str, Any]:
        transport: dict[str, Any] = {
            "protocol": "http",
            "dial_timeout": seconds(self._options.dial_timeout),
        }
        if self._settings.scheme == "https":
            skip = self._settings.insecure_skip_verify
            transport["tls"] = {"insecure_skip_verify": True} if skip else {}
        return transport

    def _headers(self) -> dict[str, list[str]]:
        values = {}
        if not self._settings.pass_host_header:
            values["Host"] = ["{http.reverse_proxy.upstream.hostport}"]
        for name, value in self._settings.headers:
            if _HEADER.fullmatch(name) and _VALUE.fullmatch(value):
                values[name.title()] = [_literal(value)]
            else:
                message = f"The header {name[:50]!r} has a name or value that HTTP does not allow."
                self._note("header", "warning", message, "It is left out.")
        return values

    def note_certificates(self) -> None:
        """Say what Caddy cannot do about certificates."""
        settings = self._settings
        if not settings.https or self._options.https == "off":
            return
        if settings.certificate_resolver:
            message = f"Caddy has no certificate resolver {settings.certificate_resolver[:50]!r}."
            self._note("certificate-resolver", "info", message, "Caddy gets one in its own way.")
        if self._options.https == "auto" and self._route.domain.startswith("*."):
            message = (
                "A certificate for a wildcard needs a DNS challenge, which Caddy has no key for."
            )
            self._note("wildcard-certificate", "error", message, "It is not served on TLS.")


def _literal(text: str) -> str:
    """Keep Caddy from reading placeholders, `{env.SECRET}` say, in what a label wrote."""
    return re.sub(r"[{}]", r"\\\g<0>", text) if "{" in text else text
