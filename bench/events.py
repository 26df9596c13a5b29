"""From an event on an Engine to whoever listens: fleet's SSE beside `docker events`.

`python -m bench.events` renames a container over and over. Listeners are fleet's
`/api/stream/events` and `docker events`, both read line by line by threads of one process that
stamp what comes with the same clock; the beginning is the Engine's own stamp in the event.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import IO

from bench.running import local_host, running_fleet
from tests.lab.cache import docker_cli
from tests.lab.engines import Engine

Arrivals = dict[int, int]  # the Engine's nanoseconds -> ours


def _stamp(lines: IO[bytes], key: str, arrivals: Arrivals) -> None:
    for line in lines:
        arrived = time.time_ns()
        if b'"rename"' in line:
            event = json.loads(line.removeprefix(b"data:"))
            arrivals[event[key]] = arrived


@contextmanager
def _reading(lines: IO[bytes], key: str, end: Callable[[], object]) -> Iterator[Arrivals]:
    arrivals: Arrivals = {}
    reader = threading.Thread(target=_stamp, args=(lines, key, arrivals))
    reader.start()
    try:
        yield arrivals
    finally:
        end()
        reader.join()


@contextmanager
def docker_events(engine: Engine) -> Iterator[Arrivals]:
    """What `docker events` prints."""
    host = f"unix://{engine.socket}"
    words = [docker_cli(), "--host", host, "events", "--format", "{{json .}}"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        with _reading(process.stdout, "timeNano", process.kill) as arrivals:
            yield arrivals


@contextmanager
def fleet_events(port: int) -> Iterator[Arrivals]:
    """What fleet's event stream sends."""
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        connection.request("GET", "/api/stream/events?action=rename")
        answer = connection.getresponse()
        sock = connection.sock
        with _reading(answer, "time_nano", lambda: sock.shutdown(2)) as arrivals:
            yield arrivals


def measure(engine: Engine, events: int, pause: float) -> dict[str, Arrivals]:
    """Cause events one after another; what each listener stamped."""
    with ExitStack() as stack:
        fleet = stack.enter_context(running_fleet(local_host("bench", engine.socket)))
        listening = {
            "fleet's SSE": stack.enter_context(fleet_events(fleet.port)),
            "docker events": stack.enter_context(docker_events(engine)),
        }
        container = engine.run_container("renamed-0")
        client = engine.sdk()
        time.sleep(1)  # both are connected
        for number in range(1, events + 1):
            client.api.rename(container, f"renamed-{number}")
            time.sleep(pause)
        deadline = time.monotonic() + 5
        while any(len(found) < events for found in listening.values()):
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
    return listening


def show(title: str, listening: Mapping[str, Arrivals], events: int) -> None:
    """Print milliseconds."""
    shared = set.intersection(*(set(found) for found in listening.values()))
    base: list[float] = []
    print(f"\n{title}\n{'ms from the event':<20} {'seen':>9} {'p50':>7} {'p95':>7} {'max':>7}")
    for name, found in listening.items():
        late = sorted((found[nano] - nano) / 1e6 for nano in shared)
        cuts = statistics.quantiles(late, n=20)
        figures = [statistics.median(late), cuts[18], late[-1]]
        base = base or figures
        print(f"{name:<20} {len(found):>4}/{events:<4} ", end="")
        print(" ".join(f"{figure:>7.2f}" for figure in figures), end="")
        print(f"   p50 /fleet {figures[0] / base[0]:.2f}")


def main() -> None:
    """Measure on one Engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engines", nargs="+", default=["debian12", "sid"])
    parser.add_argument("--events", type=int, default=300)
    parser.add_argument("--pause", type=float, default=0.05, help="seconds between two")
    parser.add_argument("--containers", type=int, default=20)
    options = parser.parse_args()
    for kind in options.engines:
        with Engine.start(kind) as engine:
            engine.run_containers(options.containers)
            found = measure(engine, options.events, options.pause)
            title = f"Engine {engine.version}, {options.containers} containers, "
            title += f"a rename every {options.pause * 1e3:g} ms"
            show(title, found, options.events)


if __name__ == "__main__":
    main()
