"""What labels mean to a proxy, as values: issues, what a label asks for, and the table of routes.

All values are frozen and compared by content; a change is a new value. Names of domains are lower
case ASCII (IDNA), paths begin with `/` and end without one (but for `/` itself). Durations are
seconds. Times are timezone-aware UTC.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

Severity = Literal["error", "warning", "info"]
Scheme = Literal["http", "https"]
Policy = Literal["round_robin", "least_conn", "ip_hash", "random", "first"]
Origin = Literal["container", "static"]


class Value(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of the values: made of what was there before, so no cycle for the collector to find."""


class Issue(Value, frozen=True, kw_only=True):
    """Something that is not as it should be, and what was done instead.

    Attributes:
        code: A fixed word such as `bad-port`; `docs/labels.md` lists all.
        severity: `error`: a route is not served; `warning`: it is, but otherwise than the label
            says; `info`: nothing is wrong yet.
        message: What was found, for people.
        action: What was done instead: "The default 80 is used.", "The route is dropped."
        host: Where the container runs; empty for a static route, or when nobody said.
        container: The container's name, or that of the static route's domain.
        key: The label's key as it was written, if it is about one.
        value: The label's value as it was written, shortened.
        suggestion: What was probably meant, ready to be pasted in its place.
        domain: The domain that it is about, where it is known.
    """

    code: str
    severity: Severity
    message: str
    action: str = ""
    host: str = ""
    container: str = ""
    key: str = ""
    value: str = ""
    suggestion: str | None = None
    domain: str = ""


class Check(Value, frozen=True, kw_only=True):
    """How a proxy should check a backend by itself. `status` None: any 2xx or 3xx."""

    path: str
    interval: float = 10.0
    timeout: float = 3.0
    status: int | None = None


class Settings(Value, frozen=True, kw_only=True):
    """What the members of one route share: containers whose settings are equal make one pool."""

    scheme: Scheme = "http"  # of the backends
    strip_prefix: str | None = None  # taken off the request's path before it is passed on
    https: bool = True  # the domain is served on TLS
    redirect_https: bool = True  # and plain requests are sent there; False without `https`
    certificate_resolver: str = ""  # the proxy's own name for it; empty: the proxy's default
    websocket: bool = False
    insecure_skip_verify: bool = False  # of the backend's certificate
    pass_host_header: bool = True
    policy: Policy = "round_robin"
    check: Check | None = None
    middlewares: tuple[str, ...] = ()  # names that the proxy knows
    headers: tuple[tuple[str, str], ...] = ()  # set on the request, sorted by name


class Key(NamedTuple):
    """What a request is routed by. `domain` may begin with `*.` for one level of names."""

    domain: str
    path: str


class Wish(Value, frozen=True, kw_only=True):
    """One route that labels, or a static route, ask for: a domain and path, and a port of ours."""

    domain: str
    path: str = "/"
    port: int = 80  # of the container; of the backend host, if there is one
    settings: Settings = Settings()
    weight: int = 1  # 0 to 256; 0: known, but gets no requests
    backend_host: str = ""  # overrides where the container is found
    title: str = ""
    description: str = ""
    extras: tuple[tuple[str, str], ...] = ()  # what else was said, sorted: it is kept, and shown

    @property
    def key(self) -> Key:
        """What it is routed by."""
        return Key(self.domain, self.path)


class Parsed(Value, frozen=True, kw_only=True):
    """All that the labels of one container say. `routed`: it has RevP labels at all."""

    wishes: tuple[Wish, ...] = ()
    issues: tuple[Issue, ...] = ()
    routed: bool = False
    enabled: bool = True


class Step(Value, frozen=True, kw_only=True):
    """One way to a backend that was looked at, and what came of it."""

    way: Literal["override", "host-network", "published", "container-ip", "static"]
    taken: bool
    reason: str


