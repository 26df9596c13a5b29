"""One look at every host, all at once: what commands do when no fleet is running.

Each host has a task of its own and its own deadline, so a dead host delays nobody. What is learned
goes into a tracker, as with a running fleet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
import trio

from config.models import Host
from connectors.engine import Engine
from connectors.errors import EngineError, NotFoundError
from connectors.models import Info, Stats
from fleet import translate
from fleet.connected import Connected, most_telling, open_connected
from fleet.limits import Limits
from fleet.model import Failure
from fleet.sampling import sample
from fleet.tracker import Tracker, now

AT_A_TIME = 10
WINDOW = 0.5  # seconds between the two samples that CPU is computed from

Done = Callable[[str], None]


async def probe(
    hosts: Iterable[Host],
    tracker: Tracker,
    limits: Limits,
    done: Done,
    *,
    samples: bool,
    patience: float | None = None,
) -> None:
    """Look at every enabled host once.

    Args:
        hosts: What to look at.
        tracker: Where it is noted.
        limits: What all hosts share.
        done: Called with a host's name when its look is over, whatever came of it.
        samples: Whether to take CPU and memory; costs half a second, two on Engines before 25.
        patience: Seconds for connecting; None leaves it to the hosts' configuration.
    """

    async def look(host: Host) -> None:
        try:
            async with open_connected(patient(host, patience), limits) as connected:
                await _look(connected, tracker, samples=samples)
        except* EngineError as group:
            error = most_telling(group)
            failure = Failure(kind=error.kind, message=error.what, hint=error.hint, at=now())
            tracker.update_host(host.name, status="down", error=failure, attempts=1)
        finally:
            done(host.name)

    async with trio.open_nursery() as nursery:
        for host in hosts:
            tracker.add_host(host.name, "connecting" if host.enabled else "disabled")
            if host.enabled:
                nursery.start_soon(look, host)
            else:
                done(host.name)


def patient(host: Host, seconds: float | None) -> Host:
    """The host, with at most so many seconds for connecting and for each answer."""
    if seconds is None:
        return host
    monitoring = host.monitoring
    hurried = msgspec.structs.replace(
        monitoring,
        connect_timeout=min(seconds, monitoring.connect_timeout),
        request_timeout=min(seconds, monitoring.request_timeout),
    )
    return msgspec.structs.replace(host, monitoring=hurried)


async def _look(connected: Connected, tracker: Tracker, *, samples: bool) -> None:
    engine, info = connected.engine, await connected.engine.info()
    response = await engine.ping()
    await _containers(connected.host, engine, tracker)
    tracker.update_host(
        connected.name,
        status="up",
        via=connected.endpoint.via,
        last_seen=now(),
        engine=translate.facts(info, connected.version, engine.api_version),
        response_seconds=response,
        listed=True,
    )
    if samples:
        await _sample_all(connected, tracker, info)


async def _containers(host: Host, engine: Engine, tracker: Tracker) -> None:
    limiter = trio.CapacityLimiter(AT_A_TIME)
    allow = host.monitoring.environment_allow

    async def inspect(container_id: str) -> None:
        async with limiter:
            try:
                inspected = await engine.inspect(container_id)
            except NotFoundError:
                return  # it went between the list and now
        tracker.put_container(translate.container(host.name, inspected, allow))

    async with trio.open_nursery() as nursery:
        for entry in await engine.containers():
            nursery.start_soon(inspect, entry.id)


async def _sample_all(connected: Connected, tracker: Tracker, info: Info) -> None:
    async def take(container_id: str) -> None:
        begun = trio.current_time()
        first = await _stats(connected.engine, container_id)
        if first is None:
            return
        await trio.sleep_until(begun + WINDOW)  # Engines before 25 have taken longer by themselves
        second = await _stats(connected.engine, container_id)
        if second is None:
            return
        tracker.put_sample(
            connected.name,
            container_id,
            sample(
                second,
                first,
                at=now(),
                host_memory=info.memory,
                wall_clock=connected.version.is_podman,
            ),
        )

    async with trio.open_nursery() as nursery:
        for container in tracker.running(connected.name):
            nursery.start_soon(take, container.id)


async def _stats(engine: Engine, container_id: str) -> Stats | None:
    try:
        return await engine.stats(container_id)
    except NotFoundError:
        return None
