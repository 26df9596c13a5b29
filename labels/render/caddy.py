"""The table of routes as a whole configuration of Caddy, in its JSON.

Two servers: one on TLS, one on plain HTTP, which also sends requests to the first. Domains are
grouped, as Caddy finds a name among more than a hundred by bisection, but walks routes one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import msgspec

from labels.model import Issue, Table
from labels.render.caddy_options import Options, seconds
from labels.render.caddy_route import Part, Writer
from labels.render.document import Memo, Rendered

__all__ = ["GROUP", "Options", "Renderer"]

GROUP = 128  # domains in one group
LINEAR = 100  # above as many Caddy bisects
# Where Caddy bisects it takes upper case for other letters; the routes within do not.
_LARGE = b',{"header_regexp":{"Host":{"pattern":"[A-Z]"}}}'
_NOT_FOUND = b'{"handle":[{"handler":"static_response","status_code":404}]}'


class Renderer:
    """Makes documents for Caddy; routes that did not change are not made again."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._write = Writer(options).part
        self._memo: Memo[Part] = Memo()

    def render(self, table: Table) -> Rendered:
        """The whole configuration, and what it does not say."""
        parts = sorted(self._memo.parts(table.routes, self._write), key=attrgetter("order"))
        body = msgspec.json.encode(self._document(parts))
        issues = [issue for part in parts if part.issues for issue in part.issues]
        issues += _look_alikes(parts)
        return Rendered(body=body, media_type="application/json", issues=tuple(issues))

    def _document(self, parts: Sequence[Part]) -> dict[str, Any]:
        apps = {"http": self._http(parts)} | self._tls()
        return {"admin": _admin(self._options), "apps": apps}

    def _http(self, parts: Sequence[Part]) -> dict[str, Any]:
        options = self._options
        plain = _routes([(part.order[1], part.plain) for part in parts if part.plain])
        servers = {"plain": self._server(options.http_port, plain, {"disable": True})}
        if options.https != "off":
            tls = _routes([(part.order[1], part.tls) for part in parts if part.tls])
            automatic: dict[str, Any] = {"disable_redirects": True}
            wild = sorted({part.order[1] for part in parts if part.order[0] and part.tls})
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


def _routes(pairs: Sequence[tuple[str, bytes]]) -> msgspec.Raw:
    """The routes in groups of domains, and at the end one that finds nothing."""
    groups: list[bytes] = []
    domains: list[str] = []
    begin, last = 0, ""
    for place, (domain, _) in enumerate(pairs):
        if domain == last:
            continue
        if len(domains) == GROUP:
            groups.append(_group(domains, pairs[begin:place]))
            domains, begin = [], place
        domains.append(domain)
        last = domain
    if domains:
        groups.append(_group(domains, pairs[begin:]))
    return msgspec.Raw(b"[%b]" % b",".join([*groups, _NOT_FOUND]))


def _group(domains: Sequence[str], pairs: Sequence[tuple[str, bytes]]) -> bytes:
    # Not `terminal`: a request that no route takes goes on, to a wildcard or to the 404.
    return b'{"match":[{"host":%b}%b],"handle":[{"handler":"subroute","routes":[%b]}]}' % (
        msgspec.json.encode(domains),
        _LARGE if len(domains) > LINEAR else b"",
        b",".join([route for _, route in pairs]),
    )


def _look_alikes(parts: Sequence[Part]) -> list[Issue]:
    """Paths of one domain that differ in case only: Caddy takes them for the same."""
    if len({part.folded for part in parts}) == len(parts):
        return []
    found = []
    seen: dict[tuple[str, str], str] = {}
    for part in parts:
        path = part.order[3]
        first = seen.setdefault(part.folded, path)
        if first != path:
            found.append(
                Issue(
                    code="caddy-path-case",
                    severity="error",
                    message=f"To Caddy {path!r} and {first!r} are the same path.",
                    action=f"Requests for both go to {first!r}.",
                    domain=part.order[1],
                )
            )
    return found
