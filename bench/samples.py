"""CPU per stats sample, ours and the Engine's, beside other collectors at the same interval.

`python -m bench.samples` starts real Engines with containers and lets each way collect for some
rounds, in turn, several times; medians are shown. A way's CPU is that of its processes, counted
by the kernel over the rounds alone, without starting up. The Engine's is that of dockerd,
containerd and the shims, less what they use with nobody asking.

Only fleet stores its samples, and does all its other work meanwhile (events, pings, the API); the
others hold theirs in memory.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.processes import cpu_seconds, descendants
from bench.running import local_host, running_fleet
from tests.lab.cache import docker_cli
from tests.lab.engines import Engine
from tests.lab.reap import processes_of

PATIENCE = 60.0


@dataclass(frozen=True)
class Collecting:
    """A way at work.

    Attributes:
        pids: Its processes.
        taken: Asks how many samples it has taken; None where they follow from the time.
        first: So many samples show that its regular rounds have begun.
        database: Asks for the processes of its database, which come and go; counted apart.
    """

    pids: Sequence[int]
    taken: Callable[[], int] | None = None
    first: int = 1
    database: Callable[[], Sequence[int]] = tuple


Way = Callable[[Path, float, int], AbstractContextManager[Collecting]]


@dataclass(frozen=True)
class Cost:
    """Microseconds of CPU per sample; the Engine's per sample too."""

    samples: int
    client: float
    database: float
    engine: float


@contextmanager
def _fleet(socket: Path, interval: float, containers: int) -> Iterator[Collecting]:
    with running_fleet(local_host("bench", socket), interval=interval) as fleet:
        # Its first round comes out of turn, to have a difference soon.
        yield Collecting([fleet.pid], fleet.stored_samples, 2 * containers, fleet.postgres)


def _collector(name: str) -> Way:
    @contextmanager
    def way(socket: Path, interval: float, containers: int) -> Iterator[Collecting]:
        command = [sys.executable, "-m", "bench.collectors", name, str(socket), str(interval)]
        taken = 0

        def read() -> None:
            nonlocal taken
            assert process.stdout is not None
            for line in process.stdout:
                taken = int(line)

        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            reader = threading.Thread(target=read)
            reader.start()
            try:
                yield Collecting([process.pid], lambda: taken, containers + 1)
            finally:
                process.kill()
                reader.join()

    return way


