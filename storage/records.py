"""What is read: the shapes of answers that are not rows as they were written (`storage.rows`)."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from storage.resolution import Grid

P = TypeVar("P")


class CountersRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The raw counters of a container (`id`) as they were sampled last, see `StatsRow`."""

    host: str
    id: str
    time: datetime
    started: datetime | None
    cpu_total: int
    network_rx: int | None
    network_tx: int | None
    block_read: int | None
    block_write: int | None


class NetworkRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The network counters of a host's machine as they were sampled last, see `HostStatsRow`."""

    host: str
    network_rx: int
    network_tx: int


class StatsPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The samples of one container between `time` and the next step.

    Percent of one core, and bytes. `network_*` and `block_*` are what was moved in that time,
    `cpu_seconds` the time of CPU used; `memory_limit` and `pids` the most. None means that no
    sample said.
    """

    time: datetime
    container_id: str
    samples: int
    cpu_percent: float | None
    cpu_percent_min: float | None
    cpu_percent_max: float | None
    cpu_seconds: float | None
    memory_used: float
    memory_used_min: int
    memory_used_max: int
    memory_limit: int
    network_rx: int | None
    network_tx: int | None
    block_read: int | None
    block_write: int | None
    pids: int | None


class HostStatsPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The samples of a host's machine between `time` and the next step; totals are the most."""

    time: datetime
    samples: int
    cpus: int
    cpu_percent: float | None
    cpu_percent_min: float | None
    cpu_percent_max: float | None
    load_1: float | None
    load_1_max: float | None
    memory_total: int
    memory_used: float
    memory_used_min: int
    memory_used_max: int
    swap_used_max: int | None
    disk_total: int | None
    disk_used_max: int | None
    network_rx: int | None
    network_tx: int | None


class HostSeries(msgspec.Struct, frozen=True, kw_only=True):
    """One machine's use, for each of the `steps` that it has samples in; totals are the most."""

    host: str
    steps: list[int]
    cpu_percent: list[float | None]
    memory_used: list[float]
    cpus: int
    memory_total: int


class TotalPoint(msgspec.Struct, frozen=True, kw_only=True):
    """Many containers together; `containers` is the most that had samples in one step."""

    time: datetime
    containers: int
    samples: int
    cpu_percent: float | None
    cpu_percent_max: float | None
    cpu_seconds: float | None
    memory_used: float
    memory_used_max: float
    network_rx: int | None
    network_tx: int | None
    block_read: int | None
    block_write: int | None
    pids: int | None


class Consumer(msgspec.Struct, frozen=True, kw_only=True):
    """What one container used over a range."""

    host: str
    id: str
    name: str
    identity: str
    samples: int
    cpu_percent: float | None
    cpu_percent_max: float | None
    cpu_seconds: float | None
    memory_used: float
    memory_used_max: int
    memory_limit: int
    network_rx: int | None
    network_tx: int | None
    block_read: int | None
    block_write: int | None


class Series(msgspec.Struct, Generic[P], frozen=True, kw_only=True):
    """Points at multiples of the grid's width from its start; one that is not there is a gap."""

    grid: Grid
    points: list[P]


class RecordedContainer(msgspec.Struct, frozen=True, kw_only=True):
    """A container that a reference could mean.

    `rank`: the reference is 0 its id, 1 its identity, 2 its name, 3 the beginning of its id.
    """

    rank: int
    host: str
    id: str
    name: str
    identity: str
    image: str
    image_id: str
    state: str
    created: datetime | None
    seen: datetime
    removed: datetime | None


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """From `start` until `end`."""

    start: datetime
    end: datetime


class ImageVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What a reference meant from `since` until `until` (None: still)."""

    host: str
    reference: str
    image_id: str
    digest: str | None
    size: int
    created: datetime | None
    since: datetime
    until: datetime | None


class ImageUse(msgspec.Struct, frozen=True, kw_only=True):
    """A container that was made of an image; `last` None: it was not removed."""

    host: str
    container_id: str
    name: str
    identity: str
    image: str
    image_id: str
    first: datetime | None
    last: datetime | None


class LogPlaceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Which line of a container's log is the newest that is stored."""

    host: str
    container_id: str
    stream: str
    time_nano: int
    sequence: int


class ReferenceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a reference such as `redis:7` means."""

    reference: str
    image_id: str
