"""What the API answers: the published documents, in one place.

Times are timezone-aware UTC. Sizes are bytes, percentages of CPU are of one core (one busy core
is 100), durations carry their unit in the name. None means "not known". Documents grow only by
addition.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

HostStatus = Literal["connecting", "up", "down", "disabled"]


class Document(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of all documents. None refers back to one that holds it: no work for the collector."""


class ErrorDocument(Document, frozen=True, kw_only=True):
    """Why a host is not up. `kind` is a stable word, `message` a sentence with the next step."""

    kind: str
    message: str
    hint: str = ""
    at: datetime | None = None


class EngineDocument(Document, frozen=True, kw_only=True):
    """What the Engine says of itself and its machine. `api_version` is the negotiated one."""

    version: str
    api_version: str
    operating_system: str = ""
    architecture: str = ""
    kernel: str = ""
    cpus: int = 0
    memory: int = 0


class MachineDocument(Document, frozen=True, kw_only=True):
    """The latest sample of a host's machine.

    `source` is `machine`, or `containers` where only the Engine can be asked: CPU and memory are
    then the sums over its containers, and the rest is not known. The disk is the one that the
    Engine keeps its data on.
    """

    time: datetime
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
    disk_total: int | None
    disk_used: int | None


class CountsDocument(Document, frozen=True, kw_only=True):
    """Containers of a host by state. Those that are `looping` are `unhealthy`, too."""

    total: int = 0
    running: int = 0
    paused: int = 0
    restarting: int = 0
    stopped: int = 0
    unhealthy: int = 0
    looping: int = 0


class LoopingDocument(Document, frozen=True, kw_only=True):
    """A container that ends again and again; see `ContainerDocument`."""

    id: str
    name: str
    ends_lately: int
    last_exit_code: int | None = None


class HostDocument(Document, frozen=True, kw_only=True):
    """One host and its health.

    `since` is when `status` began. While a host is not up its containers and figures are the last
    known ones, and `stale_since` says from when. `last_seen` is its last answer of any kind.
    `looping` names the first five of its containers that end again and again.
    """

    name: str
    connection: Literal["local", "tcp", "ssh"]
    target: str
    labels: dict[str, str] = {}
    status: HostStatus
    since: datetime
    via: str = ""
    error: ErrorDocument | None = None
    stale_since: datetime | None = None
    last_seen: datetime | None = None
    next_attempt: datetime | None = None
    attempts: int = 0  # failed in a row
    reconnects: int = 0  # since the start
    engine: EngineDocument | None = None
    machine: MachineDocument | None = None
    containers: CountsDocument = CountsDocument()
    looping: tuple[LoopingDocument, ...] = ()
    cpu_percent: float | None = None  # sum over its containers
    memory_used: int | None = None  # sum over its containers
    response_ms: float | None = None
    missed_samples: int = 0
    log_lines_dropped: int = 0  # beyond log_lines_per_second, since the start
    warnings: tuple[str, ...] = ()


class PortDocument(Document, frozen=True, kw_only=True):
    """One port. `host_port` None: exposed but not published."""

    container_port: int
    protocol: str
    host_ip: str | None = None
    host_port: int | None = None


class MountDocument(Document, frozen=True, kw_only=True):
    """One mount."""

    type: str
    source: str
    destination: str
    name: str = ""
    read_only: bool = False


class NetworkDocument(Document, frozen=True, kw_only=True):
    """A container's place in a network."""

    name: str
    id: str = ""
    ip_address: str = ""
    ipv6_address: str = ""
    mac_address: str = ""
    aliases: tuple[str, ...] = ()


class HealthCheckDocument(Document, frozen=True, kw_only=True):
    """One run of the container's health check."""

    start: datetime | None
    end: datetime | None
    exit_code: int
    output: str


class ContainerHealthDocument(Document, frozen=True, kw_only=True):
    """Docker's own verdict while there is a health check that is run, else read off the state.

    A container that does not run, or is paused, has the status `none`: the Engine goes on to say
    `unhealthy` of it, but checks nothing. One that ends again and again is `unhealthy`. `log` keeps
    what its last checks said.
    """

    status: Literal["healthy", "unhealthy", "starting", "none"]
    source: Literal["healthcheck", "state"]
    failing_streak: int = 0
    log: tuple[HealthCheckDocument, ...] = ()


