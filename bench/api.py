"""The API under load: requests per second and latencies, beside the same framework doing nothing.

`python -m bench.api` serves 1,000 containers on 10 hosts, their routes and a history from memory,
as `fleet up` does, in a process of its own; the other side is Litestar under the same Hypercorn,
with one handler that answers the same bytes. For `fleet serve` both are under Granian, and what a
worker puts around the application is around it, without a database and a shared cache behind. wrk
(a Debian package) asks each in turn, in the same run. "changing" lets every request find the fleet
changed, so that nothing kept can be sent again.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import hypercorn.trio
import msgspec
import trio
from granian.constants import HTTPModes, Interfaces, Loops
from granian.server.mp import MPServer
from hypercorn.config import Config
from litestar import Litestar, get
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from bench.processes import cpu_seconds, descendants
from tests.lab.ports import accepts, free_port
from tests.lab.waiting import wait_until
from tests.web.fleet_in_memory import FleetInMemory, make_stats
from tests.web.history_in_memory import HistoryInMemory
from tests.web.routes_in_memory import RoutesInMemory
from web.app import Application, create_app
from web.cache.kept import Lifetimes
from web.cache.layer import AnswerCache
from web.cache.memory import Memory
from web.freshness import once_loaded, tells_age
from web.history import Recorded, Span
from web.history_documents import Resolution, StatsHistoryDocument
from web.parts import Serving, Shown
from web.patience import with_patience
from web.server import serve

HOSTS, EACH = 10, 100
_REPORT = """
done = function(summary, latency, requests)
  local e = summary.errors
  print(string.format("FIGURES %d %d %d %d %d %d", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(95), latency:percentile(99),
    e.status + e.connect + e.read + e.write + e.timeout))
end
"""


class Case(NamedTuple):
    """A request, in words, whether the fleet changes meanwhile, and headers."""

    what: str
    path: str
    changing: bool = False
    headers: tuple[str, ...] = ()


CASES = (
    Case("1,000 containers", "/api/containers?limit=1000"),
    Case("1,000 containers, gzip", "/api/containers?limit=1000", False, ("Accept-Encoding: gzip",)),
    Case("1,000 containers, changing", "/api/containers?limit=1000", True),
    Case("100 containers", "/api/containers"),
    Case("100 containers, changing", "/api/containers", True),
    Case("1,000, 3 fields, changing", "/api/containers?limit=1000&fields=host,name,state", True),
    Case("10 hosts", "/api/hosts"),
    Case("10 hosts, changing", "/api/hosts", True),
    Case("history, 300 points", "/api/containers/host-0/web-0/stats/history?last=1h", True),
    Case("Traefik, 1,000 routes", "/api/revp/traefik"),
    Case("HAProxy, 1,000 routes", "/api/revp/haproxy"),
)


class Figures(NamedTuple):
    """Requests per second, the server's CPU in us for each, and ms that so many of them took."""

    rate: float
    cpu: float
    p50: float
    p95: float
    p99: float


class _History(HistoryInMemory):
    """As many points as are asked for."""

    async def stats_history(
        self, container: Recorded, span: Span, points: int, resolution: Resolution | None
    ) -> StatsHistoryDocument:
        found = await super().stats_history(container, span, points, resolution)
        return msgspec.structs.replace(found, points=found.points * points)


def _fleet(*, changing: bool) -> FleetInMemory:
    fleet = FleetInMemory()
    fleet.still = None if changing else 1
    for host in range(HOSTS):
        fleet.add_host(f"host-{host}")
        for number in range(EACH):
            labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
            fleet.add_container(f"host-{host}", f"web-{number}", labels=labels, stats=make_stats())
    return fleet


def _routes() -> RoutesInMemory:
    routes = RoutesInMemory()
    for host in range(HOSTS):
        routes.add_host(f"host-{host}")
        for number in range(EACH):
            domain = f"web-{number}.host-{host}.example.com"
            routes.put(f"host-{host}", f"web-{number}", domain, port=2000 + number, settle=False)
    routes.settle()
    return routes


def up_app(*, changing: bool) -> Application:
    """The application as `fleet up` puts it together."""
    return create_app(Shown(_fleet(changing=changing), _History(), routing=_routes()))


async def serve_fleet(port: int, changing: bool) -> None:
    """It under the same server."""
    await serve(up_app(changing=changing), f"127.0.0.1:{port}")


def same_bytes(body: bytes, headers: Mapping[str, str]) -> Any:
    """One handler of the same framework that answers them."""

    @get("/{path:path}")
    async def same() -> ASGIResponse:
        return ASGIResponse(body=body, headers=dict(headers))

    return Litestar([same], openapi_config=None, logging_config=None)


async def serve_same(port: int, body: bytes, headers: Mapping[str, str]) -> None:
    """They under Hypercorn."""
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.loglevel = "ERROR"
    await hypercorn.trio.serve(same_bytes(body, headers), config)


def _under_granian(app: Any, port: int, workers: int) -> None:
    """As `fleet serve` has it run."""
    server = MPServer(
        "bench",
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGINL,
        workers=workers,
        loop=Loops.asyncio,
        http=HTTPModes.http1,
        backpressure=1024,
        log_enabled=False,
    )
    server.serve(target_loader=lambda: app, wrap_loader=False)


class _Present:
    """What is published is as of now."""

    loaded, trouble, age = True, None, None


