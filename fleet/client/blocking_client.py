"""The client that waits: each method asks one question of `fleet.client.asks_*`."""

from __future__ import annotations

import ssl
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from fleet.client import asks_access, asks_history, asks_live, asks_routes, asks_streams
from fleet.client.asking import Ask
from fleet.client.blocking import Connection
from fleet.client.blocking_methods import blocking, blocking_each, blocking_stream
from fleet.client.settings import URL, settings
from fleet.client.streaming import GIVE_UP

T = TypeVar("T")


class FleetClient:
    """A fleet's API, asked by a program that waits for answers. Threads may share it.

    Answers are the frozen documents of `web.documents` and its neighbours. `each_*` iterate over
    all pages of a list, `follow_*` over a stream that is connected anew when it is lost. A method
    raises `ClientError`: `ProblemError` where the fleet says what is wrong.

    Args:
        url: Where it is; https where it has a certificate.
        token: What `fleet token create` gave.
        ca: A file with the certificates of authorities to trust; None: those of the system.
        trust: In its place, all of how certificates are judged.
        timeout: Seconds of silence after which an answer is given up.
        give_up: Seconds for which a lost stream is tried to be connected again; 0: not at all.

    Raises:
        ValueError: `url` is none.
        OSError: `ca` cannot be read.
    """

    def __init__(
        self,
        url: str = URL,
        *,
        token: str = "",
        ca: Path | str | None = None,
        trust: ssl.SSLContext | None = None,
        timeout: float = 30.0,
        give_up: float = GIVE_UP,
    ) -> None:
        self.connection = Connection(settings(url, token, ca, trust, timeout))
        self.give_up = give_up

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End what is connected."""
        self.connection.close()

    def send(self, ask: Ask[T]) -> T:
        """Ask a question of your own."""
        return self.connection.send(ask)

    fleet = blocking(asks_live.fleet)
    config = blocking(asks_live.config)
    storage = blocking(asks_live.storage)
    alive = blocking(asks_live.alive)
    ready = blocking(asks_live.ready)
    metrics = blocking(asks_live.metrics)
    schema = blocking(asks_live.schema)
    hosts = blocking(asks_live.hosts)
    host = blocking(asks_live.host)
    containers = blocking(asks_live.containers)
    container = blocking(asks_live.container)
    stats = blocking(asks_live.stats)
    images = blocking(asks_live.images)
    image = blocking(asks_live.image)
    image_history = blocking(asks_live.image_history)
    events = blocking(asks_live.events)
    each_hosts = blocking_each(asks_live.hosts)
    each_containers = blocking_each(asks_live.containers)
    each_images = blocking_each(asks_live.images)
    each_events = blocking_each(asks_live.events)

    host_health_history = blocking(asks_history.host_health_history)
    host_availability = blocking(asks_history.host_availability)
    host_stats_history = blocking(asks_history.host_stats_history)
    hosts_stats_history = blocking(asks_history.hosts_stats_history)
    stats_history = blocking(asks_history.stats_history)
    stats_histories = blocking(asks_history.stats_histories)
    container_events = blocking(asks_history.container_events)
    uptime = blocking(asks_history.uptime)
    logs = blocking(asks_history.logs)
    container_logs = blocking(asks_history.container_logs)
    total = blocking(asks_history.total)
    total_history = blocking(asks_history.total_history)
    consumers = blocking(asks_history.consumers)
    each_logs = blocking_each(asks_history.logs)
    each_container_logs = blocking_each(asks_history.container_logs)

    routes = blocking(asks_routes.routes)
    waiting_routes = blocking(asks_routes.waiting_routes)
    route_conflicts = blocking(asks_routes.route_conflicts)
    routed_containers = blocking(asks_routes.routed_containers)
    route_issues = blocking(asks_routes.route_issues)
    domain = blocking(asks_routes.domain)
    route_changes = blocking(asks_routes.route_changes)
    drift = blocking(asks_routes.drift)
    labels = blocking(asks_routes.labels)
    preview = blocking(asks_routes.preview)
    proxy_document = blocking(asks_routes.proxy_document)
    each_routes = blocking_each(asks_routes.routes)
    each_waiting_routes = blocking_each(asks_routes.waiting_routes)
    each_route_conflicts = blocking_each(asks_routes.route_conflicts)
    each_routed_containers = blocking_each(asks_routes.routed_containers)
    each_route_issues = blocking_each(asks_routes.route_issues)

    session = blocking(asks_access.session)
    tokens = blocking(asks_access.tokens)
    make_token = blocking(asks_access.make_token)
    revoke_token = blocking(asks_access.revoke_token)
    audit = blocking(asks_access.audit)
    users = blocking(asks_access.users)
    make_user = blocking(asks_access.make_user)
    change_user = blocking(asks_access.change_user)
    remove_user = blocking(asks_access.remove_user)
    user_link = blocking(asks_access.user_link)
    log_out_user = blocking(asks_access.log_out_user)
    each_users = blocking_each(asks_access.users)
    each_tokens = blocking_each(asks_access.tokens)
    each_audit = blocking_each(asks_access.audit)

    follow_hosts = blocking_stream(asks_streams.follow_hosts)
    follow_containers = blocking_stream(asks_streams.follow_containers)
    follow_stats = blocking_stream(asks_streams.follow_stats)
    follow_events = blocking_stream(asks_streams.follow_events)
    follow_logs = blocking_stream(asks_streams.follow_logs)
    follow_all_logs = blocking_stream(asks_streams.follow_all_logs)
    follow_route_changes = blocking_stream(asks_streams.follow_route_changes)
