"""What is written: one frozen type per table, in the order of its columns.

Times are timezone-aware UTC datetimes. Counters are raw as the Engine gives them (bytes,
nanoseconds of CPU), figures are computed (percent of one core: one busy core is 100).
None means "not known", never zero.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec


class HostRow(msgspec.Struct, frozen=True, kw_only=True):
    """Current state of a host, upserted by `name`."""

    name: str
    connection: str
    target: str
    labels: dict[str, str]
    seen: datetime
    engine_version: str | None = None
    api_version: str | None = None
    operating_system: str | None = None
    architecture: str | None = None
    cpus: int | None = None
    memory: int | None = None


class ContainerRow(msgspec.Struct, frozen=True, kw_only=True):
    """Current state of a container, upserted by `host` and `id`.

    `identity` survives a recreate: `compose:project/service/number`, else `name:NAME`.
    """

    host: str
    id: str
    name: str
    identity: str
    image: str
    image_id: str
    state: str
    health: str
    labels: dict[str, str]
    created: datetime | None
    started: datetime | None
    finished: datetime | None
    exit_code: int | None
    restart_count: int
    seen: datetime
    removed: datetime | None = None


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """One Engine event; unique by host, `time_nano` (Engine's clock), type, action and actor."""

    host: str
    time: datetime
    time_nano: int
    type: str
    action: str
    actor_id: str
    name: str | None
    exit_code: int | None
    attributes: dict[str, str]


class HealthRow(msgspec.Struct, frozen=True, kw_only=True):
    """One observation of a host's health.

    `attempts` are those that failed in a row; of the observation that ends an outage, all of it.
    """

    time: datetime
    host: str
    status: str
    engine_version: str | None
    running: int
    total: int
    unhealthy: int
    response_seconds: float | None
    error: str | None
    error_kind: str | None = None
    attempts: int | None = None


class StatsRow(msgspec.Struct, frozen=True, kw_only=True):
    """One sample of one container; unique by host, container and time.

    `started` is when this run of the container began. An `*_increase` is what the counter beside
    it grew by since the sample before, also across a restart; None where none is known.
    """

    time: datetime
    host: str
    container_id: str
    name: str
    identity: str
    cpu_percent: float | None
    cpu_total: int
    system_total: int | None
    online_cpus: int
    memory_used: int
    memory_limit: int
    network_rx: int | None
    network_tx: int | None
    block_read: int | None
    block_write: int | None
    pids: int | None
    started: datetime | None = None
    cpu_increase: int | None = None
    network_rx_increase: int | None = None
    network_tx_increase: int | None = None
    block_read_increase: int | None = None
    block_write_increase: int | None = None


class HostStatsRow(msgspec.Struct, frozen=True, kw_only=True):
    """One sample of a host's machine; unique by host and time.

    Where only its Engine can be asked (`source` is "containers"), CPU and memory are the sums over
    its containers, and the rest is not known. CPU is in percent of one core.
    """

    time: datetime
    host: str
    source: Literal["machine", "containers"]
    cpus: int
    cpu_percent: float | None
    load_1: float | None
    load_5: float | None
    load_15: float | None
    memory_total: int
    memory_used: int
    swap_total: int | None
    swap_used: int | None
    disk_total: int | None  # of the file system that the Engine keeps its data in
    disk_used: int | None
    network_rx: int | None  # counters since the machine's start, over its physical interfaces
    network_tx: int | None
    network_rx_increase: int | None
    network_tx_increase: int | None


class LogRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a container's log.

    Unique by host, container, time in nanoseconds (the Engine's clock), stream and `sequence`,
    which counts the lines of one stream and nanosecond, from 0.
    """

    time: datetime
    time_nano: int
    host: str
    container_id: str
    name: str
    identity: str
    stream: str  # "stdout", "stderr", or "fleet" for what fleet has to say about the others
    sequence: int
    level: str | None  # "debug", "info", "warning", "error" or "critical", where the line tells
    line: str
    truncated: bool


class ImageRow(msgspec.Struct, frozen=True, kw_only=True):
    """Current state of an image on a host, upserted by `host` and `id`; `first_seen` stays."""

    host: str
    id: str
    tags: list[str]
    digests: list[str]
    size: int
    architecture: str | None
    operating_system: str | None
    created: datetime | None
    first_seen: datetime
    seen: datetime
    removed: datetime | None = None


class ImageVersionRow(msgspec.Struct, frozen=True, kw_only=True):
    """From `time` on, `reference` (`redis:7`) means this image on this host."""

    time: datetime
    host: str
    reference: str
    image_id: str
    digest: str | None
    size: int
    created: datetime | None


class RouteChangeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one route; unique by time, revision, domain and path.

    `before` and `after` are the members of its pool, as `HOST/NAME ADDRESS:PORT`. `status` is that
    after the change, None when the route is gone. What caused it is empty where it is nobody.
    """

    time: datetime
    revision: int
    kind: Literal["added", "removed", "changed"]
    domain: str
    path: str
    status: Literal["up", "degraded", "down"] | None
    before: list[str]
    after: list[str]
    summary: str
    cause_event: str
    cause_host: str
    cause_container: str
    cause_container_id: str


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """What was done with tokens and accounts; unique by time, kind, who and address.

    `who` is a token's id or an account's name, empty where that is not known; `address` that of
    the client, empty for a command on this machine. `count` is how often, of what is counted.
    """

    time: datetime
    kind: str  # such as "token-used"
    who: str
    address: str
    detail: str
    count: int = 1


Row = (
    HostRow
    | ContainerRow
    | EventRow
    | HealthRow
    | StatsRow
    | HostStatsRow
    | LogRow
    | ImageRow
    | ImageVersionRow
    | RouteChangeRow
    | AuditRow
)
CurrentRow = HostRow | ContainerRow | ImageRow
