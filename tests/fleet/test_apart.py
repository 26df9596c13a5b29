"""Watching and serving apart: each part is killed in turn, and what was promised is answered."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import psycopg
import pytest

from tests.fleet.apart import PATIENCE, Answer, Process, Served
from tests.fleet.routed import serving
from tests.lab.containers import ContainerSpec
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab
from tests.lab.postgres import PostgresServer
from tests.lab.redis import PASSWORD, Redis
from tests.lab.waiting import wait_until

SETTINGS = """\
[fleet]
data_dir = "{folder}/data"
[storage]
url = "{database}"
[cache]
url = "{cache}"
password_file = "{folder}/cache-password"
timeout = 5
images = 0
[defaults.monitoring]
stats_interval = 0.5
ping_interval = 1
[defaults.retry]
maximum = 1
[hosts.here]
connection = "local"
socket = "{socket}"
"""
ANEW = {"cache_control": "no-cache"}
HISTORY = "/api/containers/here/web/stats/history?last=10m"
NEVER_ASKED = "/api/containers/here/web/uptime"
PROXY = "/api/revp/traefik"
LIST = "/api/containers"
COUNTING = ContainerSpec(
    command=("sh", "-c", "n=0; while :; do n=$((n+1)); echo $n; sleep 0.02; done"),
    labels={"fleet.logs": "true"},
)


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="fleet-", dir="/tmp"))
    yield made
    for log in made.glob("*.log"):
        print(f"{log.name}:\n{log.read_text()[-6000:]}")
    shutil.rmtree(made)


@dataclass
class Apart:
    """All parts, running.

    Attributes:
        table: What proxies were told last.
    """

    engine: Engine
    database: PostgresServer
    cache: Redis
    config: Path
    supervisor: Process
    fleet: Served
    table: bytes = b""


@contextmanager
def running(lab: Lab, folder: Path) -> Iterator[Apart]:
    """Start everything, and wait until all of it is known."""
    engine, database, cache = lab.engine("trixie"), lab.postgres("plain"), lab.redis()
    engine.run_container("web", serving("web.example.com"))
    config, secret = folder / "hosts.toml", folder / "cache-password"
    config.write_text(
        SETTINGS.format(folder=folder, database=database.url, cache=cache.url, socket=engine.socket)
    )
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    with Process(config, "supervise") as supervisor, Served(config) as fleet:
        fleet.until("/ready", lambda a: a.status == 200, "serving is ready")
        fleet.until(PROXY, lambda a: b"web.example.com" in a.body, "the route is served")
        fleet.until(HISTORY, lambda a: a.status == 200 and a.document["points"], "history", **ANEW)
        fleet.until(LIST, lambda a: names(a) == {"web"}, "the container")
        yield Apart(engine, database, cache, config, supervisor, fleet)


def names(answer: Answer) -> set[str]:
    """Of the containers."""
    return {one["name"] for one in answer.document["containers"]}


def all_told(answer: Answer) -> bool:
    """Whether metrics of the fleet, of who watches and of both workers are there."""
    words = ("fleet_host_up", "fleet_storage_state", "fleet_build", "fleet_http_requests_total")
    text = answer.body.decode()
    return all(f"\n{word}" in text for word in words) and all(
        f'process_cpu_seconds_total{{worker="{number}"}}' in text for number in (1, 2)
    )


def what_happens_is_there_at_once(apart: Apart) -> None:
    """And what is kept is given again, unless asked otherwise."""
    fleet = apart.fleet
    with fleet.stream("/api/stream/events?action=start") as events:
        apart.engine.run_container("two", COUNTING)
        assert any(b'"name":"two"' in line for line in events)
    fleet.until(LIST, lambda a: names(a) == {"web", "two"}, "both", **ANEW)
    fleet.until(HISTORY, lambda a: "age" in a.headers, "an answer of the cache")
    assert apart.cache.keys() > 0
    with fleet.stream("/api/containers/here/two/logs?follow=true&limit=1") as lines:
        data = (line.removeprefix(b"data: ") for line in lines if line.startswith(b"data: "))
        numbers = [int(json.loads(line)["line"]) for line in islice(data, 50)]
    assert numbers == [*range(numbers[0], numbers[0] + 50)]
    fleet.until("/metrics", all_told, "the metrics of all")


def without_the_cache_nothing_is_missing(apart: Apart) -> None:
    """It is used again once it is back."""
    apart.cache.kill()
    apart.fleet.until(HISTORY, lambda a: "age" not in a.headers, "answers without it")
    apart.fleet.until(LIST, lambda a: names(a) == {"web", "two"}, "both without it")
    apart.cache.start_again()
    apart.fleet.until(HISTORY, lambda a: "age" in a.headers, "the cache is used again")


def in_place_of_a_worker_comes_another(apart: Apart) -> None:
    """And meanwhile the others answer."""
    before = apart.fleet.workers()
    killed = min(before)
    os.kill(killed, signal.SIGKILL)
    assert apart.fleet.get("/ready").status == 200

    def is_back() -> bool:
        return len(apart.fleet.workers() - {killed}) == len(before)

    wait_until(is_back, "a new worker", PATIENCE)
    apart.fleet.until("/ready", lambda a: a.status == 200, "it is ready")


def without_the_database_what_is_known_is_said_to_be_old(apart: Apart) -> None:
    """And the rest is refused."""
    fleet = apart.fleet
    assert not fleet.get(LIST, **ANEW).stale
    apart.table = fleet.get(PROXY).body
    apart.database.kill()
    fleet.until("/api/hosts", lambda a: a.stale, "the state is old")
    told = fleet.get("/api/fleet").document
    assert told["stale_since"]
    assert "the database" in told["reasons"][0]
    assert fleet.get("/api/hosts").document["hosts"][0]["stale_since"]
    assert fleet.get(HISTORY).stale
    assert fleet.get(PROXY).body == apart.table
    refused = fleet.get(NEVER_ASKED)
    assert (refused.status, refused.kind) == (503, "history-unavailable")


def new_workers_without_it_know_what_the_cache_has(apart: Apart) -> None:
    """Until it is back, and then nothing was lost."""
    fleet = apart.fleet
    for worker in fleet.workers():
        os.kill(worker, signal.SIGKILL)
    fleet.until("/ready", lambda a: a.status == 503, "new workers tell that they know nothing")
    refused = fleet.get("/api/hosts")
    assert (refused.status, refused.kind) == (503, "state-unavailable")
    known = fleet.get(HISTORY)
    assert known.status == 200
    assert "age" in known.headers
    apart.engine.run_container("three")
    apart.database.start_again()
    wanted = {"web", "two", "three"}
    fleet.until("/ready", lambda a: a.status == 200, "the database is read again")
    fleet.until(LIST, lambda a: names(a) == wanted and not a.stale, "all", **ANEW)


def without_who_watches_all_is_old_until_another_does(apart: Apart) -> None:
    """Streams tell of it, and begin anew with the other one."""
    fleet = apart.fleet
    with fleet.stream("/api/stream/hosts") as hosts:
        apart.supervisor.kill()
        assert any(b'"stale_since":"' in line for line in hosts)
        fleet.until("/api/hosts", lambda a: a.stale, "nobody watches")
        assert "fleet supervise" in fleet.get("/api/fleet").document["reasons"][0]
        assert fleet.get(PROXY).body == apart.table
        apart.engine.remove_containers()
        apart.engine.run_container("web", serving("web.example.com"))
        with Process(apart.config, "supervise") as supervisor:
            fleet.until(LIST, lambda a: names(a) == {"web"}, "the new ones", **ANEW)
            fleet.until("/api/hosts", lambda a: not a.stale, "somebody watches")
            assert list(hosts)  # it ends
            settled = fleet.until("/api/fleet", is_written, "all is written").document["storage"]
            assert (settled["spool"]["rows"], settled["lost_lately"]) == (0, 0)
            assert not any(settled["dropped"].values())
            assert supervisor.terminate() == 0


def is_written(answer: Answer) -> bool:
    """Whether nothing waits for the database."""
    storage = answer.document["storage"]
    return bool(storage["state"] == "writing" and not storage["spool"]["rows"])


def test_each_part_is_killed_in_turn_and_what_was_promised_is_answered(
    lab: Lab, folder: Path
) -> None:
    with running(lab, folder) as apart:
        what_happens_is_there_at_once(apart)
        without_the_cache_nothing_is_missing(apart)
        in_place_of_a_worker_comes_another(apart)
        without_the_database_what_is_known_is_said_to_be_old(apart)
        new_workers_without_it_know_what_the_cache_has(apart)
        without_who_watches_all_is_old_until_another_does(apart)
        assert apart.fleet.terminate() == 0
        with psycopg.connect(apart.database.url) as reading:
            rows = reading.execute("SELECT name FROM fleet.containers").fetchall()
    assert {name for (name,) in rows} >= {"web", "two", "three"}
