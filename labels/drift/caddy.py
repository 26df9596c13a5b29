"""What Caddy serves, read from its running configuration: `GET /config/` of its admin API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from labels.drift.comparing import MOST, DriftError, Reading, Served
from labels.model import Scheme

_DEEPEST: Final = 32  # routes within routes


def read_caddy(body: bytes) -> Reading:
    """Every domain and path that goes to backends, or to a 503 for want of them.

    Raises:
        DriftError: This is no configuration of Caddy.
    """
    try:
        config = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _not_understood("what came back is no JSON") from error
    if config is None:  # it runs without any
        return Reading()
    if not isinstance(config, dict):
        raise _not_understood("what came back is no configuration")
    routes: list[Served] = []
    skipped = 0
    servers = _table(_table(_table(config, "apps"), "http"), "servers")
    for server in servers.values():
        for found in _walk(_list(server, "routes"), [], ["/"], _DEEPEST):
            if found is None:
                skipped += 1
            else:
                routes.append(found)
            if len(routes) + skipped > MOST:
                raise _not_understood(f"it has more than {MOST} routes")
    return Reading(routes=tuple(routes), skipped=skipped)


def _not_understood(what: str) -> DriftError:
    return DriftError("not-understood", f"Caddy: {what}", "is it the admin API, port 2019?")


def _walk(
    routes: list[Any], hosts: list[str], paths: list[str], depth: int
) -> Iterator[Served | None]:
    """The routes below a host and path; None for what goes to backends without a host."""
    if not depth:
        return
    for route in routes:
        for match in _list(route, "match") or [{}]:
            below = _texts(match, "host") or hosts
            at = sorted({_plain(path) for path in _texts(match, "path")}) or paths
            for handler in _list(route, "handle"):
                kind = handler.get("handler") if isinstance(handler, dict) else None
                if kind == "subroute":
                    yield from _walk(_list(handler, "routes"), below, at, depth - 1)
                elif kind == "reverse_proxy" or _unavailable(handler):
                    yield from _served(handler, below, at)


def _served(handler: Any, hosts: list[str], paths: list[str]) -> Iterator[Served | None]:
    upstreams = _list(handler, "upstreams")
    dials = {dial.removeprefix("tcp/") for each in upstreams if (dial := _text(each, "dial"))}
    scheme: Scheme | None = None
    if dials:
        transport = _table(handler, "transport")
        scheme = "https" if isinstance(transport.get("tls"), dict) else "http"
    if not hosts:
        yield None
    for host in hosts:
        for path in paths:
            yield Served(
                domain=host.lower(), path=path, scheme=scheme, endpoints=tuple(sorted(dials))
            )


def _unavailable(handler: Any) -> bool:
    if not isinstance(handler, dict) or handler.get("handler") != "static_response":
        return False
    return str(handler.get("status_code")) == "503"


def _plain(path: str) -> str:
    """The path that a pattern is about: `/p` of `/p/*`."""
    return path.removesuffix("/*") or "/"


def _table(value: Any, name: str) -> dict[str, Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _list(value: Any, name: str) -> list[Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _text(value: Any, name: str) -> str:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _texts(value: Any, name: str) -> list[str]:
    return [each for each in _list(value, name) if isinstance(each, str)]
