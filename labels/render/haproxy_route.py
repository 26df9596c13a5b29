"""One route for HAProxy: its `backend`, and its line of the map."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from labels.model import Issue, Key, Member, Policy, Route, Settings
from labels.render import plain_words
from labels.render.haproxy_options import Options, milliseconds
from labels.render.names import LONGEST, escape, safe_name
from labels.render.notes import Notes
from labels.render.plain_words import CHECKED

DEFAULTS = "revp-routes"
_POLICIES: dict[Policy, str] = {
    "round_robin": "balance roundrobin",
    "least_conn": "balance leastconn",
    "ip_hash": "balance source\n    hash-type consistent",
    "random": "balance random",
    "first": "balance first",
}
_HEAVIEST = 256


class Part(NamedTuple):
    """What one route makes of the documents; empty texts if it could not be written."""

    domain: str
    path: str
    backend: str = ""
    line: str = ""
    issues: tuple[Issue, ...] = ()


def part_of(route: Route, options: Options) -> Part:
    """The part of one route; empty but for issues if it cannot be written."""
    notes = Notes("haproxy", route)
    if not plain_words.is_plain(route, notes):
        return Part(route.domain, route.path, issues=notes.issues)
    skip = options.skip_middlewares
    served = plain_words.note_unknown(route, notes, "HAProxy", skip_middlewares=skip)
    name = f"revp.{safe_name(route.key)}"
    members = plain_words.reachable(route.members, notes) if served else []
    text = (
        f"backend {name} from {DEFAULTS}\n{_requests(route, members, options, notes)}"
        f"    {_POLICIES[route.settings.policy]}\n{_servers(route, members, options, notes)}"
    )
    line = f"{route.domain}{route.path.rstrip('/')}/ {name}\n"
    return Part(route.domain, route.path, text, line, notes.issues)


def _requests(
    route: Route, members: Sequence[tuple[Member, str]], options: Options, notes: Notes
) -> str:
    """What is done with a request before a server is chosen."""
    settings = route.settings
    text = ""
    if options.tls and not settings.https:
        text = "    http-request return status 404 if { ssl_fc }\n"
    elif options.tls and settings.redirect_https and options.redirect:
        port = "" if options.https_port == 443 else f":{options.https_port}"
        location = f"https://%[req.hdr(host),field(1,:)]{port}%[pathq]"
        text = f"    http-request redirect code 308 location {location} unless {{ ssl_fc }}\n"
    if not options.retry_non_idempotent:
        text += "    http-request disable-l7-retry if { method POST PATCH LOCK }\n"
    if prefix := plain_words.strip_of(route, notes):
        text += f"    http-request replace-path '^{re.escape(prefix)}(?:/(.*))?$' '/\\1'\n"
    if not settings.pass_host_header:
        text += _own_host(settings, members, notes)
    for name, value in plain_words.headers_of(route, notes):
        action = f"set-header {name} '{value}'" if value.strip() else f"del-header {name}"
        text += f"    http-request {action}\n"
    return text


def _own_host(settings: Settings, members: Sequence[tuple[Member, str]], notes: Notes) -> str:
    serving = [member.endpoint for member, _ in members if member.serving and member.endpoint]
    if not serving:
        return ""
    host = plain_words.own_host(serving, settings.scheme, notes)
    return f"    http-request set-header Host {host}\n"


def _servers(
    route: Route, members: Sequence[tuple[Member, str]], options: Options, notes: Notes
) -> str:
    """The checks and servers. Who gets no requests now stands there disabled, under its name."""
    several = len(members) > 1
    text, checks = "", ""
    check = route.settings.check
    if check and CHECKED.fullmatch(check.path):
        domain = route.domain.removeprefix("*.")
        text = (
            f"    timeout check {milliseconds(check.timeout)}\n    option httpchk\n"
            f"    http-check send meth GET uri {check.path} ver HTTP/1.1 hdr Host {domain}\n"
        )
        if check.status is not None and 100 <= check.status <= 599:
            text += f"    http-check expect status {check.status}\n"
        checks = f" check inter {milliseconds(check.interval)}"
    elif check:
        message = f"HAProxy cannot ask for {check.path[:100]!r}."
        notes.add("check-path", "warning", message, "HAProxy does not check the backends.")
    elif several:
        checks = f" check inter {milliseconds(options.check_interval)}"
    if checks and several:  # the only one is tried again rather than given up
        checks += " fastinter 1s downinter 1s fall 2 rise 1"
        checks += " observe layer4 error-limit 2 on-error mark-down"
    if len(members) > options.retries > 0:
        text += f"    retries {min(len(members), 100)}\n"
    names: set[str] = set()
    for member, authority in members:
        name = _server_name(member, names)
        tls = _tls(route, member, options) if route.settings.scheme == "https" else ""
        text += f"    server {name} {authority}{_share(member)}{checks}{tls}\n"
    return text


def _share(member: Member) -> str:
    if member.standing == "off":
        return " weight 0"
    weight = "" if member.weight == 1 else f" weight {min(member.weight, _HEAVIEST)}"
    return weight if member.serving else f"{weight} disabled"


def _server_name(member: Member, taken: set[str]) -> str:
    """A name that stays when its container is recreated, as the runtime API and state want."""
    home, identity = member.host or "static", member.identity or member.name
    name = escape(f"{home}/{identity}")
    if len(name) > LONGEST:
        name = safe_name(Key(home, f"/{identity}"))
    if name in taken:
        number = 2
        while f"{name}_x{number}" in taken:
            number += 1
        name = f"{name}_x{number}"
    taken.add(name)
    return name


def _tls(route: Route, member: Member, options: Options) -> str:
    """A backend that is found by a name is to prove that name, any other the route's domain."""
    address = member.endpoint.address if member.endpoint else ""
    if address and not plain_words.is_ip(address):
        asked = checked = address
        sni = f"str({address})"
    else:
        asked = route.domain
        checked = asked.replace("*", "www", 1)
        sni = "req.hdr(host),field(1,:)" if asked.startswith("*") else f"str({asked})"
    text = f" ssl sni {sni} check-sni {checked}"
    if route.settings.insecure_skip_verify:
        return f"{text} verify none"
    return f"{text} verify required ca-file {options.ca_file}"
