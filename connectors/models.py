"""What we read of the Engine's answers, and nothing else.

Names follow the API (renamed to Python's spelling). Everything that some version or Podman leaves
out, or sends as null, has a default; msgspec ignores the rest, which also keeps decoding cheap.
Times stay strings here, as sent; `parse_time` turns them into datetimes. What an Engine cannot mean
(numbers beyond 64 bits, collections without end) is refused while it is read, so that nothing
behind this point meets it.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

T = TypeVar("T")

Int = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Size = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Cpus = Annotated[int, Meta(ge=0, le=2**31 - 1)]
# Of a time that 64 bits of nanoseconds can tell: the years 1678 to 2262.
Seconds = Annotated[int, Meta(ge=-(2**63) // 10**9 + 1, le=2**63 // 10**9 - 1)]
# Engines count in unsigned 64 bits, where "no limit" may be the largest number; msgspec has no
# bound as large. Whoever computes with a counter, or stores it, brings it within `Int` first.
Counter = Annotated[int, Meta(ge=0)]
Id = Annotated[str, Meta(min_length=1, max_length=256)]
Many = Annotated[list[T], Meta(max_length=10_000)]
Pairs = Annotated[dict[str, T], Meta(max_length=10_000)]


class Answer(msgspec.Struct, frozen=True, rename="pascal"):
    """Base of the Engine's answers: frozen, PascalCase keys, surplus keys ignored."""


class VersionComponent(Answer, frozen=True):
    """One program that an Engine is made of."""

    name: str = ""


class Version(Answer, frozen=True):
    """`/version`. `min_api_version` is empty on Engines that do not tell."""

    version: str = ""
    api_version: str = ""
    min_api_version: str = msgspec.field(name="MinAPIVersion", default="")
    os: str = ""
    arch: str = ""
    kernel_version: str = ""
    components: Many[VersionComponent] | None = None

    @property
    def is_podman(self) -> bool:
        """Whether Podman answers, whose `system_cpu_usage` is the cgroup's, not the machine's."""
        return any(part.name == "Podman Engine" for part in self.components or ())


class Info(Answer, frozen=True):
    """`/info`: the machine and the counts. Its `ID` is no identity (Podman invents one a call)."""

    server_version: str = ""
    operating_system: str = ""
    architecture: str = ""
    cpus: Cpus = msgspec.field(name="NCPU", default=0)
    memory: Size = msgspec.field(name="MemTotal", default=0)  # bytes
    containers: Int = 0
    containers_running: Int = 0
    containers_paused: Int = 0
    containers_stopped: Int = 0
    images: Int = 0
    driver: str = ""
    root_dir: str = msgspec.field(name="DockerRootDir", default="")
    cgroup_version: str = ""
    system_time: str = ""
    kernel_version: str = ""
    name: str = ""


class ContainerSummary(Answer, frozen=True):
    """One entry of `/containers/json?all=1`: enough to see what is new or changed."""

    id: Id
    names: Many[str] = []
    image: str = ""
    image_id: str = msgspec.field(name="ImageID", default="")
    state: str = ""
    status: str = ""
    created: Int = 0  # Unix seconds


class HealthCheckResult(Answer, frozen=True):
    """One run of a container's health check."""

    start: str = ""
    end: str = ""
    exit_code: Int = 0
    output: str = ""


class HealthState(Answer, frozen=True):
    """`State.Health`; `log` holds the last five runs."""

    status: str = ""
    failing_streak: Int = 0
    log: Many[HealthCheckResult] | None = None


class ContainerState(Answer, frozen=True):
    """`State` of an inspected container."""

    status: str = ""
    running: bool = False
    paused: bool = False
    restarting: bool = False
    oom_killed: bool = msgspec.field(name="OOMKilled", default=False)
    dead: bool = False
    pid: Int = 0
    exit_code: Int = 0
    error: str = ""
    started_at: str = ""
    finished_at: str = ""
    health: HealthState | None = None


class ContainerConfig(Answer, frozen=True):
    """`Config`: what the container was created with. `env` holds secrets: redact before keeping."""

    image: str = ""
    env: Many[str] | None = None
    labels: Pairs[str] | None = None
    tty: bool = False


class PortBinding(Answer, frozen=True):
    """One published address of a port."""

    host_ip: str = ""
    host_port: str = ""


class EndpointSettings(Answer, frozen=True):
    """A container's place in one network."""

    network_id: str = msgspec.field(name="NetworkID", default="")
    ip_address: str = msgspec.field(name="IPAddress", default="")
    global_ipv6_address: str = msgspec.field(name="GlobalIPv6Address", default="")
    gateway: str = ""
    mac_address: str = ""
    aliases: Many[str] | None = None


