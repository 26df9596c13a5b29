"""One route for nginx: its pool as an `upstream`, and its locations without and with TLS."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from labels.model import Issue, Member, Policy, Route
from labels.render import plain_words
from labels.render.names import safe_name
from labels.render.nginx_options import Options, milliseconds
from labels.render.notes import Notes

ACME = "/.well-known/acme-challenge"
HOST = "$host$revp_port"
HEADERS = {
    "Host": HOST,
    "X-Real-IP": "$remote_addr",
    "X-Forwarded-For": "$revp_for",
    "X-Forwarded-Host": "$revp_host",
    "X-Forwarded-Proto": "$revp_proto",
    "Connection": '""',
}
_SOCKETS = {"Upgrade": "$http_upgrade", "Connection": "$revp_connection"}
_POLICIES: dict[Policy, str] = {
    "round_robin": "",
    "least_conn": "    least_conn;\n",
    "ip_hash": "    ip_hash;\n",
    "random": "    random;\n",
    "first": "",
}


class Part(NamedTuple):
    """What one route makes of the document.

    `tls` None: it is not served on TLS, and asks for none. `pooled`: how many servers share the
    zone, None if it could not be written at all.
    """

    domain: str
    path: str
    upstream: str = ""
    plain: str = ""
    tls: str | None = None
    pooled: int | None = None
    issues: tuple[Issue, ...] = ()


def part_of(route: Route, options: Options) -> Part:
    """The part of one route; empty but for issues if it cannot be written."""
    notes = Notes("nginx", route)
    if not plain_words.is_plain(route, notes) or _is_taken(route, options, notes):
        return Part(route.domain, route.path, issues=notes.issues)
    skip = options.skip_middlewares
    served = plain_words.note_unknown(route, notes, "nginx", skip_middlewares=skip)
    pool = [
        each
        for each in plain_words.reachable(route.pool if served else (), notes)
        if not _is_left_out(each[0], options, notes)
    ]
    upstream, body = "", "        return 503;\n"
    if pool:
        name = f"revp.{safe_name(route.key)}"
        upstream = _upstream(name, route, pool, options, notes)
        body = _proxied(name, route, [member for member, _ in pool], options, notes)
    served = route.settings.https and bool(options.certificate)
    tls = _locations(route.path, body) if served else None
    plain = body
    if served and route.settings.redirect_https and options.redirect:
        port = "" if options.https_port == 443 else f":{options.https_port}"
        plain = f"        return 308 https://$host{port}$request_uri;\n"
    pooled = len(pool) if len(pool) > 1 else 0
    locations = _locations(route.path, plain)
    return Part(route.domain, route.path, upstream, locations, tls, pooled, notes.issues)


def _is_taken(route: Route, options: Options, notes: Notes) -> bool:
    if not options.acme_root or route.path != ACME:
        return False
    notes.add("path", "error", f"{ACME} is served from acme_root.", "The route is left out.")
    return True


def _is_left_out(member: Member, options: Options, notes: Notes) -> bool:
    address = member.endpoint.address if member.endpoint else ""
    if address.lower() == "unix":
        message = f"nginx takes what follows {address!r} for the path of a socket."
        notes.add("address", "error", message, "The backend is left out.", member)
        return True
    if address not in options.without:
        return False
    message = f"nginx would not start with {address!r}: it does not resolve."
    notes.add("unresolved", "error", message, "The backend is left out.", member)
    return True


def _upstream(
    name: str, route: Route, pool: Sequence[tuple[Member, str]], options: Options, notes: Notes
) -> str:
    policy = route.settings.policy
    several = len(pool) > 1
    fails = ""
    if several and (options.max_fails, options.fail_timeout) != (1, 10):  # nginx's own
        fails = f" max_fails={options.max_fails} fail_timeout={options.fail_timeout}s"
    text = f"upstream {name} {{\n"
    if several:
        text += "    zone revp;\n" + _POLICIES[policy]
    backup = ""
    for member, authority in pool:
        weight = f" weight={member.weight}" if member.weight != 1 and not backup else ""
        text += f"    server {authority}{weight}{fails}{backup};\n"
        if policy == "first":
            backup = " backup"
    if policy == "first" and len(pool) > 2:
        message = "nginx has no policy `first`."
        notes.add("first", "info", message, "All but the first share what it cannot answer.")
    if route.settings.check:
        message = "nginx does not check backends by itself."
        notes.add("check", "info", message, "A backend that fails requests is passed over.")
    if options.keepalive:
        text += f"    keepalive {options.keepalive};\n"
    return text + "}\n"


def _proxied(
    name: str, route: Route, pool: Sequence[Member], options: Options, notes: Notes
) -> str:
    settings = route.settings
    text = ""
    if prefix := plain_words.strip_of(route, notes):
        text += f'        rewrite "(?s)^{re.escape(prefix)}(?:/(.*))?$" /$1 break;\n'
    text += f"        proxy_pass {settings.scheme}://{name};\n"
    if settings.websocket or settings.headers or not settings.pass_host_header:
        headers = _headers(route, pool, notes)
        text += "".join([f"        proxy_set_header {each} {headers[each]};\n" for each in headers])
    if settings.websocket:
        time = milliseconds(options.tunnel_timeout)
        text += f"        proxy_read_timeout {time};\n        proxy_send_timeout {time};\n"
    if settings.scheme == "https":
        text += _backend_tls(route, pool, options)
    return text


def _headers(route: Route, pool: Sequence[Member], notes: Notes) -> dict[str, str]:
    settings = route.settings
    headers = HEADERS | _SOCKETS if settings.websocket else dict(HEADERS)
    if not settings.pass_host_header:
        ends = [member.endpoint for member in pool if member.endpoint]
        headers["Host"] = plain_words.own_host(ends, settings.scheme, notes)
    for name, value in plain_words.headers_of(route, notes):
        for ours in [each for each in headers if each.lower() == name.lower()]:
            del headers[ours]
        headers[name] = f'"{value}"'
    return headers


def _backend_tls(route: Route, pool: Sequence[Member], options: Options) -> str:
    names = {member.endpoint.address for member in pool if member.endpoint}
    name = names.pop() if len(names) == 1 else ""
    if not name or plain_words.is_ip(name):
        name = "$host" if route.domain.startswith("*") else route.domain
    text = f"        proxy_ssl_server_name on;\n        proxy_ssl_name {name};\n"
    if route.settings.insecure_skip_verify:
        return text
    return (
        f"{text}        proxy_ssl_verify on;\n        proxy_ssl_verify_depth 9;\n"
        f"        proxy_ssl_trusted_certificate {options.ca_file};\n"
    )


def _locations(path: str, body: str) -> str:
    """What a path matches: itself and what is below it, `/api` not `/apis`."""
    if path == "/":
        return f"    location / {{\n{body}    }}\n"
    exact = f"    location = {path} {{\n{body}    }}\n"
    return f"{exact}    location {path}/ {{\n{body}    }}\n"


def not_found(path: str) -> str:
    """Locations that answer 404."""
    return _locations(path, "        return 404;\n")
