"""What the table of routes must know of containers and hosts. Whoever watches them tells it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from labels.model import Settings, Value

Health = Literal["healthy", "unhealthy", "starting", "none"]
CHOSEN_LATER = 0  # as a port of the host: the Engine will choose one, which is not known yet


class Published(Value, frozen=True, kw_only=True):
    """One port of a container. `host_port` None: exposed but not published.

    `CHOSEN_LATER` is there in previews only, of containers that do not run yet.
    """

    container_port: int
    protocol: str = "tcp"
    host_ip: str = ""  # "" or "0.0.0.0" or "::": all addresses of its host
    host_port: int | None = None


class Facts(Value, frozen=True, kw_only=True):
    """One container. `state` is the Engine's word; `identity` survives a recreate, `id` does not.

    `addresses` are its own in the Engine's networks, best first; `host_network`: it has none, its
    ports are those of its host. `one_off`: it was started beside a service, with its labels and its
    identity, for one command.
    """

    host: str
    id: str
    name: str
    identity: str
    labels: dict[str, str]
    state: str
    health: Health = "none"
    started: datetime | None = None
    finished: datetime | None = None
    one_off: bool = False
    host_network: bool = False
    ports: tuple[Published, ...] = ()
    addresses: tuple[str, ...] = ()


class Place(Value, frozen=True, kw_only=True):
    """One host, as proxies see it.

    Attributes:
        address: Where proxies reach what is published on all its addresses.
        local: Proxies run on this very machine, so that loopback bindings are reachable too.
        container_ip: Proxies reach its containers by their own addresses.
        labels: Of the host, for filters.
        stale_since: Since when it cannot be reached by us; None while it can.
    """

    name: str
    address: str
    local: bool = False
    container_ip: bool = False
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    stale_since: datetime | None = None


class StaticRoute(Value, frozen=True, kw_only=True):
    """A route of the configuration, with what is wrong with it now.

    Attributes:
        problem: What may keep requests from reaching it, once that is certain for us: no such
            name. It is served all the same. A check that only failed for now is no problem.
    """

    domain: str
    path: str = "/"
    address: str
    port: int
    settings: Settings = Settings()
    weight: int = 1
    problem: str = ""
