"""What Traefik serves, read from `/api/http/routers` and `/api/http/services`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

import msgspec

from labels.drift.comparing import MOST, DriftError, Reading, Served
from labels.model import Scheme

# What our own rules look like, and what people write by hand for the same.
_HOST = re.compile(r"Host\(`([^`]+)`\)")
_WILD_2 = re.compile(r"HostRegexp\(`\{[^:}]*:\[\^\.\]\+\}(\.[a-z0-9_.-]+)`\)")
_WILD_3 = re.compile(r"HostRegexp\(`\^\[\^\.\]\+((?:\\?\.(?:[a-z0-9_]|\\?-)+)+)\$`\)")
_PATH = re.compile(r" && \(Path\(`([^`]+)`\) \|\| PathPrefix\(`([^`]+)/`\)\)")
_PREFIX = re.compile(r" && PathPrefix\(`([^`]+?)/?`\)")


class _Router(msgspec.Struct):
    name: str = ""
    rule: str = ""
    service: str = ""
    provider: str = ""
    status: str = ""


class _Server(msgspec.Struct):
    url: str = ""


class _Balancer(msgspec.Struct):
    servers: tuple[_Server, ...] = ()


class _Share(msgspec.Struct):
    name: str = ""
    weight: int | None = None


class _Weighted(msgspec.Struct):
    services: tuple[_Share, ...] = ()


class _Service(msgspec.Struct, rename="camel"):
    name: str = ""
    provider: str = ""
    load_balancer: _Balancer | None = None
    weighted: _Weighted | None = None


def read_traefik(routers: Sequence[bytes], services: Sequence[bytes]) -> Reading:
    """Every domain and path that a router of any provider serves. The bodies are pages.

    Raises:
        DriftError: This is not what Traefik's API says.
    """
    try:
        known = [one for page in services for one in msgspec.json.decode(page, type=list[_Service])]
        found = [one for page in routers for one in msgspec.json.decode(page, type=list[_Router])]
    except (msgspec.DecodeError, RecursionError) as error:
        hint = "is it the entry point of Traefik's API, with `api.insecure` or a router for it?"
        raise DriftError("not-understood", "Traefik: what came back is no API", hint) from error
    if len(found) > MOST:
        raise DriftError("not-understood", f"Traefik has more than {MOST} routers")
    by_name = {service.name: service for service in known}
    routes: list[Served] = []
    skipped = 0
    for router in found:
        if router.service.partition("@")[0] == "noop":  # it only redirects
            continue
        key = _key(router.rule)
        if key is None or router.status == "disabled":
            skipped += 1
        else:
            routes.append(_served(key, _urls(router, by_name)))
    return Reading(routes=tuple(routes), skipped=skipped)


def _key(rule: str) -> tuple[str, str] | None:
    """The domain and path of a rule, if it is about these and nothing else."""
    if match := _HOST.match(rule):
        domain = match[1].lower()
    elif match := _WILD_2.match(rule) or _WILD_3.match(rule):
        domain = "*" + match[1].replace("\\", "")
    else:
        return None
    rest = rule[match.end() :]
    if not rest:
        return domain, "/"
    if (path := _PATH.fullmatch(rest)) and path[1] == path[2]:
        return domain, unquote(path[1])
    if path := _PREFIX.fullmatch(rest):
        return domain, unquote(path[1])
    return None


def _urls(router: _Router, services: Mapping[str, _Service]) -> set[str]:
    """The backends of a router, those of a weighted service's parts included."""
    service = services.get(_full(router.service, router.provider))
    if service is None:
        return set()
    parts = [service]
    if service.weighted is not None:
        names = [_full(part.name, router.provider) for part in service.weighted.services]
        parts = [services[name] for name in names if name in services]
    return {one.url for part in parts if part.load_balancer for one in part.load_balancer.servers}


def _full(name: str, provider: str) -> str:
    return name if "@" in name else f"{name}@{provider}"


def _served(key: tuple[str, str], urls: set[str]) -> Served:
    scheme: Scheme | None = None
    endpoints = []
    for url in sorted(urls):
        given, _, rest = url.partition("://")
        scheme = "https" if given == "https" else "http"
        authority = rest.partition("/")[0]
        has_port = re.search(r":\d+\Z", authority)
        endpoints.append(
            authority if has_port else f"{authority}:{443 if given == 'https' else 80}"
        )
    return Served(domain=key[0], path=key[1], scheme=scheme, endpoints=tuple(sorted(endpoints)))