class NetworkSettings(Answer, frozen=True):
    """`NetworkSettings`: ports by `80/tcp`, networks by name."""

    ports: Annotated[dict[str, Many[PortBinding] | None], Meta(max_length=65_536)] | None = None
    networks: Pairs[EndpointSettings | None] | None = None


class MountPoint(Answer, frozen=True):
    """One mount."""

    type: str = ""
    name: str = ""
    source: str = ""
    destination: str = ""
    mode: str = ""
    rw: bool = msgspec.field(name="RW", default=True)


class RestartPolicy(Answer, frozen=True):
    """What the Engine does when the container ends."""

    name: str = ""
    maximum_retry_count: Int = 0


class HostConfig(Answer, frozen=True):
    """`HostConfig`, the part that we show."""

    network_mode: str = ""
    restart_policy: RestartPolicy | None = None


class ContainerInspect(Answer, frozen=True):
    """`/containers/{id}/json`."""

    id: Id
    name: str = ""
    created: str = ""
    image: str = ""  # the image's id
    restart_count: Int = 0
    state: ContainerState = ContainerState()
    config: ContainerConfig = ContainerConfig()
    host_config: HostConfig = HostConfig()
    network_settings: NetworkSettings = NetworkSettings()
    mounts: Many[MountPoint] | None = None


class EventActor(msgspec.Struct, frozen=True):
    """Whom an event is about."""

    id: str = msgspec.field(name="ID", default="")
    attributes: Pairs[str] | None = msgspec.field(name="Attributes", default=None)


class Event(msgspec.Struct, frozen=True):
    """One line of `/events`. `time_nano` is by the Engine's clock. Legacy fields are not read."""

    type: str = msgspec.field(name="Type", default="")
    action: str = msgspec.field(name="Action", default="")
    actor: EventActor = msgspec.field(name="Actor", default_factory=EventActor)
    time: Seconds = 0
    time_nano: Int = msgspec.field(name="timeNano", default=0)


class CpuUsage(msgspec.Struct, frozen=True):
    """Nanoseconds of CPU (100 ns units on Windows)."""

    total_usage: Counter = 0
    percpu_usage: Many[int] | None = None


class CpuStats(msgspec.Struct, frozen=True):
    """The container's and the whole system's CPU time."""

    cpu_usage: CpuUsage = CpuUsage()
    system_cpu_usage: Counter = 0
    online_cpus: Cpus = 0


class MemoryDetails(msgspec.Struct, frozen=True):
    """Bytes of page cache that the kernel would give back: cgroup v1 tells the total, v2 not."""

    total_inactive_file: Counter | None = None
    inactive_file: Counter = 0


class MemoryStats(msgspec.Struct, frozen=True):
    """Bytes."""

    usage: Counter = 0
    limit: Counter = 0
    stats: MemoryDetails | None = None
    commit: Counter = msgspec.field(name="commitbytes", default=0)
    private_working_set: Counter = msgspec.field(name="privateworkingset", default=0)


class NetworkStats(msgspec.Struct, frozen=True):
    """Bytes of one interface."""

    rx_bytes: Counter = 0
    tx_bytes: Counter = 0


class BlkioEntry(msgspec.Struct, frozen=True):
    """Bytes of one device and operation; `op` is `Read` on cgroup v1, `read` on v2."""

    op: str = ""
    value: Counter = 0


class BlkioStats(msgspec.Struct, frozen=True):
    """Block I/O by device."""

    io_service_bytes_recursive: Many[BlkioEntry] | None = None


class PidsStats(msgspec.Struct, frozen=True):
    """Processes and threads."""

    current: Counter | None = None


class Stats(msgspec.Struct, frozen=True):
    """`/containers/{id}/stats`. A stopped container answers a stub: `read` is then year 1."""

    read: str = ""
    cpu_stats: CpuStats = CpuStats()
    precpu_stats: CpuStats = CpuStats()
    memory_stats: MemoryStats = MemoryStats()
    networks: Pairs[NetworkStats] | None = None
    blkio_stats: BlkioStats = BlkioStats()
    pids_stats: PidsStats = PidsStats()
    num_procs: Counter = 0


class ImageSummary(Answer, frozen=True):
    """One entry of `/images/json`. What has no name has none, an empty list, or `<none>` ones."""

    id: Id
    repo_tags: Many[str] | None = None
    repo_digests: Many[str] | None = None
    created: Int = 0  # Unix seconds
    size: int = 0  # bytes, beyond 64 bits where an Engine counts wrongly


class ImageInspect(Answer, frozen=True):
    """`/images/{id}/json`, what the list does not say."""

    id: Id
    architecture: str = ""
    os: str = ""


class LogFrame(msgspec.Struct, frozen=True):
    """One line of a container's log. `stream` is `stdout` or `stderr`; `time` as sent, or empty."""

    stream: str
    time: str
    line: bytes
    truncated: bool = False