def alone_app(*, changing: bool) -> ASGIApp:
    """The application as a worker of `fleet serve` puts it together."""
    fleet, present = _fleet(changing=changing), _Present()
    cache = AnswerCache(
        Lifetimes(containers=1, stats=1, images=1, history=10, stale=3600),
        Memory(64 * 1024 * 1024),
        None,
        prefix="bench",
        source="bench",
        labels=dict,
        away=lambda: False,
    )

    def inmost(router: ASGIApp) -> ASGIApp:
        return with_patience(cache.around(once_loaded(router, present)), 30)

    shown = Shown(fleet, _History(), routing=_routes())
    return tells_age(create_app(shown, serving=Serving(inmost=inmost)), present, 1)


class Server(NamedTuple):
    """How both sides are served: at a port, ours changing or not, the other with these bytes."""

    ours: Callable[[int, bool], None]
    same: Callable[[int, bytes, Mapping[str, str]], None]


def _granian(workers: int) -> Server:
    return Server(
        lambda port, changing: _under_granian(alone_app(changing=changing), port, workers),
        lambda port, body, headers: _under_granian(same_bytes(body, headers), port, workers),
    )


SERVERS: Mapping[str, Server] = {
    "fleet up": Server(
        lambda port, changing: trio.run(serve_fleet, port, changing),
        lambda port, body, headers: trio.run(serve_same, port, body, headers),
    ),
    "fleet serve, 1 worker": _granian(1),
    "fleet serve, 2 workers": _granian(2),
}


class Served(NamedTuple):
    """A server in a process of its own."""

    pid: int
    port: int


@contextmanager
def serving(*words: str) -> Iterator[Served]:
    """Serve in another process."""
    port = free_port()
    command = [sys.executable, "-m", "bench.api", "--port", str(port), *words]
    with subprocess.Popen(command) as process:
        try:
            wait_until(lambda: accepts("127.0.0.1", port), "it listens", deadline=120)
            yield Served(process.pid, port)
        finally:
            process.terminate()  # which ends workers, too
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def ask(server: Served, case: Case, seconds: int, script: Path) -> Figures:
    """What wrk measures, and the kernel."""
    pids = [server.pid, *descendants(server.pid)]
    begun = cpu_seconds(pids)
    words = ["wrk", "-t", "1", "-c", "10", "-d", f"{seconds}s", "-s", str(script)]
    words += [word for header in case.headers for word in ("-H", header)]
    said = subprocess.check_output(
        [*words, f"http://127.0.0.1:{server.port}{case.path}"], text=True
    )
    line = next(line for line in said.splitlines() if line.startswith("FIGURES"))
    count, took, p50, p95, p99, failed = map(int, line.split()[1:])
    if failed:
        raise RuntimeError(said)
    used = cpu_seconds(pids) - begun
    return Figures(count / took * 1e6, used / count * 1e6, p50 / 1e3, p95 / 1e3, p99 / 1e3)


def _fetch(port: int, case: Case, body: Path, head: Path) -> None:
    """The answer as it is sent, for the other side to send."""
    words = ["curl", "-s", "-o", str(body), "-D", str(head)]
    words += [word for header in case.headers for word in ("-H", header)]
    subprocess.check_call([*words, f"http://127.0.0.1:{port}{case.path}"])


def measure(server: str, case: Case, options: argparse.Namespace, folder: Path) -> None:
    """Ask both in turn, and print the medians and the ratio."""
    script, body, head = folder / "report.lua", folder / "body", folder / "head"
    script.write_text(_REPORT)
    with serving("--serve", server, *(["--changing"] if case.changing else [])) as served:
        _fetch(served.port, case, body, head)
        with serving("--serve", server, "--same", str(folder)) as other:
            turns = [
                tuple(ask(each, case, options.seconds, script) for each in (served, other))
                for _ in range(options.turns)
            ]
    ours, same = (
        Figures(*map(statistics.median, zip(*side, strict=True)))
        for side in zip(*turns, strict=True)
    )
    print(f"{case.what:<28} {body.stat().st_size:>7} ", end="")
    for side in (ours, same):
        print(f"{side.rate:>6.0f}/s {side.cpu:>6.0f} {side.p50:>6.1f} ", end="")
        print(f"{side.p95:>6.1f} {side.p99:>6.1f}  ", end="")
    print(f"{ours.rate / same.rate:>5.2f} {same.cpu / ours.cpu:>5.2f}", flush=True)


def _serve(options: argparse.Namespace) -> None:
    if options.same:
        text = (options.same / "head").read_text().splitlines()[1:]
        pairs = (line.partition(":") for line in text if ":" in line)
        own = {"content-length", "date", "connection", "server"}
        headers = {k.lower(): v.strip() for k, _, v in pairs if k.lower() not in own}
        body = (options.same / "body").read_bytes()
        SERVERS[options.serve].same(options.port, body, headers)
        return
    SERVERS[options.serve].ours(options.port, options.changing)


def main() -> None:
    """Serve each way and ask in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", default="", help="cases with this in their words")
    parser.add_argument("--server", default="", help="servers with this in their words")
    for hidden, kind in (("--port", int), ("--serve", str), ("--same", Path)):
        parser.add_argument(hidden, type=kind, help=argparse.SUPPRESS)
    parser.add_argument("--changing", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.port:
        _serve(options)
        return
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed (Debian: apt-get install wrk)")
    with tempfile.TemporaryDirectory() as folder:
        for server in (name for name in SERVERS if options.server in name):
            print(f"\n{server + ', then the same bytes':<28} {'bytes':>7} ", end="")
            print(f"{'':>8} {'CPU us':>6} {'p50':>6} {'p95':>6} {'p99':>6}  " * 2, end="")
            print("ratio  by CPU")
            for case in CASES:
                if options.only in case.what:
                    measure(server, case, options, Path(folder))


if __name__ == "__main__":
    main()
