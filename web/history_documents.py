"""What the API answers about the past: the published documents, as in `web.documents`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from web.documents import Document, EventDocument

Resolution = Literal["raw", "1m", "1h", "1d"]
"""What was read: the samples as they were taken, or what they were rolled up into."""

Direction = Literal["backward", "forward"]


class IncarnationDocument(Document, frozen=True, kw_only=True):
    """One container of those that an identity had. `first` and `last` are when it was there.

    `last` is None while it is there.
    """

    id: str
    name: str
    image: str
    image_id: str = ""
    first: datetime | None = None
    last: datetime | None = None


class StatsPointDocument(Document, frozen=True, kw_only=True):
    """One step of a container's history: averages and extremes over `samples` samples.

    `network_*` and `block_*` are the bytes moved in this step, `cpu_seconds` the time of CPU used,
    `memory_limit` and `pids` the most there were. `container_id` tells which incarnation it is of:
    where one replaces another a step has a point of each.
    """

    time: datetime
    container_id: str = ""
    samples: int
    cpu_percent: float | None
    cpu_percent_min: float | None = None
    cpu_percent_max: float | None
    cpu_seconds: float | None = None
    memory_used: float | None
    memory_used_min: int | None = None
    memory_used_max: int | None
    memory_limit: int | None
    network_rx: int | None
    network_tx: int | None
    block_read: int | None
    block_write: int | None
    pids: int | None


class StatsHistoryDocument(Document, frozen=True, kw_only=True):
    """`.../stats/history`: oldest first, at multiples of `step_seconds` from `start`.

    A step without a sample is absent, not zero. `id` and `name` are the container's that was asked
    for (the newest of its identity), `incarnations` all that were read, newest first. `start` is
    where the first step begins: for a rollup the start of a minute, an hour or a day.
    """

    host: str
    id: str
    name: str
    identity: str = ""
    start: datetime
    end: datetime
    step_seconds: float
    resolution: Resolution = "raw"
    incarnations: tuple[IncarnationDocument, ...] = ()
    points: tuple[StatsPointDocument, ...]


class StatsHistoriesDocument(Document, frozen=True, kw_only=True):
    """`/api/metrics/containers/history`: of each container that was asked for, in that order.

    `missing`: those that are not known, or could be several.
    """

    start: datetime
    end: datetime
    containers: tuple[StatsHistoryDocument, ...]
    missing: tuple[str, ...] = ()


class HostStatsPointDocument(Document, frozen=True, kw_only=True):
    """One step of a host's machine: averages and maxima over `samples` samples.

    `cpus`, `memory_total` and `disk_total` are the most there were, `network_*` the bytes moved.
    """

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


class HostStatsHistoryDocument(Document, frozen=True, kw_only=True):
    """`/api/hosts/{host}/stats/history`: as `StatsHistoryDocument`, of the machine."""

    host: str
    start: datetime
    end: datetime
    step_seconds: float
    resolution: Resolution
    points: tuple[HostStatsPointDocument, ...]


class HostSeriesDocument(Document, frozen=True, kw_only=True):
    """What one host's machine used on average: a value for each step, None without a sample.

    `cpus` and `memory_total` are the most there were.
    """

    host: str
    cpus: int
    memory_total: int
    cpu_percent: tuple[float | None, ...]
    memory_used: tuple[float | None, ...]


class HostsStatsHistoryDocument(Document, frozen=True, kw_only=True):
    """`/api/metrics/hosts/history`: of each host meant that has samples, by name.

    Steps begin at multiples of `step_seconds` from `start`.
    """

    start: datetime
    end: datetime
    step_seconds: float
    resolution: Resolution
    hosts: tuple[HostSeriesDocument, ...]


class TotalDocument(Document, frozen=True, kw_only=True):
    """`/api/metrics/total`: the containers that are meant, summed up as of their latest samples.

    `hosts` and `hosts_up` count the hosts these are on, or all where nothing narrows it. `sampled`
    is how many containers the sums are over, `stale` how many of them are of a host that is not up.
    """

    time: datetime
    hosts: int
    hosts_up: int
    containers: int
    running: int
    sampled: int
    stale: int
    cpu_percent: float | None
    memory_used: int | None
    pids: int | None


class TotalPointDocument(Document, frozen=True, kw_only=True):
    """One step: what all that are meant used together, on average and at most.

    `containers` is the most that had samples at once. `network_*` and `block_*` are bytes moved in
    this step, `cpu_seconds` the time of CPU used.
    """

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


class TotalHistoryDocument(Document, frozen=True, kw_only=True):
    """`/api/metrics/total/history`: oldest first; a step without a sample is absent."""

    start: datetime
    end: datetime
    step_seconds: float
    resolution: Resolution
    points: tuple[TotalPointDocument, ...]


class ConsumerDocument(Document, frozen=True, kw_only=True):
    """What one container used over a span: averages while it had samples, maxima, and sums."""

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


class ConsumersDocument(Document, frozen=True, kw_only=True):
    """`/api/metrics/containers`: those that used most of `sort` over the span, the most first."""

    start: datetime
    end: datetime
    sort: Literal["cpu", "memory", "network", "block"]
    resolution: Resolution
    containers: tuple[ConsumerDocument, ...]


class RunDocument(Document, frozen=True, kw_only=True):
    """One run of a container.

    `start` None: it ran before what is known. `end` None: it still runs, or (`ended` true) it
    ended at a time nobody saw, before the next start.
    """

    container_id: str
    start: datetime | None
    end: datetime | None
    ended: bool
    exit_code: int | None = None
    oom_killed: bool = False
    signal: str | None = None  # the last one sent to it, where that was seen
    seconds: float | None = None  # how long it ran, also before the span; None where not known


class UptimeDocument(Document, frozen=True, kw_only=True):
    """`.../uptime`: how much of a span a container ran.

    `up_percent` is of the known time, `up_seconds + down_seconds`. `unknown_seconds` is time in
    which its host was not watched and no run is known to have lasted through. Time before the
    container was made and after it was removed counts as neither. `restarts` are starts within
    the span that came after an earlier run. `last_exit_codes` are of the runs that ended in it,
    newest first. `health` is the last word of its health check within the span.
    """

    host: str
    id: str
    name: str
    identity: str
    start: datetime
    end: datetime
    state: str  # as last known: running, exited, ... or removed
    up_seconds: float
    down_seconds: float
    unknown_seconds: float
    up_percent: float | None
    restarts: int
    oom_kills: int
    unhealthy_seconds: float | None  # None: no health check was seen
    health: str | None
    last_exit_codes: tuple[int, ...]
    runs: tuple[RunDocument, ...]  # newest first
    truncated: bool = False  # there were more events than are read at once; the oldest are left out
    incarnations: tuple[IncarnationDocument, ...]


class LogLineDocument(Document, frozen=True, kw_only=True):
    """One line of a container's log. `stream` `fleet` is what fleet says itself, of gaps."""

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


