"""The containers that a simulated host begins with, and new ones, from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from random import Random

from tests.lab.simulated.containers import Container, Load, Made
from tests.lab.simulated.model import EngineModel
from tests.lab.simulated.times import SECOND

DAY = 86_400 * SECOND
MIB = 1024 * 1024
COMPOSE = "com.docker.compose"
COMPOSE_SHARE = 0.6
ROUTED_SHARE = 0.4  # of those that serve a port
TTY_SHARE = 0.04
FIRST_PORT = 20_000


@dataclass(frozen=True, slots=True)
class _Service:
    """What is run again and again: megabytes of memory, a share of a core."""

    name: str
    image: str
    port: int
    cpu: float
    memory: int
    is_checked: bool = False


_SERVICES = (
    _Service("web", "nginx:1.27-alpine", 80, 0.01, 24),
    _Service("api", "registry.example.com/team/api:2.14.1", 8080, 0.08, 180, is_checked=True),
    _Service("worker", "registry.example.com/team/worker:2.14.1", 0, 0.25, 240),
    _Service("db", "postgres:16", 5432, 0.05, 380, is_checked=True),
    _Service("cache", "redis:7.4-alpine", 6379, 0.01, 40, is_checked=True),
    _Service("queue", "rabbitmq:3.13-management", 5672, 0.03, 160, is_checked=True),
    _Service("search", "opensearchproject/opensearch:2.17.0", 9200, 0.12, 900),
    _Service("mail", "axllent/mailpit:v1.20", 8025, 0.005, 30),
    _Service("cron", "busybox:1.36", 0, 0.001, 2),
    _Service("exporter", "prom/node-exporter:v1.8.2", 9100, 0.01, 20),
)
IMAGES = tuple(sorted({service.image for service in _SERVICES}))
_PROJECTS = ("shop", "wiki", "crm", "billing", "photos", "forum", "tracker", "intranet")


class Population:
    """Makes up containers for one host.

    Args:
        random: Where chance comes from.
        host: The host's name, for domains.
        logged: The share that is labelled to have its log kept.
        is_podman: No ports are published and no health is checked.
    """

    def __init__(self, random: Random, host: str, *, logged: float, is_podman: bool) -> None:
        self._random = random
        self._host = host
        self._logged = logged
        self._is_podman = is_podman
        self._port = FIRST_PORT
        self._projects = 0
        self._alone = 0

    def people(self, model: EngineModel, count: int) -> None:
        """Give a model its first containers, of which most have run for days."""
        made = self.new()
        for _ in range(count):
            name, spec = next(made)
            age = int(min(self._random.expovariate(0.2), 60) * DAY) + SECOND
            self._grow_up(model, model.add(name, spec, model.now() - age), age)

    def new(self) -> Iterator[tuple[str, Made]]:
        """Names and what to make of them, for ever: Compose projects and single containers."""
        while True:
            if self._random.random() > COMPOSE_SHARE / 3:
                yield self._single()
                continue
            self._projects += 1
            project = f"{self._random.choice(_PROJECTS)}{self._projects}"
            for service in self._random.sample(_SERVICES, self._random.randint(3, 6)):
                name = f"{project}-{service.name}-1"
                labels = _compose_labels(project, service)
                yield name, self._made(service, name, labels, f"{project}_default")

    def _single(self) -> tuple[str, Made]:
        service = self._random.choice(_SERVICES)
        self._alone += 1
        name = f"{service.name}-{self._alone}"
        return name, self._made(service, name, {}, "bridge")

    def _made(self, service: _Service, name: str, labels: dict[str, str], network: str) -> Made:
        chance = self._random.random
        ports: dict[str, int] = {}
        if service.port and not self._is_podman and chance() < 0.5:
            self._port += 1
            ports = {f"{service.port}/tcp": self._port}
        if ports and chance() < ROUTED_SHARE:
            labels |= _route_labels(service, f"{name}.{self._host}.example.com")
        if chance() < self._logged:
            labels["fleet.logs"] = "true"
        return Made(
            image=service.image,
            command=(f"/usr/bin/{service.name}", "--config", f"/etc/{service.name}.conf"),
            labels=labels,
            environment=(f"SERVICE={service.name}", "TZ=UTC", f"{service.name.upper()}_TOKEN=x"),
            policy=self._random.choice(("always", "unless-stopped", "unless-stopped", "no")),
            network="none" if self._is_podman else network,
            ports=ports,
            tty=chance() < TTY_SHARE,
            is_checked=service.is_checked and not self._is_podman,
            line_nanos=int(self._random.choice((1, 5, 10, 30)) * (0.5 + chance()) * SECOND),
            load=self._load(service),
        )

    def _load(self, service: _Service) -> Load:
        factor = self._random.lognormvariate(0, 0.7)
        return Load(
            cpu=min(service.cpu * factor, 1.0),
            wave=self._random.uniform(60, 900),
            memory=int(service.memory * MIB * (0.5 + self._random.random())),
            network=int(20_000 * factor) if service.port else 0,
            disk=int(5_000 * factor),
            processes=self._random.choice((1, 2, 5, 9, 24)),
        )

    def _grow_up(self, model: EngineModel, container: Container, age: int) -> None:
        """Bring it to where it is now: most run, some have ended or are in trouble."""
        fate = self._random.random()
        if fate < 0.02:
            return
        began = model.now() - int(age * self._random.uniform(0.2, 1.0))
        model.begin_run(container, began)
        if container.health:
            is_well = self._random.random() < 0.92
            container.health = "healthy" if is_well else "unhealthy"
            container.health_since = began + SECOND
        if fate < 0.10:
            is_oom = fate < 0.03
            ended = began + int((model.now() - began) * self._random.uniform(0.1, 0.99))
            code = 137 if is_oom else self._random.choice((0, 0, 0, 1, 143))
            model.end_run(container, code, "exited", ended)
            container.is_oom_killed = is_oom and not self._is_podman
        elif fate < 0.12:
            container.end_work(model.now() - SECOND)
            container.state = "paused"
        elif fate < 0.13 and not self._is_podman:
            model.end_run(container, 1, "restarting", model.now() - SECOND)
            container.restarts = self._random.randint(3, 400)


def _compose_labels(project: str, service: _Service) -> dict[str, str]:
    return {
        f"{COMPOSE}.config-hash": sha256(f"{project} {service}".encode()).hexdigest(),
        f"{COMPOSE}.container-number": "1",
        f"{COMPOSE}.oneoff": "False",
        f"{COMPOSE}.project": project,
        f"{COMPOSE}.project.config_files": f"/srv/{project}/compose.yaml",
        f"{COMPOSE}.project.working_dir": f"/srv/{project}",
        f"{COMPOSE}.service": service.name,
        f"{COMPOSE}.version": "2.39.1",
    }


def _route_labels(service: _Service, domain: str) -> dict[str, str]:
    prefix = f"snadboy.revp.{service.port}"
    return {f"{prefix}.domain": domain, f"{prefix}.backend-proto": "http"}