class ComposeDocument(Document, frozen=True, kw_only=True):
    """A container's place in a Compose project."""

    project: str
    service: str
    number: int | None = None


class StatsDocument(Document, frozen=True, kw_only=True):
    """One sample. `cpu_percent` is None until a second sample gives a difference."""

    time: datetime
    cpu_percent: float | None
    memory_used: int
    memory_limit: int
    memory_percent: float | None
    network_rx: int | None
    network_tx: int | None
    block_read: int | None
    block_write: int | None
    pids: int | None
    cpu_total: int
    system_total: int | None
    online_cpus: int


class ContainerDocument(Document, frozen=True, kw_only=True):
    """One container. `identity` survives a recreate, `id` does not.

    `ends_lately`: how often it ended by itself within the last ten minutes, with an exit code other
    than 0 or to be restarted by its Engine. `looping`: three times or more, the last one within
    five minutes. Its health is then `unhealthy`, whether it runs at this moment or not.
    `last_exit_code` is of the last of these ends, if it is known.
    """

    host: str
    id: str
    name: str
    identity: str
    image: str
    image_id: str
    state: str
    health: ContainerHealthDocument
    created: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    pid: int = 0
    exit_code: int | None = None
    oom_killed: bool = False
    error: str = ""
    restart_count: int = 0
    restart_policy: str = ""
    labels: dict[str, str] = {}
    ports: tuple[PortDocument, ...] = ()
    networks: tuple[NetworkDocument, ...] = ()
    mounts: tuple[MountDocument, ...] = ()
    environment: dict[str, str] = {}  # values redacted unless their name is allowed
    compose: ComposeDocument | None = None
    looping: bool = False
    ends_lately: int = 0
    last_exit_code: int | None = None
    stats: StatsDocument | None = None
    stale_since: datetime | None = None


class EventDocument(Document, frozen=True, kw_only=True):
    """One Engine event.

    `number` counts up over all hosts since the start of this process; it is 0 for an event that
    was read from the database, which keeps none.
    """

    number: int
    host: str
    time: datetime
    time_nano: int
    type: str
    action: str
    actor_id: str
    name: str | None = None
    exit_code: int | None = None
    attributes: dict[str, str] = {}


class ConfigDocument(Document, frozen=True, kw_only=True):
    """Which configuration runs. `error` is set while a newer file was refused."""

    source: str | None
    loaded: datetime
    error: str | None = None
    error_since: datetime | None = None
    warnings: tuple[str, ...] = ()


class SpoolDocument(Document, frozen=True, kw_only=True):
    """Rows on disk that the database does not have yet; `oldest` is when the first came there.

    `damaged_*` is what could not be read back, since the start; the rows as far as could be told.
    """

    rows: int = 0
    bytes: int = 0
    oldest: datetime | None = None
    damaged_bytes: int = 0
    damaged_rows: int = 0
    replayed_per_second: float = 0.0  # rows, in the last ten seconds


class StorageDocument(Document, frozen=True, kw_only=True):
    """The recorder's state.

    `state`: `writing`; `replaying` (rows are written, older ones from disk after them); `spooling`
    (the database is away, rows go to disk); `waiting` (the disk does not take them either, they
    wait in memory); `off`. `dropped` is since the start, `lost_lately` in the last hour.
    """

    state: str
    kind: str = ""  # embedded, PostgreSQL or TimescaleDB edition, with version
    since: datetime | None = None
    error: str | None = None
    queued: int = 0
    written: dict[str, int] = {}
    dropped: dict[str, int] = {}
    lost_lately: int = 0
    last_write: datetime | None = None
    spool: SpoolDocument = SpoolDocument()


class RouteCountsDocument(Document, frozen=True, kw_only=True):
    """The routes in short; `/api/revp/routes` has all of them.

    `degraded`: some backends do not get requests; `down`: none does. `*_domains` are the first
    few. `held`: they would be gone, but too many went at once. `errors` and `warnings` count what
    is wrong with labels and routes. While it is not `complete` proxies are not told anything, as
    nothing is known of the hosts in `missing`. `error`: why routes would not outlive a restart.
    """

    total: int = 0
    up: int = 0
    degraded: int = 0
    down: int = 0
    held: int = 0
    degraded_domains: tuple[str, ...] = ()
    down_domains: tuple[str, ...] = ()
    held_until: datetime | None = None
    errors: int = 0
    warnings: int = 0
    conflicts: int = 0
    revision: int = 0
    complete: bool = False
    missing: tuple[str, ...] = ()
    error: str | None = None