class LogsDocument(Document, frozen=True, kw_only=True):
    """`.../logs` and `/api/logs`: oldest first, whichever way was read.

    `older` and `newer` are cursors: give one as `cursor` for the page before or after this one.
    None where the span has no more that way. `note` says why there may be less than hoped for.
    """

    start: datetime
    end: datetime
    lines: tuple[LogLineDocument, ...]
    older: str | None = None
    newer: str | None = None
    note: str | None = None


class ContainerEventsDocument(Document, frozen=True, kw_only=True):
    """`.../events`: stored events of a container, oldest first; the newest where there are more.

    `truncated`: older ones are in the span; ask for them with an earlier `end`.
    """

    host: str
    id: str
    name: str
    start: datetime
    end: datetime
    events: tuple[EventDocument, ...]
    truncated: bool


class ImageVersionDocument(Document, frozen=True, kw_only=True):
    """What a reference (`redis:7`) meant on a host from `since` until `until` (None: still)."""

    host: str
    reference: str
    image_id: str
    digest: str | None
    size: int
    created: datetime | None
    since: datetime
    until: datetime | None = None


class ImageUseDocument(Document, frozen=True, kw_only=True):
    """A container that was made of the image, from `first` until `last` (None: it is there)."""

    host: str
    container_id: str
    name: str
    identity: str
    image: str
    image_id: str
    first: datetime | None
    last: datetime | None


class ImageHistoryDocument(Document, frozen=True, kw_only=True):
    """`/api/images/{ref}/history`: which images a reference meant when, and who used them.

    Newest first. `references` and `ids` are what `ref` was found to mean.
    """

    ref: str
    references: tuple[str, ...]
    ids: tuple[str, ...]
    versions: tuple[ImageVersionDocument, ...]
    uses: tuple[ImageUseDocument, ...]