@contextmanager
def _cli(socket: Path, _interval: float, _containers: int) -> Iterator[Collecting]:
    command = [docker_cli(), "--host", f"unix://{socket}", "stats", "--format", "json"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield Collecting([process.pid])
        finally:
            process.kill()


@contextmanager
def _cli_again(socket: Path, interval: float, _containers: int) -> Iterator[Collecting]:
    words = f"{docker_cli()} --host unix://{socket} stats --no-stream --format json >/dev/null"
    script = f"while :; do sleep {interval} & {words}; wait; done"
    with subprocess.Popen(["/bin/sh", "-c", script]) as process:
        try:
            yield Collecting([process.pid])
        finally:
            process.kill()


@contextmanager
def _nobody(_socket: Path, _interval: float, _containers: int) -> Iterator[Collecting]:
    yield Collecting([])


WAYS: dict[str, tuple[str, Way]] = {
    "nobody": ("", _nobody),
    "fleet": ("fleet up, storing", _fleet),
    "our-polls": ("fleet's client, one-shot", _collector("our-polls")),
    "our-streams": ("fleet's client, streams", _collector("our-streams")),
    "our-rare-reads": ("fleet's client, streams read rarely", _collector("our-rare-reads")),
    "aiodocker-polls": ("aiodocker, one-shot", _collector("aiodocker-polls")),
    "aiodocker-streams": ("aiodocker, streams", _collector("aiodocker-streams")),
    "sdk-threads": ("Docker SDK in threads, one-shot", _collector("sdk-threads")),
    "cli": ("docker stats", _cli),
    "cli-again": ("docker stats --no-stream, each time", _cli_again),
}


def _wait_for(taken: Callable[[], int], count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while taken() < count:
        if time.monotonic() > deadline:
            raise RuntimeError("no samples came")
        time.sleep(0.1)


def measure(
    way: Way, socket: Path, engine: Sequence[int], containers: int, interval: float, rounds: int
) -> tuple[int, float, float, float]:
    """Samples, and seconds of CPU of the way, of its database and of the Engine."""
    with way(socket, interval, containers) as work:
        if work.taken is not None:
            _wait_for(work.taken, work.first)
        time.sleep(interval / 4)  # begin and end between two rounds

        def cpu() -> tuple[float, float, float]:
            database = work.database()
            children = {child for pid in work.pids for child in descendants(pid)}
            pids = [*work.pids, *(children - set(database))]
            return cpu_seconds(pids), cpu_seconds(database), cpu_seconds(engine)

        def count() -> int:
            return 0 if work.taken is None else work.taken()

        # Asking fleet for its count costs it something, which is not to be counted.
        taken, before = count(), cpu()
        time.sleep(interval * rounds)
        after, samples = cpu(), count() - taken
    client, database, served = (b - a for a, b in zip(before, after, strict=True))
    return samples or containers * rounds, client, database, served


def compare(
    engine: Engine, containers: int, interval: float, rounds: int, turns: int
) -> dict[str, Cost]:
    """Let all ways collect in turn; medians."""
    pids = processes_of(engine.folder)
    found: dict[str, list[tuple[int, float, float, float]]] = {name: [] for name in WAYS}
    for _ in range(turns):
        for name, (_, way) in WAYS.items():
            found[name].append(measure(way, engine.socket, pids, containers, interval, rounds))
    idle = statistics.median(served for _, _, _, served in found.pop("nobody"))
    return {name: _cost(measured, idle) for name, measured in found.items()}


def _cost(measured: list[tuple[int, float, float, float]], idle: float) -> Cost:
    def median(values: Iterator[float]) -> float:
        return statistics.median(values) * 1e6

    return Cost(
        samples=sum(count for count, _, _, _ in measured),
        client=median(client / count for count, client, _, _ in measured),
        database=median(database / count for count, _, database, _ in measured),
        engine=median((served - idle) / count for count, _, _, served in measured),
    )


def show(title: str, costs: dict[str, Cost]) -> None:
    """Print microseconds per sample, and ratios to fleet as a whole."""
    ours = costs["fleet"]
    print(f"\n{title}")
    print(f"{'us of CPU per sample':<36} {'samples':>7} {'client':>7} {'/fleet':>7} ", end="")
    print(f"{'Engine':>7} {'/fleet':>7}")
    for name, cost in costs.items():
        print(f"{WAYS[name][0]:<36} {cost.samples:>7} ", end="")
        print(f"{cost.client:>7.0f} {cost.client / ours.client:>7.2f} ", end="")
        print(f"{cost.engine:>7.0f} {cost.engine / ours.engine:>7.2f}")
    print(f"{'its PostgreSQL, besides':<36} {'':>7} {ours.database:>7.0f}")


def main() -> None:
    """Measure on each kind of Engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engines", nargs="+", default=["debian12", "sid"])
    parser.add_argument("--containers", type=int, default=60)
    parser.add_argument("--interval", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=2, help="intervals in each turn of a way")
    parser.add_argument("--turns", type=int, default=3, help="turns of each way")
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), help="fleet is always among them")
    options = parser.parse_args()
    if options.ways:
        for name in WAYS.keys() - {"nobody", "fleet", *options.ways}:
            del WAYS[name]
    for kind in options.engines:
        with Engine.start(kind) as engine:
            engine.run_containers(options.containers)
            title = f"Engine {engine.version}, {options.containers} containers, "
            title += f"every {options.interval:g} s"
            sizes = options.containers, options.interval, options.rounds, options.turns
            show(title, compare(engine, *sizes))


if __name__ == "__main__":
    main()
