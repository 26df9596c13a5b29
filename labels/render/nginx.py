"""The table of routes as a file that nginx includes within `http`, such as one of conf.d.

A server for each domain, longest path first by nginx's own rules; wildcards are matched for one
level of names. What is not routed is answered with 404.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import is_

from labels.model import Issue, Route, Table
from labels.render.document import Memo, Rendered
from labels.render.nginx_options import Options, milliseconds
from labels.render.nginx_route import ACME, HEADERS, Part, not_found, part_of
from labels.render.plain_words import networks_of

__all__ = ["Options", "Renderer"]

MEDIA_TYPE = "text/plain; charset=utf-8"
_MARK = "# Written by fleet; changes are lost.\n"
_MAPS = """\
map $http_upgrade $revp_connection {
    default upgrade;
    "" "";
}
map $http_host $revp_port {
    default "";
    "~(?<revp_found>:[0-9]+)$" $revp_found;
}
map $revp_trusted $revp_for {
    default $remote_addr;
    1 $proxy_add_x_forwarded_for;
}
map "$revp_trusted $http_x_forwarded_host" $revp_host {
    default $host$revp_port;
    "~^1 (?<revp_other>[A-Za-z0-9._-]+(:[0-9]+)?)$" $revp_other;
}
map "$revp_trusted $http_x_forwarded_proto" $revp_proto {
    default $scheme;
    "1 http" http;
    "1 https" https;
}
"""
_NAMES_HASH = "server_names_hash_bucket_size 1024;\nserver_names_hash_max_size 65536;\n"


class Renderer:
    """Makes documents for nginx; domains whose routes did not change are not made again."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._memo: Memo[Part] = Memo()
        self._servers: dict[str, tuple[list[Part], str]] = {}
        self._listen = _listen(options)
        self._common = _common(options)
        self._trusted = _trusted(options)

    def render(self, table: Table) -> Rendered:
        """The whole document, and what it does not say."""
        parts = sorted(self._memo.parts(table.routes, self._part))  # by domain, then path
        texts = [_MARK, self._trusted, _MAPS]
        if self._options.names_hash:
            texts.append(_NAMES_HASH)
        texts.append(_zone(parts))
        if self._options.default_server:
            texts.append(_default_server(self._options, *self._listen))
        texts.extend(self._domains([part for part in parts if part.pooled is not None]))
        issues = [issue for part in parts for issue in part.issues]
        issues += _without_certificate(table.routes, self._options)
        body = "".join(texts).encode()
        return Rendered(body=body, media_type=MEDIA_TYPE, issues=tuple(issues))

    def _part(self, route: Route) -> Part:
        return part_of(route, self._options)

    def _domains(self, parts: Iterable[Part]) -> Iterable[str]:
        known, self._servers = self._servers, {}
        groups = {domain: list(group) for domain, group in groupby(parts, _domain)}
        for domain, own in groups.items():
            group = own
            if own[0].path != "/" and (wild := groups.get(f"*.{domain.partition('.')[2]}")):
                group = [*own, *(part for part in wild if not _is_below(part.path, own))]
            made = known.get(domain)
            if made is None or not _same(made[0], group):
                made = (group, self._domain(own, group))
            self._servers[domain] = made
            yield made[1]

    def _domain(self, own: Sequence[Part], group: Sequence[Part]) -> str:
        """The upstreams of one domain and its servers, which fall back to those of a wildcard."""
        domain = own[0].domain
        text = "".join([part.upstream for part in own])
        found = any(part.path == "/" for part in group)
        rest = "" if found else not_found("/")
        plain = "".join([part.plain for part in group]) + rest
        if all(part.tls is None for part in group):
            return text + self._server(domain, self._listen[0], plain)
        tls = rest + "".join([part.tls or not_found(part.path) for part in group])
        if plain == tls:
            return text + self._server(domain, "".join(self._listen), plain, tls=True)
        text += self._server(domain, self._listen[0], plain)
        return text + self._server(domain, self._listen[1], tls, tls=True)

    def _server(self, domain: str, listen: str, locations: str, *, tls: bool = False) -> str:
        text = f"server {{\n{listen}    server_name {_server_name(domain)};\n"
        if tls and not (self._options.default_server and _is_shared(self._options)):
            text += _certificate(self._options, domain)
        if "proxy_pass" in locations:
            text += self._common
        return f"{text}{_acme(self._options)}{locations}}}\n"


