"""What the live fleet knows, as the table of routes wants to be told it: the one mapping, pure."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence

from config.addresses import is_loopback
from config.models import Host, Revp, Route
from fleet.model import Container, HostState, Port
from labels.facts import Facts, Health, Place, Published, StaticRoute
from labels.model import Settings
from labels.parsing.domains import read_domain
from labels.parsing.keys import Rules
from labels.parsing.values import BadValueError
from labels.routing.policy import TablePolicy

log = logging.getLogger(__name__)

DEFAULT_NETWORK = "bridge"  # that of containers for which nobody chose one
HOST_NETWORK = "host"
_LENT = "container:"
_ONE_OFF = "com.docker.compose.oneoff"


def lender_of(container: Container) -> str:
    """The id or name of the container whose network this one shares; empty if it has its own."""
    mode = container.network_mode
    return mode.removeprefix(_LENT) if mode.startswith(_LENT) else ""


def facts_of(container: Container, lender: Container | None = None) -> Facts:
    """A container, as a proxy's backend.

    Args:
        container: As it was inspected.
        lender: The container whose network it shares, and so its ports and addresses.
    """
    network = lender or container
    return Facts(
        host=container.host,
        id=container.id,
        name=container.name,
        identity=container.identity,
        labels=container.labels,
        state=container.state,
        health=_health(container),
        started=container.started,
        finished=container.finished,
        one_off=container.labels.get(_ONE_OFF, "").lower() == "true",
        host_network=network.network_mode == HOST_NETWORK,
        ports=tuple(_published(port) for port in network.ports),
        addresses=tuple(_addresses(network)),
    )


def _health(container: Container) -> Health:
    """What a check of the container's own said; what is read off the state is no check."""
    return container.health.status if container.health.source == "healthcheck" else "none"


def _published(port: Port) -> Published:
    return Published(
        container_port=port.container_port,
        protocol=port.protocol,
        host_ip=port.host_ip or "",
        host_port=port.host_port or None,  # 0 is none that anybody could reach
    )


def _addresses(container: Container) -> Iterator[str]:
    """IPv4 before IPv6, networks that somebody chose before the default one, by name."""
    networks = sorted(container.networks, key=lambda n: (n.name == DEFAULT_NETWORK, n.name))
    yield from (network.ip_address for network in networks if network.ip_address)
    yield from (network.ipv6_address for network in networks if network.ipv6_address)


def place_of(host: Host, state: HostState | None) -> Place:
    """A host, as proxies see it.

    Args:
        host: Its configuration.
        state: Its health, None while nobody has looked for it yet.
    """
    return Place(
        name=host.name,
        address=host.routed_by,
        local=is_loopback(host.routed_by),
        container_ip=host.container_ip,
        labels=host.labels,
        stale_since=state.stale_since if state is not None else None,
    )


def rules_of(revp: Revp) -> Rules:
    """How labels are read."""
    return Rules(prefix=revp.prefix, https=revp.https, redirect_https=revp.redirect_https)


def policy_of(revp: Revp) -> TablePolicy:
    """How patient the table is."""
    return TablePolicy(
        drain=revp.drain,
        recreate_grace=revp.recreate_grace,
        mass_removal=revp.mass_removal,
        mass_removal_hold=revp.mass_removal_hold,
    )


def static_routes(routes: Sequence[Route], problems: Mapping[str, str]) -> list[StaticRoute]:
    """The static routes.

    Args:
        routes: As they are configured.
        problems: What is wrong with addresses that they lead to, by address.
    """
    found = (_static(number, route, problems) for number, route in enumerate(routes, 1))
    return [route for route in found if route is not None]


def _static(number: int, route: Route, problems: Mapping[str, str]) -> StaticRoute | None:
    backend = route.backend
    try:
        domain = read_domain(route.domain)
    except BadValueError as error:
        log.warning("static route %d is left out: %s", number, error)
        return None
    return StaticRoute(
        domain=domain,
        path=route.path,
        address=backend.address,
        port=backend.port,
        settings=Settings(
            scheme=backend.scheme,
            strip_prefix=route.stripped,
            https=route.https,
            redirect_https=route.redirect_https,
            websocket=route.websocket,
            insecure_skip_verify=route.insecure_skip_verify,
            pass_host_header=route.pass_host_header,
            policy=route.policy,
        ),
        weight=route.weight,
        problem=problems.get(backend.address, ""),
    )
