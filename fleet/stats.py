"""A sample of every running container of a host, every interval.

One-shot answers, not streams: a stream costs the Engine about 1.2 ms of CPU a second and container,
whether it is read or not. Samples that could not be taken in their interval are counted as missed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime

import trio

from connectors import models as docker
from connectors.errors import EngineError, NotFoundError
from fleet.connected import Connected
from fleet.model import Container
from fleet.sampling import sample
from fleet.tracker import Tracker, now

FIRST_DIFFERENCE = 2.0  # seconds
PROMPT_API = (1, 44)  # Engine 25: from here on a one-shot answer does not wait for a tick
AT_A_TIME = 4  # of one host whose Engine is prompt: more would only cost it connections


class StatsCollector:
    """Polls one host's containers during one connection."""

    def __init__(self, connected: Connected, tracker: Tracker) -> None:
        self._host = connected.name
        self._engine = connected.engine
        self._tracker = tracker
        self._interval = connected.host.monitoring.stats_interval
        self._wall_clock = connected.version.is_podman
        self._previous: dict[str, tuple[datetime | None, docker.Stats]] = {}
        self._under_way: set[str] = set()
        self._failures: dict[str, int] = {}  # in a row, by container
        self._put_off: list[Container] = []  # failed last time: they come when all others are done
        self._trying = 0  # of those, now
        self._try_at_most = 1
        is_prompt = (connected.engine.api or (0, 0)) >= PROMPT_API
        most = connected.host.monitoring.connections_per_host
        self._at_a_time = min(AT_A_TIME, most) if is_prompt else most

    async def run(self) -> None:
        """Poll for ever, each host at its own phase so that many do not tick together.

        A container that has not answered by the next tick misses that one, alone. One whose last
        answer failed comes after all others, and takes no second place until one of them answers:
        those that hang, until the time limit, would else keep the others waiting.
        """
        tick = trio.current_time() + random.uniform(0, min(1.0, self._interval / 10))  # noqa: S311 - spreads load
        async with trio.open_nursery() as polls:
            await trio.sleep_until(tick)
            self._start_polls(polls)  # the baseline: a difference, and so CPU, comes soon after
            tick += min(FIRST_DIFFERENCE, self._interval)
            await trio.sleep_until(tick)
            self._start_polls(polls, in_turn=False)
            tick += random.uniform(self._interval / 2, self._interval)  # noqa: S311 - as above
            while True:
                await trio.sleep_until(tick)
                self._start_polls(polls)
                tick = max(tick + self._interval, trio.current_time())

    def _start_polls(self, polls: trio.Nursery, *, in_turn: bool = True) -> None:
        running = self._tracker.running(self._host)
        self._previous = {c.id: self._previous[c.id] for c in running if c.id in self._previous}
        self._failures = {c.id: self._failures[c.id] for c in running if c.id in self._failures}
        due = [container for container in running if container.id not in self._under_way]
        self._under_way.update(container.id for container in due)
        self._tracker.missed(self._host, (len(running) - len(due)) * in_turn)
        self._put_off += [container for container in due if container.id in self._failures]
        self._put_off.sort(key=lambda container: self._failures.get(container.id, 0))
        well = [container for container in due if container.id not in self._failures]
        left, places = iter(well), max(1, self._at_a_time - self._trying)
        for _ in range(min(places, len(well) + len(self._put_off))):  # far cheaper than one each
            polls.start_soon(self._take_all, left)

    async def _take_all(self, left: Iterator[Container]) -> None:
        """Take what is left of a round, which several do together, then what was put off."""
        for container in left:
            await self._take(container)
        while self._put_off and self._trying < self._try_at_most:
            self._trying += 1
            try:
                await self._take(self._put_off.pop(0))
            finally:
                self._trying -= 1

    def _note(self, container_id: str, *, answered: bool) -> None:
        if not answered:
            self._failures[container_id] = self._failures.get(container_id, 0) + 1
            self._try_at_most = 1
        elif self._failures.pop(container_id, 0):  # perhaps the Engine was slow, and all come back
            self._try_at_most = min(self._try_at_most + 1, self._at_a_time)

    async def _take(self, container: Container) -> None:
        try:
            stats = await self._engine.stats(container.id)
        except NotFoundError:
            return
        except EngineError:
            self._note(container.id, answered=False)
            self._tracker.missed(self._host, 1)
            return
        finally:
            self._under_way.discard(container.id)
        self._note(container.id, answered=True)
        if stats is None:  # it stopped between the tick and the answer
            return
        # It may have been restarted, and inspected, while the Engine was thinking.
        container = self._tracker.containers(self._host).get(container.id, container)
        started, previous = self._previous.get(container.id, (None, None))
        same_incarnation = previous if started == container.started else None
        self._previous[container.id] = (container.started, stats)
        engine = self._tracker.hosts[self._host].engine
        self._tracker.put_sample(
            self._host,
            container.id,
            sample(
                stats,
                same_incarnation,
                at=now(),
                started=container.started,
                before=self._tracker.counters(self._host, container.id),
                host_memory=engine.memory if engine else 0,
                wall_clock=self._wall_clock,
            ),
        )