def _domain(part: Part) -> str:
    return part.domain


def _same(one: Sequence[Part], other: Sequence[Part]) -> bool:
    return len(one) == len(other) and all(map(is_, one, other))


def _is_below(path: str, parts: Iterable[Part]) -> bool:
    return any(f"{path}/".startswith(f"{part.path}/") for part in parts)


def _server_name(domain: str) -> str:
    """The domain, as an expression where it is wild: nginx's own wildcards match any depth."""
    if not domain.startswith("*."):
        return domain
    return r"~^[^.]+\." + domain[2:].replace(".", r"\.") + "$"


def _listen(options: Options) -> tuple[str, str]:
    http2 = " http2" if options.http2 else ""
    plain = "".join(f"    listen {address};\n" for address in options.http)
    return plain, "".join(f"    listen {address} ssl{http2};\n" for address in options.https)


def _trusted(options: Options) -> str:
    """Whose word on the client is passed on; anybody else could say what they like."""
    networks = "".join(f"    {network} 1;\n" for network in networks_of(options.trusted_proxies))
    return f"geo $revp_trusted {{\n    default 0;\n{networks}}}\n"


def _common(options: Options) -> str:
    """What all proxied locations share. A location with a header of its own repeats them all."""
    again = " non_idempotent" if options.retry_non_idempotent else ""
    headers = "".join(f"    proxy_set_header {name} {HEADERS[name]};\n" for name in HEADERS)
    return (
        f"    client_max_body_size {options.max_body};\n"
        "    proxy_http_version 1.1;\n"
        f"    proxy_connect_timeout {milliseconds(options.connect_timeout)};\n"
        f"    proxy_read_timeout {milliseconds(options.read_timeout)};\n"
        f"    proxy_send_timeout {milliseconds(options.read_timeout)};\n"
        f"    proxy_next_upstream error timeout{again};\n"
        "    proxy_redirect off;\n"
        f"{headers}"
    )


def _certificate(options: Options, domain: str) -> str:
    name = domain.replace("*", "_")
    return (
        f"    ssl_certificate {options.certificate.replace('{domain}', name)};\n"
        f"    ssl_certificate_key {options.certificate_key.replace('{domain}', name)};\n"
    )


def _is_shared(options: Options) -> bool:
    """Whether one certificate serves all domains.

    nginx then reads it for the default server alone, whose it is unless another server has its
    own: it would take a millisecond for each domain.
    """
    return "{domain}" not in options.certificate + options.certificate_key


def _acme(options: Options) -> str:
    if not options.acme_root:
        return ""
    return f"    location ^~ {ACME}/ {{\n        root {options.acme_root};\n    }}\n"


def _zone(parts: Iterable[Part]) -> str:
    """What the workers know of all pools together, in memory that they share.

    Its name is no pool's: theirs begin with `revp.`.
    """
    servers = sum(part.pooled or 0 for part in parts)
    size = 256 * (1 + servers * 2 // 256)  # KiB; a whole number of steps, as few as can be
    return f"upstream revp_zone {{\n    zone revp {size}k;\n    server 127.0.0.1:9 down;\n}}\n"


def _default_server(options: Options, plain: str, tls: str) -> str:
    text = plain
    if options.certificate:
        text += tls
    text = text.replace(";", " default_server;")
    if options.certificate:
        shared = _is_shared(options)
        text += _certificate(options, "") if shared else "    ssl_reject_handshake on;\n"
    return f"server {{\n{text}{_acme(options)}    location / {{\n        return 404;\n    }}\n}}\n"


def _without_certificate(routes: Iterable[Route], options: Options) -> list[Issue]:
    if options.certificate:
        return []
    count = sum(route.settings.https for route in routes)
    if not count:
        return []
    return [
        Issue(
            code="nginx-no-certificate",
            severity="warning",
            message=f"{count} routes are to be served on TLS, and no certificate is given.",
            action="They are served on plain HTTP; `certificate` and `certificate_key` name it.",
        )
    ]
