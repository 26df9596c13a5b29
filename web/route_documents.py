"""What the API answers about routes: the published documents, as in `web.documents`.

Domains are lower case ASCII, and may begin with `*.`. Durations are seconds. `revision` grows with
every change of what the table of routes says, also over restarts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from labels.drift.comparing import ProxyKind
from labels.model import (
    ChangeKind,
    Origin,
    Outcome,
    Policy,
    RouteStatus,
    Scheme,
    Severity,
    Standing,
)
from web.documents import Document, Page


class RouteIssueDocument(Document, frozen=True, kw_only=True):
    """Something that is not as it should be, and what was done instead.

    `code` is a stable word. `severity`: `error` (a route is not served), `warning` (it is, but not
    as its label says), `info`. `key` and `value` are the label as it was written, `suggestion`
    what was probably meant. What is about no container, label or domain has empty ones.
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


class RouteCheckDocument(Document, frozen=True, kw_only=True):
    """How a proxy should check a backend by itself. `status` None: any 2xx or 3xx."""

    path: str
    interval: float
    timeout: float
    status: int | None


class RouteSettingsDocument(Document, frozen=True, kw_only=True):
    """What the members of a route share. `scheme` is of the backends, `https` of the domain."""

    scheme: Scheme
    strip_prefix: str | None
    https: bool
    redirect_https: bool
    certificate_resolver: str
    websocket: bool
    insecure_skip_verify: bool
    pass_host_header: bool
    policy: Policy
    check: RouteCheckDocument | None
    middlewares: tuple[str, ...]
    headers: dict[str, str]


class StepDocument(Document, frozen=True, kw_only=True):
    """One way to a backend that was looked at, and what came of it."""

    way: str
    taken: bool
    reason: str


class EndpointDocument(Document, frozen=True, kw_only=True):
    """Where a proxy reaches a backend. `address` is a name or an IP, without brackets.

    `port` is 0 in previews where the Engine will choose it at the start.
    """

    address: str
    port: int


class MemberDocument(Document, frozen=True, kw_only=True):
    """One backend of a route.

    `id` is unique among all members and stays as long as the container; `name` is `HOST/NAME`, or
    the address of a static backend, which has no host and container. `serving`: proxies send it
    requests. `standing` is why or why not, `since` when that began. `stale_since` is set while its
    host is out of reach: the endpoint is then the last known one. `trace` tells how the endpoint
    was found, or why there is none.
    """

    id: str
    origin: Origin
    name: str
    host: str
    container_id: str
    identity: str
    endpoint: EndpointDocument | None
    weight: int
    serving: bool
    standing: Standing
    since: datetime | None
    stale_since: datetime | None
    started: datetime | None
    title: str
    description: str
    extras: dict[str, str]  # labels that nothing here knows
    trace: tuple[StepDocument, ...]


class RouteDocument(Document, frozen=True, kw_only=True):
    """A domain and path, and the backends behind it.

    `status`: `up` (all members serve), `degraded` (`serving` of them do) or `down` (proxies answer
    503). Members of weight 0 do not count. `held_until`: it would be gone, but too many went at
    once, so it is kept until then.
    """

    domain: str
    path: str
    status: RouteStatus
    serving: int
    wanted: int
    settings: RouteSettingsDocument
    members: tuple[MemberDocument, ...]
    held_until: datetime | None = None


class RoutesDocument(Document, frozen=True, kw_only=True):
    """`/api/revp/routes`: one page of the matches, by domain and path.

    `complete`: every host was heard of, is remembered, or was waited for long enough; until then
    `missing` names the hosts, and proxies are answered with 503.
    """

    revision: int
    complete: bool
    missing: tuple[str, ...]
    routes: tuple[RouteDocument, ...]
    page: Page


class WishDocument(Document, frozen=True, kw_only=True):
    """One route that a container's labels ask for, and what became of it.

    `outcome`: `served`; `waiting` (its container does not run); `lost` (another container has the
    domain and path, on other terms); `dropped` (an issue says why).
    """

    domain: str
    path: str
    port: int
    backend_host: str
    settings: RouteSettingsDocument
    outcome: Outcome
    reason: str
    member: MemberDocument


class RoutedContainerDocument(Document, frozen=True, kw_only=True):
    """One container with RevP labels. `labels` are those only; `enabled`: they ask for routes."""

    host: str
    id: str
    name: str
    enabled: bool
    labels: dict[str, str]
    wishes: tuple[WishDocument, ...]
    issues: tuple[RouteIssueDocument, ...]


class RoutedContainersDocument(Document, frozen=True, kw_only=True):
    """`/api/revp/containers`: one page of the matches, by host and name."""

    revision: int
    containers: tuple[RoutedContainerDocument, ...]
    page: Page


class RouteIssuesDocument(Document, frozen=True, kw_only=True):
    """`/api/revp/issues`: one page of the matches, by host, container and key.

    `format` is set where they are what that proxy's document cannot express.
    """

    revision: int
    format: str | None = None
    issues: tuple[RouteIssueDocument, ...]
    page: Page


class LoserDocument(Document, frozen=True, kw_only=True):
    """Who wants what another has. `differs` names the settings that keep it out of the pool."""

    member: MemberDocument
    settings: RouteSettingsDocument
    differs: tuple[str, ...]


