"""Docker's models to the fleet's live values: the one mapping, pure.

Everything an Engine may leave out, send twice or send as null is settled here.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from connectors import models as docker
from connectors.times import parse_time
from fleet.increases import LARGEST
from fleet.model import (
    Compose,
    Container,
    ContainerHealth,
    EngineEvent,
    EngineFacts,
    HealthCheck,
    HealthStatus,
    Image,
    Mount,
    Network,
    Port,
)

REDACTED = "(hidden)"
LONGEST = 256  # characters of an event's action, name and the like, as many as are stored
ATTRIBUTES = 16 * 1024  # characters of all attributes of one event
NONE = "<none>"  # stands for a name that an image does not have
LEFT_OUT = "(left out)"

_NUMBER = re.compile(r"-?[0-9]{1,10}")


def container(
    host: str, inspected: docker.ContainerInspect, allow: tuple[str, ...] = ()
) -> Container:
    """Translate an inspected container.

    Args:
        host: The host's name in the configuration.
        inspected: The Engine's answer.
        allow: Names of environment variables whose values may be kept, `*` as wildcard.
    """
    config, state = inspected.config, inspected.state
    labels = config.labels or {}
    name = inspected.name.removeprefix("/")
    compose = compose_of(labels)
    policy = inspected.host_config.restart_policy
    ended = not state.running and not state.restarting and bool(parse_time(state.finished_at))
    return Container(
        host=host,
        id=inspected.id,
        name=name,
        identity=identity_of(name, compose),
        image=config.image,
        image_id=inspected.image,
        state=state.status or ("running" if state.running else "exited"),
        health=health_of(state),
        created=parse_time(inspected.created),
        started=parse_time(state.started_at),
        finished=parse_time(state.finished_at),
        pid=state.pid,
        exit_code=state.exit_code if ended else None,
        oom_killed=state.oom_killed,
        error=state.error,
        restart_count=inspected.restart_count,
        restart_policy=policy.name if policy else "",
        tty=config.tty,
        labels=labels,
        ports=ports_of(inspected.network_settings.ports or {}),
        network_mode=inspected.host_config.network_mode,
        networks=networks_of(inspected.network_settings.networks or {}),
        mounts=tuple(
            Mount(
                type=mount.type,
                source=mount.source,
                destination=mount.destination,
                name=mount.name,
                read_only=not mount.rw,
            )
            for mount in inspected.mounts or ()
        ),
        environment=redact(config.env or (), allow),
        compose=compose,
    )


def health_of(state: docker.ContainerState) -> ContainerHealth:
    """Docker's health check while it is run, else read off the state: running is healthy.

    Docker says `unhealthy` of whatever it does not check any more, also of what was stopped well or
    is paused: that is no verdict. What its last checks said is kept.
    """
    check = state.health
    log = () if check is None else tuple(map(_check_run, check.log or ()))
    if state.dead or state.restarting:
        return ContainerHealth(status="unhealthy", source="state", log=log)
    if not state.running or state.paused:
        return ContainerHealth(status="none", source="state", log=log)
    if check is not None and check.status not in ("", "none"):
        status, streak = _check_status(check.status), check.failing_streak
        return ContainerHealth(status=status, source="healthcheck", failing_streak=streak, log=log)
    return ContainerHealth(status="unhealthy" if state.oom_killed else "healthy", source="state")


def _check_run(run: docker.HealthCheckResult) -> HealthCheck:
    return HealthCheck(
        start=parse_time(run.start),
        end=parse_time(run.end),
        exit_code=run.exit_code,
        output=run.output,
    )


def _check_status(status: str) -> HealthStatus:
    if status == "healthy":
        return "healthy"
    return "starting" if status == "starting" else "unhealthy"


def compose_of(labels: dict[str, str]) -> Compose | None:
    """Read the labels that Compose leaves on its containers."""
    project = labels.get("com.docker.compose.project")
    service = labels.get("com.docker.compose.service")
    if not project or not service:
        return None
    return Compose(
        project=project,
        service=service,
        number=number_of(labels.get("com.docker.compose.container-number", "")),
    )


def number_of(text: str) -> int | None:
    """Read a number that an Engine writes as text; None for what none of its numbers can be."""
    return int(text) if _NUMBER.fullmatch(text) else None


def identity_of(name: str, compose: Compose | None) -> str:
    """What a container keeps across a recreate: its Compose place, else its name."""
    if compose is None:
        return f"name:{name}"
    return f"compose:{compose.project}/{compose.service}/{compose.number or 1}"


def ports_of(ports: dict[str, list[docker.PortBinding] | None]) -> tuple[Port, ...]:
    """Flatten `{"80/tcp": [bindings]}`; the IPv4 and IPv6 twins of a binding become one."""
    found: dict[tuple[int, str, int | None, str | None], Port] = {}
    for key, bindings in ports.items():
        text, _, protocol = key.partition("/")
        number = _port_number(text)
        if number is None:
            continue
        for binding in bindings or (None,):
            port = _port(number, protocol or "tcp", binding)
            found[port.container_port, port.protocol, port.host_port, port.host_ip] = port
    return tuple(
        sorted(
            found.values(),
            key=lambda p: (p.container_port, p.protocol, p.host_port or 0, p.host_ip or ""),
        )
    )


def _port_number(text: str) -> int | None:
    number = number_of(text)
    return number if number is not None and 0 <= number < 2**16 else None


def _port(number: int, protocol: str, binding: docker.PortBinding | None) -> Port:
    published = _port_number(binding.host_port) if binding else None
    if binding is None or published is None:
        return Port(container_port=number, protocol=protocol)
    # The IPv6 wildcard is published beside every IPv4 wildcard: one port for people.
    address = "0.0.0.0" if binding.host_ip in ("", "::", "0.0.0.0") else binding.host_ip  # noqa: S104 - read, not bound
    return Port(
        container_port=number,
        protocol=protocol,
        host_ip=address,
        host_port=published,
    )


def networks_of(networks: dict[str, docker.EndpointSettings | None]) -> tuple[Network, ...]:
    """List the networks by name; one that is not connected yet has empty addresses."""
    return tuple(
        Network(
            name=name,
            id=place.network_id,
            ip_address=place.ip_address,
            ipv6_address=place.global_ipv6_address,
            mac_address=place.mac_address,
            aliases=tuple(place.aliases or ()),
        )
        for name, place in sorted((n, p or docker.EndpointSettings()) for n, p in networks.items())
    )


def redact(environment: list[str] | tuple[str, ...], allow: tuple[str, ...]) -> dict[str, str]:
    """Keep the names, hide the values but for those whose name is allowed."""
    shown: dict[str, str] = {}
    for entry in environment:
        name, _, value = entry.partition("=")
        allowed = any(fnmatchcase(name, pattern) for pattern in allow)
        shown[name] = value if allowed else REDACTED
    return shown


def event(host: str, raw: docker.Event) -> EngineEvent:
    """Translate an event. `die` carries the exit code as an attribute, in text.

    An action holds the whole command line of an exec, attributes all labels. Many events are kept,
    so the longest of them are cut: how many attributes are left out is told as one of them.
    """
    attributes = raw.actor.attributes or {}
    name = attributes.get("name")
    nano = raw.time_nano or raw.time * 1_000_000_000
    return EngineEvent(
        host=host,
        time=datetime.fromtimestamp(nano // 1_000_000_000, UTC).replace(
            microsecond=nano % 1_000_000_000 // 1000
        ),
        time_nano=nano,
        type=raw.type[:LONGEST],
        action=raw.action[:LONGEST],
        actor_id=raw.actor.id[:LONGEST],
        name=name and name[:LONGEST],
        exit_code=number_of(attributes.get("exitCode", "")),
        attributes=_that_fit(attributes),
    )


def _that_fit(attributes: dict[str, str]) -> dict[str, str]:
    """The attributes that fit into what is kept of one event, in their order."""
    kept, room = {}, ATTRIBUTES
    for key, value in attributes.items():
        size = len(key) + len(value)
        if size <= room:
            kept[key] = value
            room -= size
    left_out = len(attributes) - len(kept)
    return kept | {LEFT_OUT: str(left_out)} if left_out else kept


def image(
    host: str,
    listed: docker.ImageSummary,
    made_for: docker.ImageInspect | None,
    known: Image | None,
    at: datetime,
) -> Image:
    """Translate an image of a list.

    Args:
        host: The host's name in the configuration.
        listed: The list's entry.
        made_for: What an inspect said, where there was one.
        known: The image as it was known before.
        at: When it was listed.
    """
    architecture = made_for.architecture if made_for else known and known.architecture
    operating_system = made_for.os if made_for else known and known.operating_system
    return Image(
        host=host,
        id=image_id(listed.id),
        tags=tuple(sorted(tag for tag in listed.repo_tags or () if NONE not in tag)),
        digests=tuple(sorted(name for name in listed.repo_digests or () if NONE not in name)),
        size=max(0, min(listed.size, LARGEST)),
        architecture=architecture or None,
        operating_system=operating_system or None,
        created=_unix(listed.created),
        first_seen=known.first_seen if known else at,
    )


def image_id(said: str) -> str:
    """An image's id in full: Podman leaves out `sha256:`."""
    return said if ":" in said or not said else f"sha256:{said}"


def _unix(seconds: int) -> datetime | None:
    """A Unix time; None for "never" and for years that a datetime does not know."""
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def facts(info: docker.Info, version: docker.Version, api_version: str) -> EngineFacts:
    """What the Engine and its machine are."""
    return EngineFacts(
        version=version.version or info.server_version,
        api_version=api_version,
        operating_system=info.operating_system or version.os,
        architecture=info.architecture or version.arch,
        kernel=info.kernel_version or version.kernel_version,
        cpus=info.cpus,
        memory=info.memory,
    )
