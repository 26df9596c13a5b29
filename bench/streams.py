"""One change told to 1,000 clients of a live stream at once, beside one client.

`python -m bench.streams` serves 5,000 containers from memory in a process of its own, changes one
of them every three seconds and tells the time with it. The clients read `/api/stream/containers`
over plain sockets in one other process. How late the server's loop is meanwhile it measures itself,
with a task that wants to wake every 5 ms. Memory is resident memory of the server, above none.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import trio

from bench.processes import cpu_seconds, memory_bytes
from tests.lab.ports import accepts, free_port
from tests.lab.waiting import wait_until
from tests.web.fleet_in_memory import FleetInMemory
from tests.web.live_in_memory import LiveInMemory
from web.app import Application, create_app
from web.parts import Serving, Shown
from web.server import Limits, serve

CONTAINERS = 5_000
PERIOD = 3.0  # seconds between changes
TICK = 0.005
REQUEST = b"GET /api/stream/containers?snapshot=false HTTP/1.1\r\nHost: localhost\r\n\r\n"
MARK = b'"state":"'


async def serve_live(port: int, clients: int) -> None:
    """Change a container now and then; its state is the time and how late the loop was."""
    live = LiveInMemory()
    for number in range(CONTAINERS):
        live.container(f"app-{number}", labels={"com.docker.compose.project": "shop"})
    app = create_app(Shown(FleetInMemory(), live=live), serving=Serving(max_streams=clients + 1))
    late: deque[float] = deque(maxlen=int(PERIOD / TICK))
    async with trio.open_nursery() as nursery:
        limits = Limits(connections=clients + 10)
        await nursery.start(_serve, app, port, limits)
        nursery.start_soon(_watch, late)
        while True:
            await trio.sleep(PERIOD)
            worst = sorted(late)
            live.container("app-0", f"{time.monotonic()} {worst[-len(worst) // 100]} {worst[-1]}")


async def _serve(
    app: Application, port: int, limits: Limits, task_status: trio.TaskStatus[str]
) -> None:
    await serve(app, f"127.0.0.1:{port}", limits=limits, task_status=task_status)


async def _watch(late: deque[float]) -> None:
    while True:
        wanted = trio.current_time() + TICK
        await trio.sleep_until(wanted)
        late.append(trio.current_time() - wanted)


@contextmanager
def serving(clients: int) -> Iterator[tuple[int, int]]:
    """Serve in another process; its process id and port."""
    port = free_port()
    command = [sys.executable, "-m", "bench.streams", "--serve", str(port)]
    with subprocess.Popen([*command, "--clients", str(clients)]) as process:
        try:
            wait_until(lambda: accepts("127.0.0.1", port), "it listens")
            yield process.pid, port
        finally:
            process.kill()


class Figures:
    """What all clients saw: by the state that was told, seconds until each of them had it."""

    def __init__(self) -> None:
        self.subscribed = 0
        self.taken: dict[bytes, list[float]] = {}

    async def read(self, port: int) -> None:
        """One client."""
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(REQUEST)
            subscribed = False
            while data := bytes(await stream.receive_some()):
                now = time.monotonic()
                if not subscribed and b"retry:" in data:
                    subscribed = True
                    self.subscribed += 1
                if MARK in data:
                    state = data.rpartition(MARK)[2].partition(b'"')[0]
                    self.taken.setdefault(state, []).append(now - float(state.split()[0]))


async def measure(clients: int, rounds: int) -> None:
    """Print what one change costs with so many clients."""
    with serving(clients) as (pid, port):
        figures = Figures()
        before = memory_bytes(pid)["Rss"]
        with trio.fail_after(120 + rounds * PERIOD * 2):
            async with trio.open_nursery() as nursery:
                for _ in range(clients):
                    nursery.start_soon(figures.read, port)
                    await trio.sleep(0.001)
                while figures.subscribed < clients:  # noqa: ASYNC110 - figures, and no event
                    await trio.sleep(0.1)
                figures.taken.clear()
                begun = cpu_seconds([pid])
                while len(figures.taken) < rounds + 2:  # noqa: ASYNC110 - as above
                    await trio.sleep(0.1)
                used, memory = cpu_seconds([pid]) - begun, memory_bytes(pid)["Rss"] - before
                nursery.cancel_scope.cancel()
        show(clients, figures, used / (rounds + 2), memory)


def show(clients: int, figures: Figures, cpu: float, memory: int) -> None:
    """Print medians over the rounds; the first two and the last may be cut."""
    whole = {state: times for state, times in figures.taken.items() if len(times) == clients}
    lasts = [max(times) for times in whole.values()]
    firsts = [min(times) for times in whole.values()]
    late = [[float(part) for part in state.split()[1:]] for state in list(figures.taken)[2:]]
    p99, worst = statistics.median(one[0] for one in late), max(one[1] for one in late)
    print(f"{clients:>7} {statistics.median(firsts) * 1e3:>8.1f} ms", end="")
    print(f" {statistics.median(lasts) * 1e3:>8.1f} ms {max(lasts) * 1e3:>8.1f} ms", end="")
    print(f" {p99 * 1e3:>8.1f} ms {worst * 1e3:>8.1f} ms {cpu * 1e3:>8.1f} ms", end="")
    print(f" {memory / clients / 1024:>8.1f} KiB", flush=True)


def main() -> None:
    """Measure one client and many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        trio.run(serve_live, options.serve, options.clients)
        return
    names = ("clients", "first has it", "last", "worst last", "loop p99", "loop worst", "CPU")
    print(" ".join(f"{name:>11}" for name in names) + "   each holds")
    for clients in (1, options.clients):
        trio.run(measure, clients, options.rounds)


if __name__ == "__main__":
    main()
