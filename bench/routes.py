"""The table of routes and its documents, for very many containers, beside making all anew.

`python -m bench.routes` needs nothing but this program: containers with RevP labels as Engines
would tell of them, each with a few labels of other programs. CPU time of one thread, medians of
several turns. Garbage is collected before each figure and not within.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

import msgspec
from msgspec.structs import replace

from labels.facts import Facts, Health, Place, Published
from labels.model import Cause, Table
from labels.parsing.parser import parse
from labels.render.formats import FORMATS, Format, Renderer
from labels.routing.snapshot import Snapshot
from labels.routing.table import RouteTable

START = datetime(2026, 1, 1, tzinfo=UTC)
CAUSE = Cause(event="listed")


def routed(number: int, hosts: int) -> Facts:
    """One container; every tenth shares its domain with the one before it."""
    domain = f"app-{number - (number % 10 == 9)}.example.com"
    return Facts(
        host=f"host-{number % hosts:02}",
        id=f"{number:064x}",
        name=f"app-{number}",
        identity=f"compose:apps/app-{number}",
        labels={
            "snadboy.revp.domain": domain,
            "snadboy.revp.backend-port": "8080",
            "snadboy.revp.health-check": "/healthz",
            "com.docker.compose.project": "apps",
            "com.docker.compose.service": f"app-{number}",
            "org.opencontainers.image.source": "https://example.com/app",
            "maintainer": "apps@example.com",
        },
        state="running",
        health="healthy",
        started=START,
        ports=(
            Published(container_port=8080, host_ip="0.0.0.0", host_port=20000 + number // hosts),  # noqa: S104 - read, not bound to
            Published(container_port=8080, host_ip="::", host_port=20000 + number // hosts),
        ),
        addresses=("172.18.0.2",),
    )


def built(containers: list[Facts], hosts: int) -> RouteTable:
    """A table of all of them, settled and read."""
    table = RouteTable()
    for number in range(hosts):
        table.place(Place(name=f"host-{number:02}", address=f"10.0.0.{number}"), CAUSE, START)
    for facts in containers:
        table.put(facts, CAUSE, START)
    for number in range(hosts):
        table.listed(f"host-{number:02}", START)
    table.settle(START)
    assert len(table.table.routes) == len(containers) * 9 // 10
    return table


def seconds(work: Callable[[], object], turns: int) -> float:
    """CPU seconds of `work`, the median."""
    taken = []
    for _ in range(turns):
        gc.collect()
        gc.disable()
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
        gc.enable()
    return statistics.median(taken)


class Events:
    """One event after the other: a container becomes unhealthy, or healthy again."""

    def __init__(self, table: RouteTable, containers: list[Facts]) -> None:
        self.table = table
        self.containers = containers
        self._coming = self._turns()

    def happen(self) -> None:
        """Tell of one and settle."""
        facts, now = next(self._coming)
        self.table.put(facts, CAUSE, now)
        assert len(self.table.settle(now)) == 1

    def _turns(self) -> Iterator[tuple[Facts, datetime]]:
        for number in count():
            turn, place = divmod(number, len(self.containers))
            facts = self.containers[place * 7919 % len(self.containers)]
            health: Health = "healthy" if turn % 2 else "unhealthy"
            yield replace(facts, health=health), START + timedelta(seconds=number)


def measure_table(events: Events, hosts: int, turns: int) -> None:
    """Print what the table costs."""
    containers, table = events.containers, events.table
    anew = seconds(lambda: built(containers, hosts), turns)
    show("parse the labels of all", seconds(lambda: _parse(containers), turns), anew)
    show("build the table of all", anew, anew)
    show("settle one event", seconds(events.happen, 20 * turns), anew)
    show("one event, and the table read", seconds(lambda: _read(events), 20 * turns), anew)
    show("containers and their wishes", seconds(table.containers, turns), anew)
    show("snapshot", seconds(table.snapshot, turns), anew)
    text = msgspec.json.encode(table.snapshot())
    encoded = f"snapshot, as {len(text) / 2**20:.1f} MiB of JSON"
    show(encoded, seconds(lambda: msgspec.json.encode(table.snapshot()), turns), anew)
    show("restore from JSON", seconds(lambda: _restore(text), turns), anew)


def measure_documents(events: Events, turns: int) -> None:
    """Print what each document costs, made anew and after one event."""
    table = events.table
    print(f"\n{'document':<32} {'cold':>10} {'one event':>10} {'/ cold':>8} {'size':>10}")
    for name, kind in FORMATS.items():
        cold = seconds(partial(_cold, kind, table.table), turns)
        warm = kind.renderer(kind.options())
        size = len(warm.render(table.table).body)
        taken = []
        for _ in range(turns):
            events.happen()
            taken.append(_rendered(warm, table))
        after = statistics.median(taken)
        print(f"{name:<32} {cold * 1e3:>7.1f} ms {after * 1e3:>7.1f} ms", end="")
        print(f" {after / cold:>8.3f} {size / 2**20:>6.1f} MiB")


def _cold(kind: Format, table: Table) -> None:
    kind.renderer(kind.options()).render(table)


def _rendered(renderer: Renderer, table: RouteTable) -> float:
    return seconds(lambda: renderer.render(table.table), 1)


def _parse(containers: list[Facts]) -> None:
    for facts in containers:
        parse(facts.labels, facts.host, facts.name)


def _read(events: Events) -> None:
    events.happen()
    assert events.table.table.routes


def _restore(text: bytes) -> None:
    table = RouteTable()
    table.restore(msgspec.json.decode(text, type=Snapshot), START)
    assert table.table.complete


def show(what: str, taken: float, anew: float) -> None:
    """Print milliseconds, and the ratio to a table built anew."""
    print(f"{what:<32} {taken * 1e3:>9.3f} ms {taken / anew:>9.5f}")


def main() -> None:
    """Build and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--containers", type=int, default=10_000)
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    containers = [routed(number, options.hosts) for number in range(options.containers)]
    print(f"\n{options.containers} routed containers on {options.hosts} hosts")
    print(f"{'':<32} {'CPU':>12} {'/ anew':>9}")
    events = Events(built(containers, options.hosts), containers)
    measure_table(events, options.hosts, options.turns)
    measure_documents(events, options.turns)


if __name__ == "__main__":
    main()