class ConflictDocument(Document, frozen=True, kw_only=True):
    """Several want the same domain and path on different terms; `rule` says why one won."""

    domain: str
    path: str
    winner: MemberDocument
    rule: str
    losers: tuple[LoserDocument, ...]


class ConflictsDocument(Document, frozen=True, kw_only=True):
    """`/api/revp/conflicts`: one page of the matches, by domain and path."""

    revision: int
    conflicts: tuple[ConflictDocument, ...]
    page: Page


class WaitingRouteDocument(Document, frozen=True, kw_only=True):
    """What is asked for but not served now, and why."""

    domain: str
    path: str
    member: MemberDocument
    reason: str


class WaitingRoutesDocument(Document, frozen=True, kw_only=True):
    """`/api/revp/waiting`: one page of the matches, by domain and path."""

    revision: int
    waiting: tuple[WaitingRouteDocument, ...]
    page: Page


class CauseDocument(Document, frozen=True, kw_only=True):
    """Why a route changed: what happened to whom. `event` is the Engine's word or one of ours."""

    event: str
    host: str = ""
    container: str = ""
    container_id: str = ""


class RouteChangeDocument(Document, frozen=True, kw_only=True):
    """One change of one route. `before` and `after` are the backends, as `NAME ADDRESS:PORT`.

    `status` is the one after the change, None when the route is gone. All changes of one revision
    came about at once.
    """

    revision: int
    time: datetime
    kind: ChangeKind
    domain: str
    path: str
    status: RouteStatus | None
    before: tuple[str, ...]
    after: tuple[str, ...]
    summary: str
    cause: CauseDocument


class RouteChangesDocument(Document, frozen=True, kw_only=True):
    """`/api/revp/changes`: newest last; `sources` and `note` as of `EventsDocument`."""

    revision: int
    changes: tuple[RouteChangeDocument, ...]
    sources: tuple[Literal["memory", "database"], ...]
    note: str | None = None


class DomainDocument(Document, frozen=True, kw_only=True):
    """`/api/revp/domains/{domain}`: all that is known of one domain.

    `status` rolls up its routes: `up` (all are), `down` (none serves, or there is none) or
    `degraded`. `serving` of `wanted` members get requests. `changes` are the recent ones that
    memory holds, newest last.
    """

    revision: int
    domain: str
    status: RouteStatus
    serving: int
    wanted: int
    routes: tuple[RouteDocument, ...]
    waiting: tuple[WaitingRouteDocument, ...]
    conflicts: tuple[ConflictDocument, ...]
    issues: tuple[RouteIssueDocument, ...]
    changes: tuple[RouteChangeDocument, ...]


class ServedDocument(Document, frozen=True, kw_only=True):
    """One route as a proxy has it, or should: `endpoints` are `ADDRESS:PORT`, sorted.

    `scheme` is of the backends; None where the proxy does not tell, or there are none.
    """

    domain: str
    path: str
    scheme: Scheme | None
    endpoints: tuple[str, ...]


class DifferenceDocument(Document, frozen=True, kw_only=True):
    """A route that the proxy has, but otherwise."""

    domain: str
    path: str
    wanted: ServedDocument
    found: ServedDocument


class DriftDocument(Document, frozen=True, kw_only=True):
    """`/api/revp/drift`: how what a proxy serves differs from the table of a revision.

    `drifted` is whether it does. `same` counts the routes that do not, `skipped` what the proxy
    has besides that is no route like ours.
    """

    proxy: ProxyKind
    url: str
    revision: int
    drifted: bool
    same: int
    skipped: int
    missing: tuple[ServedDocument, ...]
    extra: tuple[ServedDocument, ...]
    different: tuple[DifferenceDocument, ...]


class PreviewedServiceDocument(Document, frozen=True, kw_only=True):
    """One service, or container, of a preview.

    `issues` are those of its part of the file and of its labels; `containers` say what becomes of
    each, as if they ran.
    """

    name: str
    routed: bool
    enabled: bool
    containers: tuple[RoutedContainerDocument, ...]
    issues: tuple[RouteIssueDocument, ...]


class MeetingDocument(Document, frozen=True, kw_only=True):
    """A domain and path that is previewed, and that `members` have now.

    `outcome`: `replaces` (they are the same containers, by host and identity), `joins` (all would
    be in one pool), `wins` or `loses` (the terms differ, see `differs`; `rule` says why).
    """

    domain: str
    path: str
    outcome: str
    members: tuple[str, ...]
    differs: tuple[str, ...]
    rule: str


class PreviewDocument(Document, frozen=True, kw_only=True):
    """`/api/revp/preview`: what labels would make, if all of it ran on `host`.

    `routes` and `conflicts` are among the previewed alone; `live` is where they meet the table of
    `revision`. `issues` are those that are not of one service. Without a host it is called `HOST`.
    """

    host: str
    revision: int
    services: tuple[PreviewedServiceDocument, ...]
    routes: tuple[RouteDocument, ...]
    conflicts: tuple[ConflictDocument, ...]
    live: tuple[MeetingDocument, ...]
    issues: tuple[RouteIssueDocument, ...]
