"""What is written: one frozen type per table, in the order of its columns.

Times are timezone-aware UTC datetimes. Counters are raw as the Engine gives them (bytes,
nanoseconds of CPU), figures are computed (percent of one core: one busy core is 100).
None means "not known", never zero.
"""

from __future__ import annotations

from datetime import datetime

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
    """One observation of a host's health."""

    time: datetime
    host: str
    status: str
    engine_version: str | None
    running: int
    total: int
    unhealthy: int
    response_seconds: float | None
    error: str | None


class StatsRow(msgspec.Struct, frozen=True, kw_only=True):
    """One sample of one container; unique by host, container and time."""

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


Row = HostRow | ContainerRow | EventRow | HealthRow | StatsRow
