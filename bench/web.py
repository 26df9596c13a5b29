"""Requests per second of the API as `fleet up` serves it, beside bare hypercorn.

`python -m bench.web` serves 1,000 containers on 10 hosts from memory in a process of its own and
asks with wrk (a Debian package). The bare side is the same server with an application that sends
the same bytes without doing anything else. CPU is the server's, per request.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import hypercorn.trio
import trio
from hypercorn.config import Config

from bench.processes import cpu_seconds
from tests.lab.ports import accepts, free_port
from tests.lab.waiting import wait_until
from tests.web.fleet_in_memory import FleetInMemory, make_stats
from web.app import create_app
from web.parts import Shown
from web.server import serve

HOSTS, EACH = 10, 100
PATHS = {
    "/health": "a small answer",
    "/api/hosts": "10 hosts",
    "/api/containers?limit=100": "100 of 1,000 containers",
    "/api/containers?limit=1000": "1,000 containers",
}


def _thousand() -> FleetInMemory:
    fleet = FleetInMemory()
    for host in range(HOSTS):
        fleet.add_host(f"host-{host}")
        for number in range(EACH):
            labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
            fleet.add_container(f"host-{host}", f"web-{number}", labels=labels, stats=make_stats())
    return fleet


async def serve_ours(port: int) -> None:
    """The application over a fleet in memory."""
    await serve(create_app(Shown(_thousand())), f"127.0.0.1:{port}")


async def serve_bare(port: int, size: int) -> None:
    """So many bytes, and nothing else."""
    body = b"x" * size
    headers = [(b"content-type", b"application/json"), (b"content-length", str(size).encode())]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.loglevel = "ERROR"
    await hypercorn.trio.serve(app, config)


@contextmanager
def serving(*words: str) -> Iterator[tuple[int, int]]:
    """Serve in another process; its process id and port."""
    port = free_port()
    command = [sys.executable, "-m", "bench.web", "--serve", str(port), *words]
    with subprocess.Popen(command) as process:
        try:
            wait_until(lambda: accepts("127.0.0.1", port), "it listens")
            yield process.pid, port
        finally:
            process.kill()


def ask(pid: int, port: int, path: str, seconds: int) -> tuple[float, float]:
    """Requests per second, and microseconds of the server's CPU per request."""
    begun = cpu_seconds([pid])
    words = ["wrk", "-t", "1", "-c", "10", "-d", f"{seconds}s", f"http://127.0.0.1:{port}{path}"]
    said = subprocess.check_output(words, text=True)
    used = cpu_seconds([pid]) - begun
    if "Non-2xx" in said:
        raise RuntimeError(said)
    count = int(re.search(r"(\d+) requests in", said)[1])  # type: ignore[index]  # wrk's summary
    return count / seconds, used / count * 1e6


def _size(port: int, path: str) -> int:
    words = ["curl", "-s", f"http://127.0.0.1:{port}{path}"]
    return len(subprocess.check_output(words))


def main() -> None:
    """Serve both ways and ask in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--bare", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        bare = partial(serve_bare, options.serve, options.bare)
        trio.run(partial(serve_ours, options.serve) if options.bare is None else bare)
        return
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed (Debian: apt-get install wrk)")
    print(f"{'':<26} {'bytes':>7} {'fleet':>8} {'bare':>8} {'fleet':>10} {'bare':>10} {'ratio':>6}")
    with serving() as (pid, port):
        for path, what in PATHS.items():
            size = _size(port, path)
            with serving("--bare", str(size)) as (bare_pid, bare_port):
                turns = [
                    (
                        ask(pid, port, path, options.seconds),
                        ask(bare_pid, bare_port, path, options.seconds),
                    )
                    for _ in range(options.turns)
                ]
            rate, cpu = (statistics.median(turn[0][n] for turn in turns) for n in (0, 1))
            bare_rate, bare_cpu = (statistics.median(turn[1][n] for turn in turns) for n in (0, 1))
            print(f"{what:<26} {size:>7} {rate:>6.0f}/s {bare_rate:>6.0f}/s ", end="")
            print(f"{cpu:>7.0f} us {bare_cpu:>7.0f} us {cpu / bare_cpu:>6.2f}")


if __name__ == "__main__":
    main()
