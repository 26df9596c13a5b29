"""The polls of one host against an Engine in memory, by trio's own clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio

from config.models import LocalHost, Monitoring
from connectors.errors import UnreachableError
from connectors.models import Stats
from fleet.changes import Change, Sampled
from fleet.connected import Connected
from fleet.stats import AT_A_TIME, StatsCollector
from fleet.tracker import Tracker
from tests.fleet.values import container

INTERVAL, PATIENCE = 5.0, 15.0
PROMPT, ONE_SECOND = (1, 44), (1, 41)


class Engine:
    """Answers after `seconds`, but for those that hang."""

    def __init__(self, api: tuple[int, int], seconds: float) -> None:
        self.api = api
        self.seconds = seconds
        self.hanging: set[str] = set()
        self.asked: dict[str, list[float]] = defaultdict(list)
        self.waited_for = 0
        self.most_waited_for = 0

    async def stats(self, container_id: str) -> Stats:
        self.asked[container_id].append(trio.current_time())
        if container_id not in self.hanging:
            await trio.sleep(self.seconds)
            return Stats(read="2026-01-02T12:00:00Z")
        self.waited_for += 1
        self.most_waited_for = max(self.most_waited_for, self.waited_for)
        await trio.sleep(PATIENCE)
        self.waited_for -= 1
        raise UnreachableError("a", "no answer within 15 s")


class Polled:
    """Containers that are polled, and when each was sampled."""

    def __init__(self, engine: Engine, names: Iterable[str]) -> None:
        self.tracker = Tracker()
        self.tracker.add_host("a")
        for name in names:
            self.tracker.put_container(container(name, name=name))
        self.sampled: dict[str, list[float]] = defaultdict(list)
        self.tracker.listen(self._hear)
        host = LocalHost(name="a", monitoring=Monitoring(stats_interval=INTERVAL))
        version = SimpleNamespace(is_podman=False)
        connected = SimpleNamespace(name="a", host=host, engine=engine, version=version)
        self.collector = StatsCollector(cast("Connected", connected), self.tracker)

    def _hear(self, change: Change) -> None:
        if isinstance(change, Sampled):
            self.sampled[change.container.id].append(trio.current_time())

    def longest_gap(self, name: str, since: float) -> float:
        """Seconds between two samples, the end being one."""
        times = [since, *(at for at in self.sampled[name] if at > since), trio.current_time()]
        return max(then - at for at, then in pairwise(times))


@asynccontextmanager
async def polled(engine: Engine, names: Iterable[str]) -> AsyncIterator[Polled]:
    made = Polled(engine, names)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.collector.run)
        yield made
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(("api", "seconds"), [(PROMPT, 0.01), (ONE_SECOND, 1.0)])
async def test_containers_that_hang_keep_no_other_waiting(
    api: tuple[int, int],
    seconds: float,
    autojump_clock: Any,  # noqa: ARG001
) -> None:
    engine = Engine(api, seconds)
    hang, well = {f"h{n}" for n in range(6)}, [f"w{n}" for n in range(20)]
    engine.hanging = set(hang)
    async with polled(engine, [*sorted(hang), *well]) as it:
        await trio.sleep(3 * PATIENCE)  # until it is known that they do
        since, engine.most_waited_for = trio.current_time(), 0
        await trio.sleep(300)
        assert max(it.longest_gap(name, since) for name in well) < INTERVAL + seconds + 0.5
        assert engine.most_waited_for == 1
        for name in hang:  # in turn, and none is given up
            assert len([at for at in engine.asked[name] if at > since]) >= 2
        assert not hang & it.sampled.keys()


async def test_an_engine_that_was_slow_is_soon_back_at_full_pace(autojump_clock: Any) -> None:  # noqa: ARG001
    engine, names = Engine(ONE_SECOND, 1.0), [f"c{n}" for n in range(100)]
    async with polled(engine, names) as it:
        await trio.sleep(20)
        engine.hanging = set(names)
        await trio.sleep(4 * PATIENCE)
        engine.hanging.clear()
        await trio.sleep(PATIENCE + 6 * INTERVAL)
        since = trio.current_time()
        await trio.sleep(60)
        assert max(it.longest_gap(name, since) for name in names) < 2 * INTERVAL + 1


async def test_a_second_failure_comes_after_a_first(autojump_clock: Any) -> None:  # noqa: ARG001
    engine = Engine(PROMPT, 0.01)
    hang = {f"h{n}" for n in range(AT_A_TIME)}
    engine.hanging = set(hang)
    async with polled(engine, [*sorted(hang), "once"]) as it:
        await trio.sleep(120)
        engine.hanging.add("once")
        await trio.sleep(INTERVAL + 0.5)
        engine.hanging.discard("once")
        since = trio.current_time()
        await trio.sleep(3 * PATIENCE)
        assert it.longest_gap("once", since) < 2 * PATIENCE + 2 * INTERVAL
