"""Containers for tests: one with every option a test wants, or many at once."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import docker
import docker.errors

from tests.lab.images import IMAGE
from tests.lab.waiting import wait_until

FOREVER = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done")
"""Does nothing, and stops at once when told to."""


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """What a container is made from.

    Attributes:
        health: command of a shell health check run every second, after two misses unhealthy.
        ports: container port such as ``80`` or ``53/udp`` to host port.
        host_config: further HostConfig keyword arguments as the Docker SDK names them.
    """

    command: Sequence[str] = FOREVER
    image: str = IMAGE
    labels: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    health: str | None = None
    network: str = "none"
    ports: Mapping[int | str, int] = field(default_factory=dict)
    tty: bool = False
    host_config: Mapping[str, Any] = field(default_factory=dict)


def create_container(client: docker.DockerClient, name: str, spec: ContainerSpec) -> str:
    """Create a container, not yet started, and return its id."""
    second = 1_000_000_000
    health = {"test": ["CMD-SHELL", spec.health], "interval": second, "timeout": 2 * second}
    host_config = client.api.create_host_config(
        network_mode=spec.network, port_bindings=dict(spec.ports), **spec.host_config
    )
    made = client.api.create_container(
        spec.image,
        list(spec.command),
        name=name,
        labels=dict(spec.labels),
        environment=dict(spec.environment),
        ports=[_port(port) for port in spec.ports],
        tty=spec.tty,
        healthcheck=None if spec.health is None else {**health, "retries": 2},
        host_config=host_config,
    )
    return str(made["Id"])


def _port(port: int | str) -> tuple[int, str]:
    number, _, protocol = str(port).partition("/")
    return int(number), protocol or "tcp"


def run_container(client: docker.DockerClient, name: str, spec: ContainerSpec) -> str:
    """Create and start a container and return its id."""
    container = create_container(client, name, spec)
    client.api.start(container)
    return container


def run_containers(
    client: docker.DockerClient, count: int, prefix: str, spec: ContainerSpec
) -> list[str]:
    """Create and start ``count`` equal containers, four at a time, and return their ids."""
    names = [f"{prefix}-{number}" for number in range(1, count + 1)]
    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(lambda name: run_container(client, name, spec), names))


def remove_containers(client: docker.DockerClient) -> None:
    """Remove every container of an Engine, four at a time."""
    ids = [str(entry["Id"]) for entry in client.api.containers(all=True)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda one: remove_container(client, one), ids))


def remove_container(client: docker.DockerClient, container: str) -> None:
    """Remove a container; one that is just being restarted refuses now and then."""
    wait_until(lambda: _removed(client, container), f"{container} can be removed", 10.0)


def _removed(client: docker.DockerClient, container: str) -> bool:
    try:
        client.api.remove_container(container, force=True, v=True)
    except docker.errors.NotFound:
        return True
    except docker.errors.APIError:
        return False
    return True
