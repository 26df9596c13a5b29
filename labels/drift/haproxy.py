"""What HAProxy serves, read from answers of its runtime API.

Routes are the entries of a map whose values are backends of ours, as `render/haproxy.py` names
them; their servers are in `show servers state`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from labels.drift.comparing import MOST, DriftError, Reading, Served
from labels.model import Endpoint, Scheme

BACKENDS: Final = "revp."  # what the names of our backends begin with
MOST_MAPS: Final = 100
_MAP = re.compile(r"^(\d+) \(", re.MULTILINE)
_OUT = 0x7F  # any of: maintenance, drain


def read_maps(listing: bytes) -> list[str]:
    """The numbers of all maps, of the answer to `show map`.

    Raises:
        DriftError: This is no such answer.
    """
    text = listing.decode(errors="replace")
    if not text.startswith("# id (file) description"):
        raise _not_understood("`show map` is not answered with maps")
    return _MAP.findall(text)[:MOST_MAPS]


def read_haproxy(maps: Sequence[bytes], state: bytes) -> Reading:
    """Every entry of a map that leads to a backend of ours, with its servers.

    Args:
        maps: The answers to `show map #N`.
        state: The answer to `show servers state`.

    Raises:
        DriftError: These are no such answers.
    """
    servers = _servers(state)
    routes: list[Served] = []
    used = set()
    for entries in maps:
        for line in entries.decode(errors="replace").splitlines():
            _, _, entry = line.partition(" ")  # before it stands where it is in memory
            key, _, backend = entry.partition(" ")
            if not backend.startswith(BACKENDS):
                continue
            used.add(backend)
            domain, _, path = key.partition("/")
            scheme, endpoints = servers.get(backend, (None, []))
            routes.append(
                Served(
                    domain=domain,
                    path=f"/{path}".rstrip("/") or "/",
                    scheme=scheme if endpoints else None,
                    endpoints=tuple(sorted(set(endpoints))),
                )
            )
            if len(routes) > MOST:
                raise _not_understood(f"it has more than {MOST} routes")
    return Reading(routes=tuple(routes), skipped=len(servers.keys() - used))


def _not_understood(what: str) -> DriftError:
    hint = "is it HAProxy's `stats socket`, with `level operator` or `admin`?"
    return DriftError("not-understood", f"HAProxy: {what}", hint)


def _servers(state: bytes) -> dict[str, tuple[Scheme | None, list[str]]]:
    """Scheme and endpoints of the servers that get requests, by backend."""
    version, *lines = state.decode(errors="replace").splitlines() or [""]
    if version.strip() != "1" or not lines or not lines[0].startswith("# be_id be_name"):
        raise _not_understood("`show servers state` is not answered with servers")
    names = lines[0].removeprefix("# ").split()
    found: dict[str, tuple[Scheme | None, list[str]]] = {}
    for line in lines[1:]:
        columns = dict(zip(names, line.split(), strict=False))
        backend = columns.get("be_name")
        if backend is None:
            continue
        scheme, endpoints = found.get(backend, (None, []))
        endpoint = _endpoint(columns)
        if endpoint is not None:
            tls = columns.get("srv_use_ssl")
            scheme = None if tls is None else "http" if tls == "0" else "https"
            endpoints.append(endpoint)
        found[backend] = (scheme, endpoints)
    return found


def _endpoint(columns: Mapping[str, str]) -> str | None:
    """Where a server is, if it gets requests."""
    state, weight, port = (
        columns.get(name, "") for name in ("srv_admin_state", "srv_uweight", "srv_port")
    )
    if not (state.isdigit() and weight.isdigit() and port.isdigit()):
        raise _not_understood("`show servers state` has columns of another version")
    if int(state) & _OUT or weight == "0":
        return None
    name = columns.get("srv_fqdn", "-")
    return Endpoint(
        address=columns.get("srv_addr", "") if name == "-" else name, port=int(port)
    ).authority
