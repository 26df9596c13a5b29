"""What a kept answer costs without any server: all our layers, beside the framework doing nothing.

`python -m bench.layers` calls both applications with a request as a server would, in turns in one
process, and prints medians of the CPU. A machine with other work on it disturbs this least of all.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import anyio
import trio
from litestar.types import ASGIApp

from bench.api import CASES, Case, alone_app, same_bytes, up_app

Run = Callable[[Callable[[], Coroutine[Any, Any, None]]], Any]
WAYS: Mapping[str, tuple[Callable[..., ASGIApp], Run]] = {
    "fleet up, on trio": (up_app, trio.run),
    "a worker of fleet serve, on asyncio": (alone_app, lambda main: asyncio.run(main())),
}


def _scope(case: Case) -> dict[str, Any]:
    path, _, query = case.path.partition("?")
    pairs = (header.partition(": ") for header in case.headers)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.1"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (b"host", b"127.0.0.1:8080"),
            (b"user-agent", b"bench"),
            (b"accept", b"*/*"),
            *((name.lower().encode(), value.encode()) for name, _, value in pairs),
        ],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8080),
        "state": {},
        "extensions": {},
    }


async def _ask(app: Any, case: Case, count: int) -> tuple[dict[str, str], bytes, float]:
    """The head and the body, and microseconds of CPU for each request."""
    told: list[Any] = []

    async def send(message: Any) -> None:
        told.append(message)

    begun = time.process_time()
    for _ in range(count):
        told.clear()
        await app(_scope(case), _receive, send)
    used = time.process_time() - begun
    head = {name.decode(): value.decode() for name, value in told[0]["headers"]}
    return head, told[1]["body"], used / count * 1e6


async def _receive() -> Any:
    await anyio.sleep_forever()  # the client stays


async def _measure(ours: ASGIApp, case: Case, options: argparse.Namespace) -> None:
    head, body, _ = await _ask(ours, case, 1)
    same = same_bytes(body, {k: v for k, v in head.items() if k != "content-length"})
    turns = [
        [(await _ask(app, case, options.count))[2] for app in (ours, same)]
        for _ in range(options.turns)
    ]
    own, other = (statistics.median(side) for side in zip(*turns, strict=True))
    print(f"  {case.what:<28} {len(body):>7} {own:>7.1f} {other:>9.1f} {other / own:>5.2f}")


def main() -> None:
    """Ask each kept answer of each kind of application."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500, help="requests in a turn")
    parser.add_argument("--turns", type=int, default=15)
    options = parser.parse_args()
    for way, (make, run) in WAYS.items():
        print(f"{way + ', CPU us':<38} {'fleet':>7} {'framework':>9} {'ratio':>5}")
        ours = make(changing=False)

        async def ask_all(ours: ASGIApp = ours) -> None:
            for case in CASES:
                if not case.changing:
                    await _measure(ours, case, options)

        run(ask_all)


if __name__ == "__main__":
    main()
