"""Fleet and Docker's own command line with simulated Engines: they cannot tell the difference."""

from __future__ import annotations

import subprocess
import time
import tomllib
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Self

import pytest

from tests.fleet.test_app import Program
from tests.lab.cache import docker_cli
from tests.lab.errors import MissingPartError
from tests.lab.fixtures import skip_or_fail
from tests.lab.simulated.messages import Container, Says
from tests.lab.simulated.running import Simulated
from tests.lab.waiting import wait_until

HOSTS, CONTAINERS = 20, 20
PATIENCE = 45.0
MONITORING = """\
[defaults.monitoring]
stats_interval = 2
ping_interval = 1
request_timeout = 4
[defaults.retry]
maximum = 1
"""


class Patient(Program):
    """Fleet, which learns of so many hosts at once beside two other tests."""

    def __enter__(self) -> Self:
        try:
            wait_until(self._ready, f"fleet is ready, see {self.folder / 'log'}", 2 * PATIENCE)
        except BaseException:
            self.close()
            raise
        return self


@pytest.fixture(scope="module")
def simulated() -> Iterator[Simulated]:
    try:
        made = Simulated(hosts=HOSTS, containers=CONTAINERS, seed=7, rate=0.5, tls=0.2, processes=2)
    except MissingPartError as error:
        skip_or_fail(str(error))
    with made as simulated:
        simulated.configured(MONITORING)
        yield simulated
    assert not simulated.folder.exists()


@pytest.fixture(scope="module")
def fleet(simulated: Simulated) -> Iterator[Program]:
    listen = tomllib.loads(simulated.config.read_text())["fleet"]["listen"]
    with Patient(simulated.config, int(listen.rpartition(":")[2])) as fleet:
        yield fleet


def a_docker_host(simulated: Simulated, kind: str = "docker-2") -> str:
    """A host of a kind that is reached by a socket."""
    says = simulated.control.says()
    found = (name for name in simulated.names if says[name].kind.startswith(kind))
    return next(name for name in found if simulated.socket(name).exists())


def docker(simulated: Simulated, host: str, *words: str) -> str:
    address = f"unix://{simulated.socket(host)}"
    command = [docker_cli(), "--host", address, *words]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=PATIENCE
    ).stdout


def shown(fleet: Program, host: str) -> dict[str, dict[str, Any]]:
    """What fleet says of a host's containers, by id."""
    found = fleet.get(f"/api/containers?host={host}&limit=1000")["containers"]
    return {container["id"]: container for container in found}


def is_true(container: Container, found: dict[str, Any]) -> bool:
    """Whether fleet says of a container what its Engine does."""
    health = found["health"]
    checked = health["status"] if health["source"] == "healthcheck" else ""
    verdict = container.health if container.state == "running" else ""  # else it is not checked
    started = found.get("started")
    return (container.name, container.image, container.state, container.restarts) == (
        found["name"],
        found["image"],
        found["state"],
        found.get("restart_count", 0),
    ) and (container.labels, verdict, container.started // 1000) == (
        found.get("labels", {}),
        checked,
        round(datetime.fromisoformat(started).timestamp() * 1e6) if started else 0,
    )


def is_equal(fleet: Program, host: str, says: Says) -> bool:
    found = shown(fleet, host)
    return found.keys() == says.containers.keys() and all(
        is_true(container, found[id_]) for id_, container in says.containers.items()
    )


def wait_equal(fleet: Program, simulated: Simulated) -> None:
    """Wait until fleet shows what all Engines say, which must be quiet."""
    for name, says in simulated.control.says().items():
        wait_until(lambda n=name, s=says: is_equal(fleet, n, s), f"{name} is true", PATIENCE)  # type: ignore[misc]


def test_docker_lists_what_there_is(simulated: Simulated) -> None:
    host = a_docker_host(simulated)
    simulated.control.live(0, host)
    there = simulated.control.says(host)[host].containers
    listed = docker(simulated, host, "ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.State}}")
    assert {tuple(line.split()) for line in listed.splitlines()} == {
        (id_, container.state) for id_, container in there.items()
    }
    running = [one.name for one in there.values() if one.state == "running"]
    inspected = docker(simulated, host, "inspect", "--format", "{{.Name}}", running[0])
    assert inspected == f"/{running[0]}\n"
    sampled = docker(simulated, host, "stats", "--no-stream", "--format", "{{.Name}} {{.CPUPerc}}")
    figures = dict(line.split() for line in sampled.splitlines())
    assert set(running) <= figures.keys()
    assert any(float(figures[name].rstrip("%")) > 0 for name in running)


def test_docker_tells_events_and_logs(simulated: Simulated) -> None:
    host = a_docker_host(simulated)
    simulated.control.live(0, host)
    simulated.control.step(20, host)
    says = simulated.control.says(host)[host]
    window = ("--since", "10m", "--until", f"{time.time():.9f}")
    told = docker(simulated, host, "events", *window, "--format", "{{.TimeNano}} {{.Action}}")
    assert told.splitlines() == [f"{one.time_nano} {one.action}" for one in says.happened]
    running = [one.name for one in says.containers.values() if one.state == "running"]
    words = ("logs", "--timestamps", "--tail", "5")
    lines = [docker(simulated, host, *words, name).splitlines() for name in running[:5]]
    assert any(lines)
    assert all(found == sorted(found) for found in lines)


def test_fleet_shows_what_the_engines_say(simulated: Simulated, fleet: Program) -> None:
    def written(table: str) -> int:
        return int(fleet.get("/api/fleet")["storage"]["written"].get(table, 0))

    simulated.control.live(0.5)
    wait_until(lambda: written("container_events") >= HOSTS, "events are written", PATIENCE)
    wait_until(lambda: written("container_stats") > HOSTS * CONTAINERS, "samples", PATIENCE)
    wait_until(lambda: written("container_logs") > 0, "logs are written", PATIENCE)
    simulated.control.live(0)
    wait_equal(fleet, simulated)
    docker_host = a_docker_host(simulated, "docker-28")
    happened = {
        (one.time_nano, one.type, one.action, one.actor_id)
        for one in simulated.control.says(docker_host)[docker_host].happened
    }
    wait_until(lambda: happened <= set(fleet.events(docker_host)), "events are shown", PATIENCE)
    assert sum(told.lost_chunks for told in simulated.control.count()) == 0


def test_what_is_broken_is_down_and_comes_back(simulated: Simulated, fleet: Program) -> None:
    cut, refused, stalled, late = simulated.names[:4]
    simulated.control.cut(cut)
    simulated.control.refuse(refused)
    simulated.control.stall(stalled)
    simulated.control.delay(0.2, late)

    def down() -> set[str]:
        hosts = fleet.get("/api/hosts")["hosts"]
        return {host["name"] for host in hosts if host["status"] != "up"}

    def response_ms(name: str) -> float:
        found = next(h for h in fleet.get("/api/hosts")["hosts"] if h["name"] == name)
        return float(found.get("response_ms") or 0)

    wait_until(lambda: down() == {cut, refused, stalled}, "three are down", PATIENCE)
    wait_until(lambda: response_ms(late) >= 200, "one is late", PATIENCE)
    simulated.control.step(10, cut, refused, stalled)
    assert not is_equal(fleet, cut, simulated.control.says(cut)[cut])
    simulated.control.heal()
    wait_until(lambda: not down(), "all are up again", PATIENCE)
    wait_equal(fleet, simulated)
