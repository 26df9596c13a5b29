"""Watching and serving apart: each part is killed in turn, and what was promised is answered."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.fleet.apart import PATIENCE, Process, Served
from tests.fleet.routed import serving
from tests.lab.fixtures import Lab
from tests.lab.redis import PASSWORD
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


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="fleet-", dir="/tmp"))
    yield made
    for log in made.glob("*.log"):
        print(f"{log.name}:\n{log.read_text()[-6000:]}")
    shutil.rmtree(made)


def _names(answer: object) -> set[str]:
    return {one["name"] for one in answer.document["containers"]}  # type: ignore[attr-defined]  # an Answer


def test_each_part_is_killed_in_turn_and_what_was_promised_is_answered(
    lab: Lab, folder: Path
) -> None:
    engine, database, cache = lab.engine("trixie"), lab.postgres("plain"), lab.redis()
    engine.run_container("web", serving("web.example.com"))
    config = folder / "hosts.toml"
    config.write_text(
        SETTINGS.format(folder=folder, database=database.url, cache=cache.url, socket=engine.socket)
    )
    secret = folder / "cache-password"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    with Process(config, "supervise") as first, Served(config) as fleet:
        supervisor = first
        fleet.until("/ready", lambda a: a.status == 200, "serving is ready")
        fleet.until(PROXY, lambda a: b"web.example.com" in a.body, "the route is served")
        fleet.until(HISTORY, lambda a: a.status == 200 and a.document["points"], "history", **ANEW)
        assert fleet.get("/api/containers").document["page"]["total"] == 1

        # What happens is there at once; what is kept is given again, unless asked otherwise.
        engine.run_container("two")
        fleet.until("/api/containers", lambda a: _names(a) == {"web", "two"}, "both", **ANEW)
        fleet.until(HISTORY, lambda a: "age" in a.headers, "an answer of the cache")
        assert cache.keys() > 0

        # The cache: nothing is missing without it.
        cache.kill()
        assert "age" not in fleet.get(HISTORY).headers
        assert _names(fleet.get("/api/containers")) == {"web", "two"}
        cache.start_again()
        fleet.until(HISTORY, lambda a: "age" in a.headers, "the cache is used again")

        # A worker: the other one answers, and a new one comes.
        before = fleet.workers()
        killed = min(before)
        os.kill(killed, signal.SIGKILL)
        assert fleet.get("/ready").status == 200
        wait_until(lambda: len(fleet.workers() - {killed}) == len(before), "a new worker", PATIENCE)

        # The database: what is known is answered, and said to be old; the rest is refused.
        listed = fleet.get("/api/containers", **ANEW)
        table = fleet.get(PROXY).body
        assert not listed.stale
        database.kill()
        fleet.until("/api/hosts", lambda a: a.stale, "the state is old")
        told = fleet.get("/api/fleet").document
        assert told["stale_since"]
        assert "the database" in told["reasons"][0]
        assert fleet.get("/api/hosts").document["hosts"][0]["stale_since"]
        assert fleet.get(HISTORY).stale
        assert fleet.get(PROXY).body == table
        refused = fleet.get(NEVER_ASKED)
        assert refused.status == 503
        assert refused.document["type"].endswith(":history-unavailable")

        # And all workers: the new ones know nothing but what the cache has.
        for worker in fleet.workers():
            os.kill(worker, signal.SIGKILL)
        fleet.until("/ready", lambda a: a.status == 503, "new workers tell that they know nothing")
        refused = fleet.get("/api/hosts")
        assert refused.status == 503
        assert refused.document["type"].endswith(":state-unavailable")
        known = fleet.get(HISTORY)
        assert known.status == 200
        assert "age" in known.headers
        engine.run_container("three")
        database.start_again()
        fleet.until("/ready", lambda a: a.status == 200, "the database is read again")
        names = {"web", "two", "three"}
        fleet.until("/api/containers", lambda a: _names(a) == names and not a.stale, "all", **ANEW)

        # Who watches: it is told of at once, and another one takes over.
        supervisor.kill()
        fleet.until("/api/hosts", lambda a: a.stale, "nobody watches")
        assert "fleet supervise" in fleet.get("/api/fleet").document["reasons"][0]
        assert fleet.get(PROXY).body == table
        engine.remove_containers()
        engine.run_container("web", serving("web.example.com"))
        with Process(config, "supervise") as supervisor:
            fleet.until("/api/containers", lambda a: _names(a) == {"web"}, "the new ones", **ANEW)
            fleet.until("/api/hosts", lambda a: not a.stale, "somebody watches")
            settled = fleet.until(
                "/api/fleet",
                lambda a: a.document["storage"]["state"] == "writing",
                "all is written",
            )
            assert settled.document["storage"]["spool"]["rows"] == 0
            assert not any(settled.document["storage"]["dropped"].values())
            assert supervisor.terminate() == 0
        assert fleet.terminate() == 0
    with psycopg.connect(database.url) as reading:
        rows = reading.execute("SELECT name FROM fleet.containers").fetchall()
    assert {name for (name,) in rows} >= {"web", "two", "three"}
