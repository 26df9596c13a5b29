"""The running containers as metrics: one line for each figure, made once for each scrape."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from fleet.model import Container, Sample
from web.exposition.text import Family, braced, escape

MOST_CONTAINERS = 20_000  # of all hosts; of those beyond only their number is told
STATES = ("created", "running", "paused", "restarting", "removing", "exited", "dead")
SHOWN = ("running", "paused", "restarting")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class ContainerFamilies:
    """Takes container after container; their metrics are `all`.

    Series have the labels `host` and `name`. What else describes a container is in one series,
    `fleet_container_info`, to be joined by these.

    Attributes:
        shown: Containers so far.
        left_out: Containers that there was no room for.
    """

    def __init__(self, most: int = MOST_CONTAINERS) -> None:
        self._most = most
        self.shown = self.left_out = 0
        name = "fleet_container"
        self._info = Family(name, "info", "A container that runs: image, Compose project, service.")
        self._cpu = Family(f"{name}_cpu_seconds", "counter", "CPU time, since the container began.")
        self._memory = Family(
            f"{name}_memory_used_bytes", "gauge", "Memory, without cache that would be given back."
        )
        self._limit = Family(
            f"{name}_memory_limit_bytes", "gauge", "Memory it may use, or that its machine has."
        )
        self._received = Family(
            f"{name}_network_receive_bytes", "counter", "Bytes received, since the container began."
        )
        self._sent = Family(
            f"{name}_network_transmit_bytes", "counter", "Bytes sent, since the container began."
        )
        self._read = Family(
            f"{name}_block_read_bytes", "counter", "Bytes read from disks, since it began."
        )
        self._written = Family(
            f"{name}_block_written_bytes", "counter", "Bytes written to disks, since it began."
        )
        self._processes = Family(f"{name}_processes", "gauge", "Processes and threads.")
        self._restarts = Family(
            f"{name}_restarts", "counter", "Restarts by the Engine, since the container was made."
        )
        self._started = Family(
            f"{name}_start_time_seconds", "gauge", "When it began to run, in Unix time."
        )
        self._looping = Family(
            f"{name}_looping", "gauge", "1 for one that ends again and again; no series for others."
        )
        self._health = Family(
            f"{name}_health", "gauge", "1 for what its health check says now, where it has one."
        )

    @property
    def all(self) -> list[Family]:
        """The metrics, and how many containers they are of."""
        return [
            *(self._info, self._cpu, self._memory, self._limit, self._received, self._sent),
            *(self._read, self._written, self._processes, self._restarts, self._started),
            *(self._health, self._looping),
            Family("fleet_containers_shown", "gauge", "Containers with metrics of their own.").add(
                self.shown
            ),
            Family(
                "fleet_containers_left_out",
                "gauge",
                f"Running containers without metrics, as {self._most} others have some.",
            ).add(self.left_out),
        ]

    def add(self, container: Container, sample: Sample | None) -> None:
        """Add a container; without a sample that is of now, what is used is not told."""
        if self.shown >= self._most:
            self.left_out += 1
            return
        self.shown += 1
        inner = f'host="{escape(container.host)}",name="{escape(container.name)}"'
        labels = f"{{{inner}}}"
        compose = container.compose
        image = escape(container.image)
        project, service = (compose.project, compose.service) if compose else ("", "")
        self._info.lines.append(
            f'fleet_container_info{{{inner},image="{image}",project="{escape(project)}",'
            f'service="{escape(service)}"}} 1\n'
        )
        self._restarts.lines.append(
            f"fleet_container_restarts_total{labels} {container.restart_count}\n"
        )
        if container.started is not None:
            self._started.lines.append(
                f"fleet_container_start_time_seconds{labels} {container.started.timestamp()!r}\n"
            )
        if container.looping:
            self._looping.lines.append(f"fleet_container_looping{labels} 1\n")
        if container.health.source == "healthcheck":
            health = container.health.status
            self._health.lines.append(f'fleet_container_health{{{inner},status="{health}"}} 1\n')
        if sample is not None:
            self._add_sample(labels, sample)

    def _add_sample(self, labels: str, sample: Sample) -> None:
        seconds = sample.cpu_total / 1e9
        self._cpu.lines.append(f"fleet_container_cpu_seconds_total{labels} {seconds!r}\n")
        self._memory.lines.append(
            f"fleet_container_memory_used_bytes{labels} {sample.memory_used}\n"
        )
        if sample.memory_limit:
            self._limit.lines.append(
                f"fleet_container_memory_limit_bytes{labels} {sample.memory_limit}\n"
            )
        for family, value in (
            (self._received, sample.network_rx),
            (self._sent, sample.network_tx),
            (self._read, sample.block_read),
            (self._written, sample.block_write),
            (self._processes, sample.pids),
        ):
            if value is not None:
                family.lines.append(f"{family.sample}{labels} {value}\n")


def shown(containers: Iterable[Container]) -> list[Container]:
    """Those of a host that have a process, or soon again, by name.

    Of several with one name (one may be on its way out) only the newest, as a series is told once.
    """
    found: dict[str, Container] = {}
    for container in containers:
        if container.state not in SHOWN:
            continue
        known = found.get(container.name)
        if known is None or (container.created or _LONG_AGO) > (known.created or _LONG_AGO):
            found[container.name] = container
    return [found[name] for name in sorted(found)]


def by_state(containers: Iterable[Container]) -> dict[str, int]:
    """How many containers are in each state that there is; a word of no Engine counts as other."""
    counts = dict.fromkeys(STATES, 0)
    for container in containers:
        state = container.state if container.state in STATES else "other"
        counts[state] = counts.get(state, 0) + 1
    return counts


def described(host: str, states: dict[str, int]) -> list[str]:
    """The lines of `fleet_containers` of a host."""
    return [
        f"fleet_containers{braced([('host', host), ('state', state)])} {count}\n"
        for state, count in states.items()
    ]
