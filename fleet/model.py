"""The live fleet as values: what the tracker holds and everything inside `fleet` speaks in.

All values are frozen; a change is a new value. Times are timezone-aware UTC, sizes bytes, CPU in
percent of one core (one busy core is 100), None means "not known".
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

HostStatus = Literal["connecting", "up", "down", "disabled"]
HealthStatus = Literal["healthy", "unhealthy", "starting", "none"]


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the live values."""


class Port(Value, frozen=True, kw_only=True):
    """One port of a container. `host_port` None: exposed but not published."""

    container_port: int
    protocol: str
    host_ip: str | None = None
    host_port: int | None = None


class Mount(Value, frozen=True, kw_only=True):
    """One mount."""

    type: str
    source: str
    destination: str
    name: str = ""
    read_only: bool = False


class Network(Value, frozen=True, kw_only=True):
    """A container's place in one network."""

    name: str
    id: str = ""
    ip_address: str = ""
    ipv6_address: str = ""
    mac_address: str = ""
    aliases: tuple[str, ...] = ()


class HealthCheck(Value, frozen=True, kw_only=True):
    """One run of a health check."""

    start: datetime | None
    end: datetime | None
    exit_code: int
    output: str


class ContainerHealth(Value, frozen=True, kw_only=True):
    """Docker's verdict while there is a health check that is run, else read off the state."""

    status: HealthStatus
    source: Literal["healthcheck", "state"]
    failing_streak: int = 0
    log: tuple[HealthCheck, ...] = ()


class Compose(Value, frozen=True, kw_only=True):
    """A container's place in a Compose project."""

    project: str
    service: str
    number: int | None = None


class Container(Value, frozen=True, kw_only=True):
    """One container as inspected. `identity` survives a recreate, `id` does not.

    The last three are of its ends: see `fleet.looping`.
    """

    host: str
    id: str
    name: str
    identity: str
    image: str
    image_id: str
    state: str
    health: ContainerHealth
    created: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    pid: int = 0
    exit_code: int | None = None
    oom_killed: bool = False
    error: str = ""
    restart_count: int = 0
    restart_policy: str = ""
    tty: bool = False
    labels: dict[str, str] = {}
    ports: tuple[Port, ...] = ()
    network_mode: str = ""  # the Engine's word: `host`, `container:ID`, a network's name
    networks: tuple[Network, ...] = ()
    mounts: tuple[Mount, ...] = ()
    environment: dict[str, str] = {}
    compose: Compose | None = None
    looping: bool = False
    ends_lately: int = 0
    last_exit_code: int | None = None


class Counters(Value, frozen=True, kw_only=True):
    """A container's raw counters, which begin anew with each of its runs.

    `time` is by our clock; `read` by the Engine's, as is `started`, the beginning of the run.
    """

    time: datetime
    read: datetime | None = None
    started: datetime | None = None
    cpu_total: int
    network_rx: int | None
    network_tx: int | None
    block_read: int | None
    block_write: int | None


class Sample(Counters, frozen=True, kw_only=True):
    """One stats sample: raw counters, and the figures computed from it and the one before.

    An `*_increase` is what the counter grew by since the sample before, also across a restart.
    """

    cpu_percent: float | None
    memory_used: int
    memory_limit: int
    memory_percent: float | None
    pids: int | None
    system_total: int | None
    online_cpus: int
    cpu_increase: int | None = None
    network_rx_increase: int | None = None
    network_tx_increase: int | None = None
    block_read_increase: int | None = None
    block_write_increase: int | None = None


class HostSample(Value, frozen=True, kw_only=True):
    """One sample of a host's machine; see `storage.rows.HostStatsRow`."""

    time: datetime
    source: Literal["machine", "containers"]
    cpus: int
    cpu_percent: float | None
    load_1: float | None = None
    load_5: float | None = None
    load_15: float | None = None
    memory_total: int
    memory_used: int
    swap_total: int | None = None
    swap_used: int | None = None
    disk_total: int | None = None
    disk_used: int | None = None
    network_rx: int | None = None
    network_tx: int | None = None
    network_rx_increase: int | None = None
    network_tx_increase: int | None = None


class EngineFacts(Value, frozen=True, kw_only=True):
    """What the Engine says of itself and its machine."""

    version: str
    api_version: str
    operating_system: str = ""
    architecture: str = ""
    kernel: str = ""
    cpus: int = 0
    memory: int = 0


class Failure(Value, frozen=True, kw_only=True):
    """Why a host is not up."""

    kind: str
    message: str
    hint: str
    at: datetime


class HostState(Value, frozen=True, kw_only=True):
    """A host's health as its session last reported it."""

    name: str
    status: HostStatus
    since: datetime
    via: str = ""
    error: Failure | None = None
    stale_since: datetime | None = None
    last_seen: datetime | None = None
    next_attempt: datetime | None = None
    attempts: int = 0
    reconnects: int = 0
    engine: EngineFacts | None = None
    response_seconds: float | None = None
    missed_samples: int = 0
    log_lines_dropped: int = 0
    listed: bool = False  # its containers are known (they may be stale)


class EngineEvent(Value, frozen=True, kw_only=True):
    """One Engine event. `time_nano` is by the Engine's clock; `number` is set by the tracker."""

    number: int = 0
    host: str
    time: datetime
    time_nano: int
    type: str
    action: str
    actor_id: str
    name: str | None
    exit_code: int | None
    attributes: dict[str, str]


class LogLine(Value, frozen=True, kw_only=True):
    """One line of a container's log. `time_nano` is by the Engine's clock.

    `sequence` counts the lines of one stream and nanosecond, from 0. `stream` is `stdout`, `stderr`
    or, for what we say ourselves of a gap, `fleet`. `level` is debug, info, warning, error or
    critical, where the line tells.
    """

    time: datetime
    time_nano: int
    host: str
    container_id: str
    name: str
    identity: str
    stream: str
    sequence: int
    level: str | None
    line: str
    truncated: bool = False


class Image(Value, frozen=True, kw_only=True):
    """One image of a host. `tags` are references such as `redis:7`, `digests` `redis@sha256:...`.

    `id` is `sha256:` and 64 digits, also where the Engine leaves the word out.
    """

    host: str
    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    size: int
    architecture: str | None
    operating_system: str | None
    created: datetime | None
    first_seen: datetime