class Endpoint(Value, frozen=True, kw_only=True):
    """Where a proxy reaches a backend. `address` is a name or an IP, without brackets.

    `port` is 0 in previews where the Engine will choose it.
    """

    address: str
    port: int

    @property
    def authority(self) -> str:
        """`10.0.0.5:8080`, `[fd00::5]:8080`."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


Standing = Literal[
    "up",  # gets requests
    "stale",  # its host cannot be reached: it gets requests as it did when last seen
    "starting",  # its health check has not passed yet, or its Engine is about to restart it
    "unhealthy",
    "paused",
    "draining",  # ended a moment ago
    "stopped",
    "gone",  # removed, and awaited back for the time of a recreate
    "unreachable",  # no proxy could reach it: see `trace`
    "off",  # its weight is 0
]
SERVING: frozenset[Standing] = frozenset({"up", "stale"})


class Member(Value, frozen=True, kw_only=True):
    """One backend of a route.

    Attributes:
        id: Unique within the table, and the same as long as the container is: a container's
            `HOST/ID`, `static/DOMAIN/PATH ADDRESS:PORT` of a static route.
        name: `HOST/NAME` of the container, or the address of a static backend.
        identity: What stays when a container is recreated, unique within its host.
        since: Since when it stands as it does.
        stale_since: Since when its host is out of reach; its endpoint is what was last known.
        started: The start of the container's run.
    """

    id: str
    origin: Origin = "container"
    host: str = ""
    container_id: str = ""
    name: str
    identity: str = ""
    endpoint: Endpoint | None = None
    trace: tuple[Step, ...] = ()
    weight: int = 1
    standing: Standing
    since: datetime | None = None
    stale_since: datetime | None = None
    started: datetime | None = None
    title: str = ""
    description: str = ""
    extras: tuple[tuple[str, str], ...] = ()

    @property
    def serving(self) -> bool:
        """Whether proxies send it requests."""
        return self.standing in SERVING and self.endpoint is not None and self.weight > 0


RouteStatus = Literal["up", "degraded", "down"]


class Route(Value, frozen=True, kw_only=True):
    """A domain and path, and the pool behind it. `members` are sorted by name, then id.

    A route whose pool is empty is served all the same: proxies answer 503, not 404.
    `held_until`: it would be gone, but too many went at once; until then it is kept.
    """

    domain: str
    path: str
    settings: Settings
    members: tuple[Member, ...]
    held_until: datetime | None = None

    @property
    def key(self) -> Key:
        """What it is routed by."""
        return Key(self.domain, self.path)

    @property
    def pool(self) -> tuple[Member, ...]:
        """The members that get requests."""
        return tuple([member for member in self.members if member.serving])

    @property
    def status(self) -> RouteStatus:
        """Whether all members get requests, some, or none. Those meant to be off do not count."""
        wanted = [member for member in self.members if member.standing != "off"]
        serving = sum(member.serving for member in wanted)
        if not serving:
            return "down"
        return "up" if serving == len(wanted) else "degraded"


class Loser(Value, frozen=True, kw_only=True):
    """A container that wants a domain and path which another has, on other terms."""

    member: Member
    settings: Settings
    differs: tuple[str, ...]  # the names of the settings that differ from the winner's, sorted


class Conflict(Value, frozen=True, kw_only=True):
    """Several want the same domain and path on different terms; `winner` has the pool."""

    domain: str
    path: str
    winner: Member
    rule: str  # why it won, in words: "static routes come first", "runs for longest"
    losers: tuple[Loser, ...]


class Waiting(Value, frozen=True, kw_only=True):
    """A wish that is understood but not served now, and why: its container does not run."""

    domain: str
    path: str
    member: Member
    reason: str


class Table(Value, frozen=True, kw_only=True):
    """All routes at one moment.

    Every wish is a member of a route, a loser of a conflict, waiting, or dropped with an issue.

    Attributes:
        revision: Grows with every change of what this table says, also over restarts.
        complete: Whether every host was heard of, or is remembered, or was waited for long
            enough. Until then proxies are not told anything. A host that is added later does
            not undo it. Without any route it takes all hosts: an empty table takes all away.
        missing: The hosts that the table does not know of, sorted.
        routes: By domain, then path.
        issues: Of labels, endpoints, conflicts and static routes, by host, container and key.
    """

    revision: int = 0
    complete: bool = False
    missing: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    issues: tuple[Issue, ...] = ()


Outcome = Literal["served", "waiting", "lost", "dropped"]


class RoutedWish(Value, frozen=True, kw_only=True):
    """One wish of a container, and what became of it. `reason` is in words for people."""

    wish: Wish
    member: Member
    outcome: Outcome
    reason: str = ""


class RoutedContainer(Value, frozen=True, kw_only=True):
    """One container with RevP labels."""

    host: str
    id: str
    name: str
    labels: dict[str, str]  # those of RevP only
    parsed: Parsed
    wishes: tuple[RoutedWish, ...]


ChangeKind = Literal["added", "removed", "changed"]


class Cause(Value, frozen=True, kw_only=True):
    """Why the table changed: what happened to whom.

    `event` is the Engine's word (`die`, `health_status: unhealthy`, `start`, `rename`), or one of
    ours: `listed`, `host down`, `host up`, `configuration`, `start of fleet`, `drained`,
    `recreate grace over`, `hold over`.
    """

    event: str
    host: str = ""
    container: str = ""
    container_id: str = ""


class Change(Value, frozen=True, kw_only=True):
    """One change of one route. `members` are what the pool was and is, as `NAME ADDRESS:PORT`."""

    revision: int
    time: datetime
    kind: ChangeKind
    domain: str
    path: str
    status: RouteStatus | None = None  # after the change; None when it is gone
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    summary: str = ""  # in words: "edge/web-1 left the pool (unhealthy): 1 of 2 left"
    cause: Cause
