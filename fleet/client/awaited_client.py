"""The client that is awaited: each method asks one question of `fleet.client.asks_*`."""

from __future__ import annotations

import ssl
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from fleet.client import asks_access, asks_history, asks_live, asks_routes, asks_streams
from fleet.client.asking import Ask
from fleet.client.awaited_methods import awaited, awaited_each, awaited_stream
from fleet.client.awaiting import AsyncConnection
from fleet.client.settings import URL, settings
from fleet.client.streaming import GIVE_UP

T = TypeVar("T")


class AsyncFleetClient:
    """The same, awaited: on trio or asyncio, in one event loop; see `FleetClient`."""

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
        self.connection = AsyncConnection(settings(url, token, ca, trust, timeout))
        self.give_up = give_up

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End what is connected."""
        await self.connection.close()

    async def send(self, ask: Ask[T]) -> T:
        """Ask a question of your own."""
        return await self.connection.send(ask)

    fleet = awaited(asks_live.fleet)
    config = awaited(asks_live.config)
    storage = awaited(asks_live.storage)
    alive = awaited(asks_live.alive)
    ready = awaited(asks_live.ready)
    metrics = awaited(asks_live.metrics)
    schema = awaited(asks_live.schema)
    hosts = awaited(asks_live.hosts)
    host = awaited(asks_live.host)
    containers = awaited(asks_live.containers)
    container = awaited(asks_live.container)
    stats = awaited(asks_live.stats)
    images = awaited(asks_live.images)
    image = awaited(asks_live.image)
    image_history = awaited(asks_live.image_history)
    events = awaited(asks_live.events)
    each_hosts = awaited_each(asks_live.hosts)
    each_containers = awaited_each(asks_live.containers)
    each_images = awaited_each(asks_live.images)
    each_events = awaited_each(asks_live.events)

    host_health_history = awaited(asks_history.host_health_history)
    host_availability = awaited(asks_history.host_availability)
    host_stats_history = awaited(asks_history.host_stats_history)
    hosts_stats_history = awaited(asks_history.hosts_stats_history)
    stats_history = awaited(asks_history.stats_history)
    stats_histories = awaited(asks_history.stats_histories)
    container_events = awaited(asks_history.container_events)
    uptime = awaited(asks_history.uptime)
    logs = awaited(asks_history.logs)
    container_logs = awaited(asks_history.container_logs)
    total = awaited(asks_history.total)
    total_history = awaited(asks_history.total_history)
    consumers = awaited(asks_history.consumers)
    each_logs = awaited_each(asks_history.logs)
    each_container_logs = awaited_each(asks_history.container_logs)

    routes = awaited(asks_routes.routes)
    waiting_routes = awaited(asks_routes.waiting_routes)
    route_conflicts = awaited(asks_routes.route_conflicts)
    routed_containers = awaited(asks_routes.routed_containers)
    route_issues = awaited(asks_routes.route_issues)
    domain = awaited(asks_routes.domain)
    route_changes = awaited(asks_routes.route_changes)
    drift = awaited(asks_routes.drift)
    labels = awaited(asks_routes.labels)
    preview = awaited(asks_routes.preview)
    proxy_document = awaited(asks_routes.proxy_document)
    each_routes = awaited_each(asks_routes.routes)
    each_waiting_routes = awaited_each(asks_routes.waiting_routes)
    each_route_conflicts = awaited_each(asks_routes.route_conflicts)
    each_routed_containers = awaited_each(asks_routes.routed_containers)
    each_route_issues = awaited_each(asks_routes.route_issues)

    session = awaited(asks_access.session)
    tokens = awaited(asks_access.tokens)
    make_token = awaited(asks_access.make_token)
    revoke_token = awaited(asks_access.revoke_token)
    audit = awaited(asks_access.audit)
    users = awaited(asks_access.users)
    make_user = awaited(asks_access.make_user)
    change_user = awaited(asks_access.change_user)
    remove_user = awaited(asks_access.remove_user)
    user_link = awaited(asks_access.user_link)
    log_out_user = awaited(asks_access.log_out_user)
    each_users = awaited_each(asks_access.users)
    each_tokens = awaited_each(asks_access.tokens)
    each_audit = awaited_each(asks_access.audit)

    follow_hosts = awaited_stream(asks_streams.follow_hosts)
    follow_containers = awaited_stream(asks_streams.follow_containers)
    follow_stats = awaited_stream(asks_streams.follow_stats)
    follow_events = awaited_stream(asks_streams.follow_events)
    follow_logs = awaited_stream(asks_streams.follow_logs)
    follow_all_logs = awaited_stream(asks_streams.follow_all_logs)
    follow_route_changes = awaited_stream(asks_streams.follow_route_changes)
