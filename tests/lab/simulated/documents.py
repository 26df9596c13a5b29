"""What a simulated Engine says of its host: the recorded answers, filled in from the model."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from random import Random
from uuid import UUID

from tests.lab.simulated.containers import Container
from tests.lab.simulated.kinds import Document, EngineKind
from tests.lab.simulated.machine import Machine
from tests.lab.simulated.model import EngineModel, network_id
from tests.lab.simulated.population import IMAGES
from tests.lab.simulated.times import SECOND, for_people, stamp

CHECK_NANOS = 30 * SECOND
KEPT_CHECKS = 5
RETRIES = 3


def image_id(name: str) -> str:
    """The id of an image, the same on all hosts."""
    return "sha256:" + sha256(f"image {name}".encode()).hexdigest()


class Documents:
    """Writes the answers of one host.

    Args:
        kind: Its Engine.
        machine: What it runs on.
        model: What it has.
    """

    def __init__(self, kind: EngineKind, machine: Machine, model: EngineModel) -> None:
        self._kind = kind
        self._machine = machine
        self._model = model
        self._listed: Document = kind.recorded["listed"]
        self._inspected: Document = kind.recorded["inspected"]
        places = self._inspected["NetworkSettings"]["Networks"] or {}
        self._place: Document = next(iter(places.values()), {})
        self._chance = Random()  # noqa: S311 - not a secret

    def version(self) -> Document:
        """``/version``."""
        return dict(self._kind.recorded["version"])

    def info(self) -> Document:
        """``/info``; Podman has another id each time."""
        states = [container.state for container in self._model.containers.values()]
        running, paused = states.count("running"), states.count("paused")
        told: Document = self._kind.recorded["info"] | {
            "Name": self._machine.name,
            "NCPU": self._machine.cpus,
            "MemTotal": self._machine.memory,
            "CgroupVersion": str(self._kind.cgroup),
            "SystemTime": stamp(self._model.now()),
            "Containers": len(states),
            "ContainersRunning": running,
            "ContainersPaused": paused,
            "ContainersStopped": len(states) - running - paused,
            "Images": len(IMAGES),
        }
        if self._kind.is_podman:
            told["ID"] = str(UUID(int=self._chance.getrandbits(128)))
        elif self._kind.api >= (1, 42):
            told["ID"] = str(UUID(sha256(self._machine.name.encode()).hexdigest()[:32]))
        return told

    def listed(self, containers: Sequence[Container]) -> list[Document]:
        """``/containers/json``, newest first."""
        now = self._model.now()
        return [self._entry(one, now) for one in sorted(containers, key=_newest_first)]

    def _entry(self, container: Container, now: int) -> Document:
        made = container.made
        told: Document = self._listed | {
            "Id": container.id,
            "Names": [f"/{container.name}"],
            "Image": made.image,
            "ImageID": image_id(made.image),
            "Command": " ".join(made.command),
            "Created": container.created // SECOND,
            "Ports": self._ports_listed(container),
            "Labels": made.labels,
            "State": container.state,
            "Status": status(container, now),
        }
        if not self._kind.is_podman:
            told["HostConfig"] = {"NetworkMode": made.network}
            told["NetworkSettings"] = {"Networks": self._networks(container)}
        return told

    def _ports_listed(self, container: Container) -> list[Document]:
        if not container.has_processes:
            return []
        return [
            {
                "IP": address,
                "PrivatePort": int(port.partition("/")[0]),
                "PublicPort": published,
                "Type": port.partition("/")[2],
            }
            for port, published in container.made.ports.items()
            for address in ("0.0.0.0", "::")  # noqa: S104 - told, not bound
        ]

    def inspected(self, container: Container) -> Document:
        """``/containers/ID/json``."""
        made, recorded = container.made, self._inspected
        path, *arguments = made.command
        config: Document = recorded["Config"] | {
            "Hostname": container.id[:12],
            "ExposedPorts": {port: {} for port in made.ports},
            "Tty": made.tty,
            "Env": made.environment,
            "Cmd": made.command,
            "Image": made.image,
            "Labels": made.labels,
        }
        if not made.is_checked:
            config.pop("Healthcheck", None)
        return recorded | {
            "Id": container.id,
            "Created": stamp(container.created),
            "Path": path,
            "Args": arguments,
            "State": self._state(container),
            "Image": image_id(made.image),
            "Name": f"/{container.name}",
            "RestartCount": container.restarts,
            "Config": config,
            "HostConfig": recorded["HostConfig"]
            | {
                "NetworkMode": made.network,
                "RestartPolicy": {"Name": made.policy, "MaximumRetryCount": 0},
                "PortBindings": {
                    port: [{"HostIp": "", "HostPort": str(published)}]
                    for port, published in made.ports.items()
                },
            },
            "NetworkSettings": self._network_settings(container),
        }

    def _state(self, container: Container) -> Document:
        is_running = container.has_processes or container.state == "restarting"
        told: Document = self._inspected["State"] | {
            "Status": container.state,
            "Running": is_running,
            "Paused": container.state == "paused",
            "Restarting": container.state == "restarting",
            "OOMKilled": container.is_oom_killed and not self._kind.is_podman,
            "Pid": container.pid,
            "ExitCode": container.exit_code,
            "StartedAt": stamp(container.started),
            "FinishedAt": stamp(container.finished),
        }
        if container.health:
            told["Health"] = self._health(container)
        elif not self._kind.is_podman:
            told.pop("Health", None)
        return told

    def _health(self, container: Container) -> Document:
        """The last checks, one every 30 s; a bad one more often than is forgiven is unhealthy."""
        now = self._model.now() if container.has_processes else container.finished
        is_bad = container.health == "unhealthy"
        run = [*range(0, max(now - container.started, 0), CHECK_NANOS)][1:][-KEPT_CHECKS:]
        since = max(now - container.health_since, 0) // CHECK_NANOS
        return {
            "Status": container.health,
            "FailingStreak": since + RETRIES if is_bad else 0,
            "Log": [
                {
                    "Start": stamp(container.started + at),
                    "End": stamp(container.started + at + SECOND // 20),
                    "ExitCode": int(is_bad),
                    "Output": "connection refused\n" if is_bad else "",
                }
                for at in run
            ],
        }

    def _network_settings(self, container: Container) -> Document:
        told: Document = self._inspected["NetworkSettings"]
        if self._kind.is_podman:
            return told
        is_up = container.has_processes
        networks = self._networks(container)
        first = networks[container.made.network]
        return {
            key: first.get(key, value) if key in self._place else value
            for key, value in told.items()
        } | {
            "Networks": networks,
            "Ports": {
                port: [
                    {"HostIp": address, "HostPort": str(published)}
                    for address in ("0.0.0.0", "::")  # noqa: S104 - told, not bound
                ]
                for port, published in container.made.ports.items()
                if is_up
            },
        }

    def _networks(self, container: Container) -> Document:
        is_up, number = container.has_processes, container.address
        name = container.made.network
        high, low = divmod(number % 65_536, 256)
        is_own = name not in ("bridge", "host", "none")
        place: Document = self._place | {
            "NetworkID": network_id(name),
            "EndpointID": sha256(container.id.encode()).hexdigest() if is_up else "",
            "Gateway": "172.20.0.1" if is_up else "",
            "IPAddress": f"172.20.{high}.{low}" if is_up else "",
            "IPPrefixLen": 16 if is_up else 0,
            "MacAddress": f"02:42:ac:14:{high:02x}:{low:02x}" if is_up else "",
            "Aliases": [container.name, container.id[:12]] if is_own else None,
        }
        return {name: place}

    def images(self) -> list[Document]:
        """``/images/json``."""
        recorded = self._kind.recorded["image_listed"]
        return [
            recorded
            | {
                "Id": image_id(name),
                "RepoTags": [name],
                "RepoDigests": [f"{name.rpartition(':')[0]}@{image_id(name)}"],
                "Size": _image_size(name),
            }
            for name in IMAGES
        ]

    def image(self, wanted: str) -> Document | None:
        """``/images/ID/json``; None for one that is not there."""
        wanted = wanted.removeprefix("sha256:")
        for name in IMAGES:
            id_ = image_id(name)
            if wanted == name or (wanted and id_.startswith(f"sha256:{wanted}")):
                recorded: Document = self._kind.recorded["image_inspected"]
                return recorded | {"Id": id_, "RepoTags": [name], "Size": _image_size(name)}
        return None

    def networks(self) -> list[Document]:
        """``/networks``: those that the containers are in, and those of every host."""
        recorded: list[Document] = self._kind.recorded["networks"]
        usual = {network["Name"] for network in recorded}
        used = {container.made.network for container in self._model.containers.values()}
        own = [
            recorded[0] | {"Name": name, "Id": network_id(name), "Driver": "bridge"}
            for name in sorted(used - usual)
        ]
        return [network | {"Id": network_id(network["Name"])} for network in recorded] + own


def status(container: Container, now: int) -> str:
    """Write the words of a list: ``Up 5 minutes (healthy)``."""
    if container.state == "created":
        return "Created"
    if container.state in ("exited", "restarting"):
        word = "Exited" if container.state == "exited" else "Restarting"
        return f"{word} ({container.exit_code}) {for_people(now - container.finished)} ago"
    words = f"Up {for_people(now - container.started)}"
    if container.state == "paused":
        return f"{words} (Paused)"
    if container.health == "starting":
        return f"{words} (health: starting)"
    return f"{words} ({container.health})" if container.health else words


def _newest_first(container: Container) -> int:
    return -container.created


def _image_size(name: str) -> int:
    return 5_000_000 + int(sha256(name.encode()).hexdigest()[:7], 16)
