"""Events from the Engines themselves, when no fleet is running."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import trio

from config.models import Config, Host
from connectors.errors import EngineError
from connectors.follow import EventStream
from fleet import translate
from fleet.cli.output import note
from fleet.cli.times import nanoseconds
from fleet.connected import most_telling, open_connected
from fleet.events import EventCursor, is_noise
from fleet.limits import Limits
from fleet.model import EngineEvent
from fleet.present import event_document
from web.documents import EventDocument

RECONNECT = 2.0  # seconds
WINDOW = 10.0  # seconds that an Engine has for telling its past
MOST = 10_000  # past events of one host


async def past_events(config: Config, hosts: list[Host], since: datetime) -> list[EventDocument]:
    """What the Engines remember since a time, in the order of time."""
    found: list[EngineEvent] = []
    limits = Limits.of(config.fleet)

    async def collect(host: Host) -> None:
        try:
            async with open_connected(host, limits) as connected:
                until = time.time_ns()
                with trio.move_on_after(WINDOW):
                    async with connected.engine.events(nanoseconds(since), until) as events:
                        found.extend([event async for event in _some(events, host.name)])
        except* EngineError as group:
            _lost(most_telling(group), "")

    async with trio.open_nursery() as nursery:
        for host in hosts:
            nursery.start_soon(collect, host)
    found.sort(key=lambda event: event.time_nano)
    return [event_document(event) for event in found if not is_noise(event)]


async def _some(events: EventStream, host: str) -> AsyncIterator[EngineEvent]:
    """The first `MOST`: Docker keeps 256, Podman a file that may be long."""
    left = MOST
    async for raw in events:
        yield translate.event(host, raw)
        left -= 1
        if not left:
            break


async def follow_hosts(
    config: Config, hosts: list[Host], since: datetime, show: Callable[[EventDocument], None]
) -> None:
    """Follow all hosts until cancelled; a lost one is connected to again."""
    limits = Limits.of(config.fleet)
    async with trio.open_nursery() as nursery:
        for host in hosts:
            nursery.start_soon(_follow, host, limits, since, show)


async def _follow(
    host: Host, limits: Limits, since: datetime, show: Callable[[EventDocument], None]
) -> None:
    cursor = EventCursor()
    start = nanoseconds(since)
    while True:
        try:
            async with (
                open_connected(host, limits) as connected,
                connected.engine.events(start) as events,
            ):
                async for raw in events:
                    event = translate.event(host.name, raw)
                    if cursor.is_new(event) and not is_noise(event):
                        show(event_document(event))
            note(f"fleet: {host.name} ended its events; trying again")
        except* EngineError as group:
            _lost(most_telling(group), "; trying again")
        start = cursor.since(time.time_ns())
        await trio.sleep(RECONNECT)


def _lost(error: EngineError, then: str) -> None:
    note(f"fleet: {error}{then}")