class CertificateDocument(Document, frozen=True, kw_only=True):
    """The certificate of this API. `error`: why its changed files are not what is served."""

    file: str
    loaded: datetime
    expires: datetime
    error: str | None = None


class FleetDocument(Document, frozen=True, kw_only=True):
    """The program itself, and the verdict that `fleet status` ends with.

    `verdict`: `ok`, `degraded` (an unhealthy container, a route without all of its backends, a
    refused configuration, storage away, something dropped lately) or `down` (a host is not up).
    """

    version: str
    started: datetime
    verdict: Literal["ok", "degraded", "down"]
    reasons: tuple[str, ...] = ()
    hosts: int = 0
    hosts_up: int = 0
    config: ConfigDocument
    storage: StorageDocument
    routes: RouteCountsDocument | None = None
    certificate: CertificateDocument | None = None  # None: the API is served in the clear
    dropped: dict[str, int] = {}  # what this process had to let go, by kind
    stale_since: datetime | None = None  # of `fleet serve`: as of when all of this is, if not now


class Page(Document, frozen=True, kw_only=True):
    """How a list was cut. `total` counts all matches.

    `next`, sent as `cursor`, is the page after this one, also when items came or went meanwhile;
    None on the last one.
    """

    total: int
    offset: int
    limit: int
    next: str | None = None


class HostsDocument(Document, frozen=True, kw_only=True):
    """`/api/hosts`: all configured hosts in the order of their names, unless asked otherwise."""

    hosts: tuple[HostDocument, ...]
    page: Page | None = None


class ContainersDocument(Document, frozen=True, kw_only=True):
    """`/api/containers`: one page of the matches, in the order of host and name unless asked.

    `missing`: what was asked for by `id` and is not there.
    """

    containers: tuple[ContainerDocument, ...]
    page: Page
    missing: tuple[str, ...] = ()


class ContainerStatsDocument(Document, frozen=True, kw_only=True):
    """`.../stats`: the latest sample, None before the first one or when it does not run.

    `stale_since` is set while the host is not up: the sample is then the last known one.
    """

    host: str
    id: str
    name: str
    stats: StatsDocument | None
    stale_since: datetime | None = None


class HealthPointDocument(Document, frozen=True, kw_only=True):
    """One stored observation of a host's health."""

    time: datetime
    status: str
    engine_version: str | None
    running: int
    total: int
    unhealthy: int
    response_ms: float | None
    error: str | None


class HealthHistoryDocument(Document, frozen=True, kw_only=True):
    """`/api/hosts/{host}/health/history`: oldest first, thinned so that trouble stays visible."""

    host: str
    start: datetime
    end: datetime
    points: tuple[HealthPointDocument, ...]


class EventsDocument(Document, frozen=True, kw_only=True):
    """`/api/events`: newest last.

    `last_id` sent as `Last-Event-ID` has the event stream go on where this answer ends, so that
    nothing is missed in between. `sources` says where they come from: `memory`, `database` or both.
    `note` says why the answer may lack older events (the database is away). `next`, sent as
    `cursor`, has those before these; None where there are none.
    """

    events: tuple[EventDocument, ...]
    last_id: str = ""
    sources: tuple[Literal["memory", "database"], ...]
    note: str | None = None
    next: str | None = None


class GapDocument(Document, frozen=True, kw_only=True):
    """In the event stream, `event: gap`: events of any kind that this client was not sent.

    `missed` None: not known how many, as the program was restarted in between.
    """

    missed: int | None
    reason: str


class AliveDocument(Document, frozen=True, kw_only=True):
    """`/health`: the program answers."""

    status: Literal["alive"] = "alive"


class ReadyDocument(Document, frozen=True, kw_only=True):
    """`/ready`: status 200 when ready, 503 when not, with the reason."""

    ready: bool
    reason: str = ""
