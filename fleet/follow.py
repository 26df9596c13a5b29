"""Follow one connected Engine: events first, then the list, then everything side by side.

Subscribing before listing means that nothing falls into the gap between the two.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import NoReturn

import trio

from connectors.endpoint import Endpoint
from connectors.engine import open_engine
from connectors.errors import UnreachableError
from connectors.models import Info
from connectors.times import parse_time
from connectors.traffic import Traffic
from fleet import translate
from fleet.connected import Connected
from fleet.events import EventCursor, EventRouter, is_noise
from fleet.host_stats import HostStatsCollector
from fleet.images import ImageCollector
from fleet.inventory import Inventory
from fleet.limits import Limits
from fleet.logs import LogCollector
from fleet.stats import StatsCollector
from fleet.tracker import Tracker, now


async def follow(
    connected: Connected,
    tracker: Tracker,
    cursor: EventCursor,
    limits: Limits,
    on_up: Callable[[], None],
) -> NoReturn:
    """Keep the tracker true to an Engine until the connection fails.

    Args:
        connected: The host and its Engine.
        tracker: Where everything learned goes.
        cursor: Where its events stand.
        limits: What all hosts share.
        on_up: Called once the host's containers are known.

    Raises:
        EngineError: Why it ended, possibly several in a group.
    """
    name, engine = connected.name, connected.engine
    info = await engine.info()
    asked = time.time_ns()
    facts = translate.facts(info, connected.version, engine.api_version)
    tracker.update_host(name, engine=facts, via=connected.endpoint.via, last_seen=now())
    inventory = Inventory(connected, tracker, limits.operations)
    images = ImageCollector(connected, tracker, limits.operations)
    events = partial(_follow_events, connected, tracker, cursor, _routes(inventory, images))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_watch, connected.endpoint)
        await nursery.start(events, _engine_now(info))
        nursery.start_soon(_ping, connected, tracker, limits.traffic)
        began = time.perf_counter()
        await inventory.learn()
        limits.discovered(time.perf_counter() - began)
        tracker.update_host(
            name,
            status="up",
            error=None,
            stale_since=None,
            next_attempt=None,
            listed=True,
            last_seen=now(),
        )
        on_up()
        nursery.start_soon(inventory.follow)
        nursery.start_soon(StatsCollector(connected, tracker).run)
        nursery.start_soon(images.run)
        ahead = _engine_now(info) - asked
        nursery.start_soon(LogCollector(connected, tracker, limits, ahead).run)
        nursery.start_soon(HostStatsCollector(connected, tracker, info).run)
    raise AssertionError("following an Engine only ends by an error")


def _routes(inventory: Inventory, images: ImageCollector) -> EventRouter:
    router = EventRouter()
    router.register("container", inventory.on_container_event)
    router.register("network", inventory.on_network_event, "connect")
    router.register("network", inventory.on_network_event, "disconnect")
    router.register("image", images.on_image_event)
    router.register("container", images.on_image_event, "commit")  # Podman tells it so alone
    return router


async def _follow_events(
    connected: Connected,
    tracker: Tracker,
    cursor: EventCursor,
    router: EventRouter,
    engine_now: int,
    *,
    task_status: trio.TaskStatus[None],
) -> None:
    """Read events as fast as they come: the Engine drops those of a reader that lags 100 ms."""
    name = connected.name
    async with connected.engine.events(since=cursor.since(engine_now)) as events:
        task_status.started()
        async for raw in events:
            event = translate.event(name, raw)
            if is_noise(event) or not cursor.is_new(event):
                continue
            router.route(tracker.put_event(event))
    raise UnreachableError(name, "the event stream ended", "the Engine or the way to it restarts")


def _engine_now(info: Info) -> int:
    """The Engine's clock in nanoseconds; ours where it does not tell."""
    told = parse_time(info.system_time)
    return int(told.timestamp() * 1e9) if told else time.time_ns()


async def _watch(endpoint: Endpoint) -> None:
    """Fail as soon as the way to the host is known to be gone."""
    raise UnreachableError(endpoint.host, await endpoint.lost(), "reconnecting by itself")


async def _ping(connected: Connected, tracker: Tracker, traffic: Traffic) -> None:
    """Prove that the Engine lives: a silent event stream is normal and proves nothing.

    On a connection of its own: a ping must never queue behind requests that nobody answers.
    """
    monitoring = connected.host.monitoring
    patience = monitoring.request_timeout
    async with open_engine(
        connected.endpoint,
        limit=1,
        connect_timeout=patience,
        request_timeout=patience,
        traffic=traffic,
    ) as engine:
        while True:
            seconds = await engine.ping()
            tracker.update_host(
                connected.name, response_seconds=seconds, last_seen=now(), attempts=0
            )
            await trio.sleep(monitoring.ping_interval)
