"""The table of routes as a whole configuration of Caddy, in its JSON.

Two servers: one on TLS, one on plain HTTP, which also sends requests to the first. Domains are
grouped, as Caddy finds a name among more than a hundred by bisection, but walks routes one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any
from urllib.parse import unquote

import msgspec

from labels.model import Issue, Route, Table
from labels.render.caddy_options import Options, seconds
from labels.render.caddy_route import Part, part_of
from labels.render.document import Memo, Rendered

__all__ = ["GROUP", "Options", "Renderer"]

GROUP = 128  # domains in one group: above a hundred Caddy bisects
_NOT_FOUND = b'{"handle":[{"handler":"static_response","status_code":404}]}'


class Renderer:
    """Makes documents for Caddy; routes that did not change are not made again."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._memo: Memo[Part] = Memo()

    def render(self, table: Table) -> Rendered:
        """The whole configuration, and what it does not say."""
        parts = sorted(self._memo.parts(table.routes, self._part), key=_order)
        body = msgspec.json.encode(self._document(parts))
        issues = chain(_look_alikes(parts), chain.from_iterable(part.issues for part in parts))
        return Rendered(body=body, media_type="application/json", issues=tuple(issues))

    def _part(self, route: Route) -> Part:
        return part_of(route, self._options)

    def _document(self, parts: Sequence[Part]) -> dict[str, Any]:
        apps = {"http": self._http(parts)} | self._tls()
        return {"admin": _admin(self._options), "apps": apps}

    def _http(self, parts: Sequence[Part]) -> dict[str, Any]:
        options = self._options
        plain = _routes((part.domain, part.plain) for part in parts)
        servers = {"plain": self._server(options.http_port, plain, {"disable": True})}
        if options.https != "off":
            tls = _routes((part.domain, part.tls) for part in parts)
            automatic: dict[str, Any] = {"disable_redirects": True}
            wild = sorted({part.domain for part in parts if part.tls and part.order[0]})
            if options.https == "auto" and wild:
                automatic["skip_certificates"] = wild
            servers["tls"] = self._server(options.https_port, tls, automatic)
            servers["tls"]["tls_connection_policies"] = [{}]
        return {
            "http_port": options.http_port,
            "https_port": options.https_port,
            "servers": servers,
        }

    def _server(self, port: int, routes: msgspec.Raw, automatic: dict[str, Any]) -> dict[str, Any]:
        options = self._options
        server = {
            "listen": [options.address(port)],
            "routes": routes,
            "automatic_https": automatic,
        }
        if options.access_log:
            server["logs"] = {}
        if options.trusted_proxies and not options.dated:
            server["trusted_proxies"] = {"source": "static", "ranges": options.trusted_proxies}
        return server

    def _tls(self) -> dict[str, Any]:
        options = self._options
        if options.https == "internal":
            # Caddy would ask for a password to add its own authority to the machine's.
            authority = {"certificate_authorities": {"local": {"install_trust": False}}}
            return {"tls": _issued_by({"module": "internal"}), "pki": authority}
        if options.https == "auto" and options.email:
            return {"tls": _issued_by({"module": "acme", "email": options.email})}
        return {}


def _order(part: Part) -> tuple[bool, str, int, str]:
    return part.order


def _issued_by(issuer: dict[str, str]) -> dict[str, Any]:
    return {"automation": {"policies": [{"issuers": [issuer]}]}}


def _admin(options: Options) -> dict[str, Any]:
    admin: dict[str, Any] = (
        {"disabled": True} if options.admin == "off" else {"listen": options.admin}
    )
    if not options.self_url:
        return admin
    load: dict[str, Any] = {
        "module": "http",
        "url": options.self_url,
        "timeout": seconds(options.load_timeout),
    }
    if options.token_env:
        load["header"] = {"Authorization": [f"Bearer {{env.{options.token_env}}}"]}
    return admin | {"config": {"load": load, "load_delay": seconds(options.load_delay)}}


def _routes(pairs: Iterable[tuple[str, bytes | None]]) -> msgspec.Raw:
    """The routes in groups of domains, and at the end one that finds nothing."""
    groups: list[bytes] = []
    domains: dict[str, None] = {}
    group: list[bytes] = []
    for domain, route in pairs:
        if route is None:
            continue
        if domain not in domains and len(domains) == GROUP:
            groups.append(_group(domains, group))
            domains, group = {}, []
        domains[domain] = None
        group.append(route)
    if group:
        groups.append(_group(domains, group))
    return msgspec.Raw(b"[" + b",".join([*groups, _NOT_FOUND]) + b"]")


def _group(domains: Iterable[str], routes: Sequence[bytes]) -> bytes:
    # Not `terminal`: a request that no route takes goes on, to a wildcard or to the 404.
    hosts = msgspec.json.encode(list(domains))
    inner = b",".join(routes)
    return (
        b'{"match":[{"host":' + hosts + b'}],"handle":[{"handler":"subroute","routes":[' + inner
    ) + b"]}]}"


def _look_alikes(parts: Sequence[Part]) -> list[Issue]:
    """Paths of one domain that differ in case only: Caddy takes them for the same."""
    found = []
    seen: dict[tuple[str, str], str] = {}
    for part in parts:
        _, domain, _, path = part.order
        first = seen.setdefault((domain, unquote(path).lower()), path)
        if first != path:
            found.append(
                Issue(
                    code="caddy-path-case",
                    severity="error",
                    message=f"To Caddy {path!r} and {first!r} are the same path.",
                    action=f"Requests for both go to {first!r}.",
                    domain=domain,
                )
            )
    return found
