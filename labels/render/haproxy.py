"""The table of routes for HAProxy: a configuration, and a map of domains and paths to backends.

The map is asked for the longest entry that a request's `DOMAIN/PATH/` begins with, and again with
`*.` in place of the first label. So a request takes two look-ups, however many routes there are,
and `/api` does not match `/apis`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from labels.model import Issue, Route, Table
from labels.render.document import Memo, Rendered
from labels.render.haproxy_options import Options, milliseconds
from labels.render.haproxy_route import DEFAULTS, Part, part_of
from labels.render.plain_words import networks_of

__all__ = ["Options", "Renderer"]

MEDIA_TYPE = "text/plain; charset=utf-8"
_HEAD = "# Written by fleet; changes are lost.\n"
_USE = "use_backend %[var(txn.revp_backend)]"
_ACME = "/.well-known/acme-challenge/"


class Renderer:
    """Makes documents for HAProxy; routes that did not change are not made again."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._memo: Memo[Part] = Memo()
        self._head = _HEAD
        if options.mode == "full":
            self._head += _global(options) + _defaults(options) + _frontend(options)
        else:
            self._head += _defaults(options)

    def render(self, table: Table) -> Rendered:
        """The configuration, and what it does not say."""
        parts = self._parts(table)
        issues = [issue for part in parts for issue in part.issues]
        issues += _without_certificate(table.routes, self._options)
        text = self._head + "".join([part.backend for part in parts])
        return Rendered(body=text.encode(), media_type=MEDIA_TYPE, issues=tuple(issues))

    def render_map(self, table: Table) -> Rendered:
        """The map that goes with it."""
        text = _HEAD + "".join([part.line for part in self._parts(table)])
        return Rendered(body=text.encode(), media_type=MEDIA_TYPE)

    def _parts(self, table: Table) -> list[Part]:
        return sorted(self._memo.parts(table.routes, self._part))  # by domain, then path

    def _part(self, route: Route) -> Part:
        return part_of(route, self._options)


def _global(options: Options) -> str:
    lines = ["global"]
    if options.log:
        lines.append(f"log {options.log} local0")
    if options.user:
        lines.append(f"user {options.user}")
    if options.group:
        lines.append(f"group {options.group}")
    if options.maxconn:
        lines.append(f"maxconn {options.maxconn}")
    if options.socket:
        # The listening sockets are passed to the next process, so no connection is refused.
        lines.append(f"stats socket {options.socket} mode 660 level admin expose-fd listeners")
    lines.append(f"hard-stop-after {milliseconds(options.hard_stop_after)}")
    lines.append("spread-checks 10")
    return _section(lines)


def _defaults(options: Options) -> str:
    """What all backends share. It is named, so that it changes nothing else."""
    connect = milliseconds(options.connect_timeout)
    lines = [
        f"defaults {DEFAULTS}",
        "mode http",
        "log global",
        f"timeout connect {connect}",
        f"timeout check {connect}",
        f"timeout queue {connect}",
        f"timeout client {milliseconds(options.client_timeout)}",
        f"timeout server {milliseconds(options.server_timeout)}",
        f"timeout tunnel {milliseconds(options.tunnel_timeout)}",
        "timeout http-request 10s",
        f"retries {options.retries}",
        "retry-on conn-failure empty-response",
        "option redispatch 1",
        # A name that does not resolve costs its own server, not the whole configuration.
        "default-server init-addr last,libc,none",
    ]
    return _section(lines)


def _frontend(options: Options) -> str:
    lines = [f"frontend {DEFAULTS} from {DEFAULTS}"]
    lines += [f"bind {_address(each)}" for each in options.http]
    if options.certificate:
        tls = f"ssl crt {options.certificate} alpn h2,http/1.1"
        lines += [f"bind {_address(each)} {tls}" for each in options.https]
    unless = "unless { var(txn.revp_backend) -m found }"
    lines += [
        "option httplog",
        "option dontlognull",
        "option idle-close-on-response",  # or a reload would cut connections as they are used
        *_forwarded(options.trusted_proxies),
        *lookup(options.map),
    ]
    if not options.acme_server:
        lines.append(f"http-request return status 404 {unless}")
        return _section([*lines, _USE])
    lines.append(f"acl revp_acme path_beg {_ACME}")
    lines.append(f"http-request return status 404 {unless} or revp_acme")
    lines += ["use_backend revp-acme if revp_acme", _USE]
    return _section(lines) + (
        f"backend revp-acme from {DEFAULTS}\n    server acme {options.acme_server}\n"
    )


def _forwarded(trusted: Sequence[str]) -> list[str]:
    """What backends are told of the client; of what was said before only by whom we trust."""
    networks = [f"acl revp_trusted src {network}" for network in networks_of(trusted)]
    unless, told = "", {"Host": "", "Proto": ""}
    if networks:
        unless = " unless revp_trusted"
        told = {
            name: f"{unless} {{ req.hdr(x-forwarded-{name.lower()}) -m found }}" for name in told
        }
    forwarded = "X-Forwarded"
    return [
        *networks,
        "http-request set-header X-Real-IP %[src]",
        f"http-request del-header {forwarded}-For{unless}",
        f"http-request add-header {forwarded}-For %[src]",
        f"http-request set-header {forwarded}-Host %[req.hdr(host)]{told['Host']}",
        f"http-request set-header {forwarded}-Proto %[ssl_fc,iif(https,http)]{told['Proto']}",
    ]


def lookup(path: str) -> list[str]:
    """The lines of a frontend that find a request's backend with the map at `path`."""
    backend = "http-request set-var(txn.revp_backend)"
    request = f"concat(,txn.revp_path,/),map_beg({path})"
    return [
        # Or a name could choose among the paths of a domain.
        "http-request return status 400 if { req.hdr(host) -m sub / }",
        "http-request set-var(txn.revp_host) req.hdr(host),field(1,:),lower,rtrim(.)",
        "http-request set-var(txn.revp_above) var(txn.revp_host),field(2,.,0)",
        "http-request set-var(txn.revp_path) path",
        f"{backend} var(txn.revp_host),{request}",
        f"{backend} str(*.),concat(,txn.revp_above),{request}"
        " unless { var(txn.revp_backend) -m found }",
    ]


def _address(listen: str) -> str:
    if ":" not in listen:
        return f"*:{listen}"
    return f"{listen} v6only" if listen.startswith("[") else listen


def _section(lines: Iterable[str]) -> str:
    first, *rest = lines
    return first + "\n" + "".join(f"    {line}\n" for line in rest)


def _without_certificate(routes: Iterable[Route], options: Options) -> list[Issue]:
    if options.tls:
        return []
    count = sum(route.settings.https for route in routes)
    if not count:
        return []
    return [
        Issue(
            code="haproxy-no-certificate",
            severity="warning",
            message=f"{count} routes are to be served on TLS, and no certificate is given.",
            action="They are served on plain HTTP; `certificate` names a file or a folder.",
        )
    ]
