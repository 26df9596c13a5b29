"""What HAProxy and nginx read as words: what of a route may stand in them, and what may not.

Neither language lets every text be quoted, so what is not plain is left out with an issue. The
parser of labels lets nothing else through; this holds whoever made the table.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import Final

from labels.model import Endpoint, Member, Route
from labels.render.notes import Notes

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
DOMAIN: Final = re.compile(rf"(?=.{{1,253}}\Z)(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
PATH: Final = re.compile(r"/|(?:/(?!\.\.?(?:/|\Z))[A-Za-z0-9._~@:+=,-]+)+")
CHECKED: Final = re.compile(r"/[A-Za-z0-9._~@:+=,/?&%-]{0,500}")
_ADDRESS = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_HEADER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?")
_VALUE = re.compile(r"[ !#&(-\[\]^_a-z|~]{0,1000}")
_FRAMING = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def is_plain(route: Route, notes: Notes) -> bool:
    """Whether its domain and path can be written."""
    if DOMAIN.fullmatch(route.domain) and (route.path == "/" or PATH.fullmatch(route.path)):
        return True
    good = DOMAIN.fullmatch(route.domain)
    what, text = ("path", route.path) if good else ("domain", route.domain)
    message = f"The {what} {text[:100]!r} cannot be written in a configuration."
    notes.add(what, "error", message, "The route is left out.")
    return False


def reachable(members: Sequence[Member], notes: Notes) -> list[tuple[Member, str]]:
    """The members that have an address which can be written, with it: `10.0.0.5:80`."""
    found = []
    for member in members:
        endpoint = member.endpoint
        if endpoint is None:
            continue
        if _ADDRESS.fullmatch(endpoint.address) or is_ip(endpoint.address):
            found.append((member, endpoint.authority))
        elif member.serving:
            message = f"{endpoint.address[:100]!r} is no address that can be connected to."
            notes.add("address", "error", message, "The backend is left out.", member)
    return found


def is_ip(address: str) -> bool:
    """Whether it is an IP address, without a zone."""
    if "%" in address:
        return False
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def networks_of(texts: Iterable[str]) -> list[str]:
    """Networks as both languages write them, each once, sorted: `10.0.0.0/8`, `10.1.2.3/32`.

    Raises:
        ValueError: One is no network.
    """
    return sorted({str(ipaddress.ip_network(text, strict=False)) for text in texts})


def strip_of(route: Route, notes: Notes) -> str:
    """The prefix to be taken off, empty for none."""
    prefix = route.settings.strip_prefix
    if not prefix:
        return ""
    if not PATH.fullmatch(prefix):
        message = f"The prefix {prefix[:100]!r} cannot be written in a configuration."
        notes.add("strip-prefix", "error", message, "Nothing is stripped.")
        return ""
    return prefix.rstrip("/")


def headers_of(route: Route, notes: Notes) -> list[tuple[str, str]]:
    """The headers that can be set, `Host` among them."""
    kept: list[tuple[str, str]] = []
    for name, value in route.settings.headers:
        if name.lower() in _FRAMING or not (_HEADER.fullmatch(name) and _VALUE.fullmatch(value)):
            message = f"The header {name[:50]!r} has a name or value that cannot be set."
            notes.add("header", "warning", message, "It is left out.")
        else:
            kept.append((name, value))
    return kept


def own_host(endpoints: Sequence[Endpoint], scheme: str, notes: Notes) -> str:
    """The `Host` of requests that are not to keep the client's: one for the whole pool."""
    usual = 443 if scheme == "https" else 80
    hosts = [
        each.authority.rpartition(":")[0] if each.port == usual else each.authority
        for each in endpoints
    ]
    if len(set(hosts)) > 1:
        message = "The backends of one pool cannot each be sent their own name as `Host`."
        notes.add("one-host", "warning", message, f"All are sent `{hosts[0]}`.")
    return hosts[0]


def note_unknown(route: Route, notes: Notes, proxy: str, *, skip_middlewares: bool) -> bool:
    """Say what only other proxies can do; whether the route can be served without."""
    served = notes.middlewares(route, proxy, skip=skip_middlewares)
    if resolver := route.settings.certificate_resolver:
        message = f"{proxy} has no certificate resolver {resolver[:50]!r}."
        notes.add("certificate-resolver", "info", message, "Its own certificates are used.")
    return served
