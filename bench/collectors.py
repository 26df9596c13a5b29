"""What others collect stats with, each as a program of its own to be measured from outside.

`python -m bench.collectors WAY SOCKET SECONDS` takes a sample of every running container at that
interval for ever, and prints after each round how many it has taken. A sample is a parsed answer
with CPU per cent computed; nothing is stored.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path
from typing import Any

import aiodocker
import msgspec
import trio
from docker import APIClient

from connectors import models
from connectors.endpoint import Endpoint
from connectors.engine import Engine, open_engine
from connectors.streams import Lines
from fleet.sampling import sample
from fleet.tracker import now

THREADS = 16

_decode = msgspec.json.Decoder(models.Stats).decode


class Counter:
    """Computes CPU per cent from raw answers, as each of these would have to, and counts them."""

    def __init__(self) -> None:
        self.taken = 0
        self._previous: dict[str, dict[str, Any]] = {}
        self.cpu_percent: dict[str, float] = {}

    def take(self, container: str, stats: dict[str, Any]) -> None:
        """Count one answer."""
        before = self._previous.get(container)
        self._previous[container] = stats
        self.taken += 1
        if before:
            new, old = stats["cpu_stats"], before["cpu_stats"]
            used = new["cpu_usage"]["total_usage"] - old["cpu_usage"]["total_usage"]
            system = new["system_cpu_usage"] - old["system_cpu_usage"]
            self.cpu_percent[container] = used / max(system, 1) * new["online_cpus"] * 100

    def tell(self) -> None:
        """Print how many there were."""
        print(self.taken, flush=True)


def _ticks(interval: float) -> Iterator[float]:
    """Seconds to wait before each round, the first at once."""
    due = time.monotonic()
    while True:
        yield max(0.0, due - time.monotonic())
        due += interval


async def _asyncio_ticks(interval: float) -> AsyncIterator[None]:
    for seconds in _ticks(interval):
        await asyncio.sleep(seconds)
        yield


async def aiodocker_polls(socket: Path, interval: float) -> None:
    """aiodocker, one-shot answers, all containers at once."""
    counter = Counter()
    async with aiodocker.Docker(url=f"unix://{socket}") as docker:
        ids = [container.id for container in await docker.containers.list()]

        async def take(one: str) -> None:
            query = {"stream": "0", "one-shot": "1"}
            counter.take(one, await docker._query_json(f"containers/{one}/stats", params=query))

        async for _ in _asyncio_ticks(interval):
            await asyncio.gather(*map(take, ids))
            counter.tell()


async def aiodocker_streams(socket: Path, interval: float) -> None:
    """aiodocker, its own stats streams; of a second's answers the newest is taken."""
    counter = Counter()
    newest: dict[str, dict[str, Any]] = {}

    async def follow(container: Any) -> None:
        async for stats in container.stats(stream=True):
            newest[container.id] = stats

    async with aiodocker.Docker(url=f"unix://{socket}") as docker, asyncio.TaskGroup() as tasks:
        for container in await docker.containers.list():
            tasks.create_task(follow(container))
        async for _ in _asyncio_ticks(interval):
            for one, stats in newest.items():
                counter.take(one, stats)
            counter.tell()


def sdk_threads(socket: Path, interval: float) -> None:
    """The Docker SDK in threads, one-shot answers."""
    counter = Counter()
    client = APIClient(base_url=f"unix://{socket}", version="auto", num_pools=THREADS)
    ids = [container["Id"] for container in client.containers()]

    def ask(one: str) -> tuple[str, dict[str, Any]]:
        return one, client.stats(one, stream=False, one_shot=True)

    with ThreadPoolExecutor(THREADS) as threads:
        for seconds in _ticks(interval):
            time.sleep(seconds)
            for one, stats in threads.map(ask, ids):
                counter.take(one, stats)
            counter.tell()


class OurClient:
    """fleet's Engine client and its arithmetic, without the rest of fleet."""

    def __init__(self, engine: Engine, ids: list[str], interval: float) -> None:
        self._engine = engine
        self._ids = ids
        self._interval = interval
        self._taken = 0
        self._newest: dict[str, bytes] = {}
        self._previous: dict[str, models.Stats] = {}

    def _take(self, one: str, stats: models.Stats) -> None:
        sample(stats, self._previous.get(one), at=now())
        self._previous[one] = stats
        self._taken += 1

    async def _ticks(self) -> AsyncGenerator[None, None]:
        for seconds in _ticks(self._interval):
            await trio.sleep(seconds)
            yield
            print(self._taken, flush=True)

    async def poll(self) -> None:
        """One-shot answers."""

        async def take(one: str) -> None:
            if (stats := await self._engine.stats(one)) is not None:
                self._take(one, stats)

        async with aclosing(self._ticks()) as ticks:
            async for _ in ticks:
                async with trio.open_nursery() as polls:
                    for one in self._ids:
                        polls.start_soon(take, one)

    async def stream(self) -> None:
        """Streams, read as they come; the newest answer is decoded when a sample is due."""
        async with trio.open_nursery() as streams:
            for one in self._ids:
                streams.start_soon(self._follow, one)
            async for _ in self._ticks():
                for one, line in self._newest.items():
                    self._take(one, _decode(line))

    async def _follow(self, one: str) -> None:
        lines = Lines()
        async with self._engine._http.stream(self._target(one), is_endless=True) as stream:
            while data := await stream.receive():
                for line in lines.feed(data):
                    self._newest[one] = line

    async def stream_rarely(self) -> None:
        """Streams, read only when a sample is due; until then the Engine's writes are held up."""
        async with trio.open_nursery() as streams:
            for one in self._ids:
                streams.start_soon(self._sip, one)
            async for _ in self._ticks():
                pass

    async def _sip(self, one: str) -> None:
        lines = Lines()
        async with self._engine._http.stream(self._target(one), is_endless=True) as stream:
            for seconds in _ticks(self._interval):
                await trio.sleep(seconds)
                newest = b""
                while not newest:
                    for newest in lines.feed(await stream.receive()):  # noqa: B007 - the last one
                        pass
                self._take(one, _decode(newest))

    def _target(self, one: str) -> str:
        return f"/containers/{one}/stats?stream=true"


def _ours(way: Callable[[OurClient], Awaitable[None]]) -> Callable[[Path, float], None]:
    async def run(socket: Path, interval: float) -> None:
        endpoint = Endpoint("bench", uds=socket)
        async with open_engine(endpoint, stream_limit=1000) as engine:
            await engine.negotiate()
            ids = [container.id for container in await engine.containers(all=False)]
            await way(OurClient(engine, ids, interval))

    return lambda socket, interval: trio.run(run, socket, interval)


WAYS: dict[str, Callable[[Path, float], None]] = {
    "our-polls": _ours(OurClient.poll),
    "our-streams": _ours(OurClient.stream),
    "our-rare-reads": _ours(OurClient.stream_rarely),
    "aiodocker-polls": lambda socket, interval: asyncio.run(aiodocker_polls(socket, interval)),
    "aiodocker-streams": lambda socket, interval: asyncio.run(aiodocker_streams(socket, interval)),
    "sdk-threads": sdk_threads,
}

if __name__ == "__main__":
    WAYS[sys.argv[1]](Path(sys.argv[2]), float(sys.argv[3]))
