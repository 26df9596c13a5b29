"""What the live fleet knows, as the table of routes wants to be told it: the one mapping, pure."""

from __future__ import annotations

from collections.abc import Iterator

from config.addresses import is_loopback
from config.models import Host
from fleet.model import Container, HostState, Port
from labels.facts import Facts, Health, Place, Published

DEFAULT_NETWORK = "bridge"  # that of containers for which nobody chose one
HOST_NETWORK = "host"


def facts_of(container: Container) -> Facts:
    """A container, as a proxy's backend."""
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
        host_network=any(network.name == HOST_NETWORK for network in container.networks),
        ports=tuple(_published(port) for port in container.ports),
        addresses=tuple(_addresses(container)),
    )


def _health(container: Container) -> Health:
    """What a check of the container's own said; what is read off the state is no check."""
    return container.health.status if container.health.source == "healthcheck" else "none"


def _published(port: Port) -> Published:
    return Published(
        container_port=port.container_port,
        protocol=port.protocol,
        host_ip=port.host_ip or "",
        host_port=port.host_port,
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
