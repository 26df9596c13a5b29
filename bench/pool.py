"""Client CPU per request: the pool beside a bare h11 exchange, at 1 to 500 requests in flight.

`python -m bench.pool --socket /var/run/docker.sock` asks a real Engine for `/_ping` (or `--path`);
without `--socket` a small server in another process answers like one. Both ways run in turn,
several rounds; medians are shown. Only this process's CPU is counted, connecting is not.
"""

from __future__ import annotations

import argparse
import socketserver
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from time import process_time

import h11
import trio

from connectors.dial import dial
from connectors.endpoint import Endpoint
from connectors.http import Http
from connectors.pool import Pool

Exchange = Callable[[], Awaitable[object]]

IN_FLIGHT = (1, 10, 100, 500)
REQUESTS = 4000
MAX_BODY = 64 * 1024 * 1024
ANSWER = (
    b"HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\n"
    b"Cache-Control: no-cache, no-store, must-revalidate\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nDocker-Experimental: false\r\nOstype: linux\r\n"
    b"Pragma: no-cache\r\nServer: Docker/28.5.2 (linux)\r\nDate: Sat, 21 Nov 2026 07:27:08 GMT\r\n"
    b"Content-Length: 2\r\n\r\nOK"
)


class _Answerer(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        """Answer every request alike; they are smaller than one packet."""
        while self.request.recv(4096):
            self.request.sendall(ANSWER)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 1024


@contextmanager
def small_server() -> Iterator[Path]:
    """Run a server in another process; yield its socket."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "server.sock"
        command = [sys.executable, "-m", "bench.pool", "--serve", str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            try:
                yield path
            finally:
                process.kill()


@asynccontextmanager
async def bare_h11(socket: Path, path: str, count: int) -> AsyncIterator[list[Exchange]]:
    """`count` connections, each with h11 directly over trio: what httpcore does inside."""
    async with trio.open_nursery() as nursery:
        streams = [await trio.open_unix_socket(str(socket)) for _ in range(count)]
        yield [_h11_exchange(stream, path) for stream in streams]
        for stream in streams:
            nursery.start_soon(stream.aclose)


def _h11_exchange(stream: trio.SocketStream, path: str) -> Exchange:
    connection = h11.Connection(h11.CLIENT)
    headers = [("Host", "docker"), ("User-Agent", "fleet")]

    async def exchange() -> bytes:
        request = connection.send(h11.Request(method="GET", target=path, headers=headers))
        await stream.send_all((request or b"") + (connection.send(h11.EndOfMessage()) or b""))
        body = b""
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                connection.receive_data(await stream.receive_some(65536))
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
        connection.start_next_cycle()
        return body

    return exchange


@asynccontextmanager
async def pooled(socket: Path, path: str, count: int) -> AsyncIterator[list[Exchange]]:
    """`count` users of one pool."""
    endpoint = Endpoint("bench", uds=socket)
    pool = Pool(lambda: dial(endpoint, 30.0), limit=count, stream_limit=1)
    http = Http(endpoint, pool, 30.0)

    async def exchange() -> object:
        return await http.get(path, MAX_BODY)

    try:
        yield [exchange] * count
    finally:
        pool.close()


async def _repeat(exchange: Exchange, times: int) -> None:
    for _ in range(times):
        await exchange()


async def _all(exchanges: list[Exchange], times: int) -> None:
    async with trio.open_nursery() as nursery:
        for exchange in exchanges:
            nursery.start_soon(_repeat, exchange, times)


async def cost(exchanges: list[Exchange]) -> float:
    """Microseconds of our CPU per request."""
    await _all(exchanges, 1)  # connects, and warms both sides
    times = max(1, REQUESTS // len(exchanges))
    begun = process_time()
    await _all(exchanges, times)
    return (process_time() - begun) / (times * len(exchanges)) * 1e6


async def measure(socket: Path, path: str, rounds: int) -> dict[tuple[str, int], float]:
    """Run both ways in turn; return medians by way and number in flight."""
    ways = {"h11": bare_h11, "pool": pooled}
    found: dict[tuple[str, int], list[float]] = {}
    for _ in range(rounds):
        for count in IN_FLIGHT:
            for name, way in ways.items():
                async with way(socket, path, count) as exchanges:
                    found.setdefault((name, count), []).append(await cost(exchanges))
    return {key: statistics.median(values) for key, values in found.items()}


def show(medians: dict[tuple[str, int], float]) -> None:
    """Print microseconds and the two ratios."""
    print(f"{'in flight':>9}  {'h11':>8}  {'pool':>8}  {'pool/h11':>8}  {'pool/pool at 1':>14}")
    for count in IN_FLIGHT:
        bare, ours = medians["h11", count], medians["pool", count]
        flat = ours / medians["pool", 1]
        print(f"{count:>9}  {bare:>5.0f} us  {ours:>5.0f} us  {ours / bare:>8.2f}  {flat:>14.2f}")


def main() -> None:
    """Measure against the given Engine or the small server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", type=Path, help="a real Engine's socket")
    parser.add_argument("--path", default="/_ping")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        with _Server(options.serve, _Answerer) as server:
            print("ready", flush=True)
            server.serve_forever()
    elif options.socket:
        show(trio.run(measure, options.socket, options.path, options.rounds))
    else:
        with small_server() as socket:
            show(trio.run(measure, socket, options.path, options.rounds))


if __name__ == "__main__":
    main()
