"""What is read: the shapes of answers that are not rows as they were written (`storage.rows`)."""

from __future__ import annotations

from datetime import datetime

import msgspec


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
    """The samples of one container, or of one identity, between `time` and the next point.

    Percent of one core, and bytes. `network_*` and `block_*` are what was moved in that time; a
    counter that jumped back (a restart) counts from zero again. None means that no sample said.
    """

    time: datetime
    samples: int
    cpu_percent_avg: float | None
    cpu_percent_max: float | None
    memory_used_avg: float
    memory_used_max: int
    memory_limit: int
    network_rx: int | None
    network_tx: int | None
    block_read: int | None
    block_write: int | None
    pids_max: int | None


class StatsHistory(msgspec.Struct, frozen=True, kw_only=True):
    """Points at multiples of `width` seconds from `start`; a gap is a point that is not there."""

    start: datetime
    end: datetime
    width: float
    points: list[StatsPoint]
