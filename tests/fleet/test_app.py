"""The whole program, as a process of its own: killed, told to stop, and started again."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
import trio

from config.load import load
from storage.database import Database
from storage.queries import containers_known, recent_events
from storage.store import open_store
from tests.faults.watched import EventKey, told
from tests.fleet.routed import serving
from tests.lab.containers import ContainerSpec
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab
from tests.lab.ports import free_port
from tests.lab.sshd import Sshd
from tests.lab.waiting import wait_until
from tests.storage.programs import postgres_processes

SETTINGS = """\
[fleet]
listen = "127.0.0.1:{port}"
data_dir = "{folder}/data"
[defaults.monitoring]
stats_interval = 0.5
ping_interval = 1
request_timeout = 3
[defaults.retry]
maximum = 1
[hosts.here]
connection = "local"
socket = "{socket}"
"""
EDGE = """\
[hosts.edge]
connection = "ssh"
address = "{address}"
port = {port}
username = "root"
key_file = "{key}"
known_hosts_file = "{known}"
ssh_config_file = "{nothing}"
agent = false
socket = "{socket}"
"""
STATIC_ROUTE = """\
[[routes]]
domain = "nas.example.com"
backend_url = "http://10.0.0.9:5000"
"""
TICKING = ContainerSpec(command=("sh", "-c", "while :; do sleep 0.2; done"))
COUNTING = ContainerSpec(
    command=("sh", "-c", "n=0; while :; do n=$((n+1)); echo $n; sleep 0.02; done"),
    labels={"fleet.logs": "true"},
)


class Program:
    """`fleet up`, running."""

    def __init__(self, config: Path, port: int) -> None:
        self.config = config
        self.folder = config.parent
        self.port = port
        self._log = (self.folder / "log").open("ab")
        words = [sys.executable, "-m", "fleet", "up", "--config", str(config)]
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("FLEET_", "DOCKER_"))}
        self.process = subprocess.Popen(words, env=clean, stdout=self._log, stderr=self._log)

    def __enter__(self) -> Self:
        try:
            wait_until(self._ready, f"fleet is ready, see {self.folder / 'log'}", 30)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self.process.kill()
        self.process.wait(10)
        self._log.close()

    def _ready(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            return all(host["status"] == "up" for host in self.get("/api/hosts")["hosts"])
        except (OSError, http.client.HTTPException):
            return False

    def get(self, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def events(self, host: str) -> list[EventKey]:
        found = self.get(f"/api/events?host={host}&limit=1000")["events"]
        return [(e["time_nano"], e["type"], e["action"], e["actor_id"]) for e in found]

    def settled(self, engine: Engine, *hosts: str) -> None:
        """Wait until every event that the Engine tells is shown."""
        oracle = set(told(engine, 0.0))
        for host in hosts:
            wait_until(lambda host=host: oracle <= set(self.events(host)), f"events of {host}", 10)  # type: ignore[misc]

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@pytest.fixture(scope="module")
def engine(module_lab: Lab) -> Engine:
    engine = module_lab.engine("trixie")
    engine.run_containers(2)
    return engine


@pytest.fixture(scope="module")
def sshd(module_lab: Lab) -> Sshd:
    return module_lab.sshd(options={"AllowStreamLocalForwarding": "no"})


@pytest.fixture
def config(engine: Engine, sshd: Sshd) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="fleet-", dir="/tmp"))
    folder.chmod(0o755)
    text = SETTINGS.format(port=free_port(), folder=folder, socket=engine.socket)
    text += EDGE.format(
        address=sshd.address,
        port=sshd.port,
        key=sshd.client_key,
        known=sshd.known_hosts,
        socket=engine.socket,
        nothing=folder / "ssh_config",
    )
    (folder / "ssh_config").touch()
    (folder / "hosts.toml").write_text(text)
    yield folder / "hosts.toml"
    print((folder / "log").read_text())
    shutil.rmtree(folder)


def samples_written(fleet: Program) -> None:
    """Wait until every container was sampled, and these samples are in the database."""

    def written() -> int:
        return int(fleet.get("/api/fleet")["storage"]["written"].get("container_stats", 0))

    def sampled() -> bool:
        found = fleet.get("/api/containers?state=running")["containers"]
        return all(container["stats"] for container in found)

    wait_until(sampled, "all are sampled")
    enough = written() + 12  # two of each
    wait_until(lambda: written() > enough, "samples are written")


def program(config: Path) -> Program:
    return Program(config, int(load(config, {}).fleet.listen.rpartition(":")[2]))


async def _count(database: Database, table: str) -> int:
    rows = await database.read(
        lambda c: c.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()  # noqa: S608 - ours
    )
    assert rows is not None
    return int(str(rows[0]))


def present(config: Path, host: str) -> set[str]:
    """The ids of the containers that the table takes for present."""

    async def read() -> set[str]:
        async with open_store(load(config, {})) as store:
            return {row.id for row in await containers_known(store.database, host)}

    return trio.run(read)


def stored(config: Path) -> tuple[dict[str, Counter[EventKey]], dict[str, int]]:
    """The events in the table by host, and how many rows each table has."""

    async def read() -> tuple[dict[str, Counter[EventKey]], dict[str, int]]:
        events = {}
        async with open_store(load(config, {})) as store:
            for host in ("here", "edge"):
                rows = await recent_events(store.database, hosts=[host], limit=10_000)
                keys = [(row.time_nano, row.type, row.action, row.actor_id) for row in rows]
                events[host] = Counter(keys)
            tables = ("container_events", "container_stats", "host_health", "hosts", "containers")
            counts = {table: await _count(store.database, table) for table in tables}
        return events, counts

    return trio.run(read)


def cpu_samples(config: Path, container: str) -> list[tuple[int, int]]:
    """The CPU counter and its increase in each stored sample of a container, oldest first."""

    async def read() -> list[tuple[int, int]]:
        async with open_store(load(config, {})) as store:
            rows = await store.database.read(
                lambda connection: connection.execute(
                    "SELECT cpu_total, cpu_increase FROM container_stats"
                    " WHERE host = 'here' AND container_id = %s ORDER BY time",
                    [container],
                ).fetchall()
            )
        return [(int(str(total)), int(str(increase))) for total, increase in rows]

    return trio.run(read)


def lines(config: Path) -> dict[str, list[int]]:
    """What the counting container wrote, by host, as it is stored."""

    async def read() -> dict[str, list[int]]:
        async with open_store(load(config, {})) as store:
            rows = await store.database.read(
                lambda connection: connection.execute(
                    "SELECT host, line FROM container_logs ORDER BY time_nano, sequence"
                ).fetchall()
            )
        found: dict[str, list[int]] = {"here": [], "edge": []}
        for host, line in rows:
            found[str(host)].append(int(str(line)))
        return found

    return trio.run(read)


def lines_written(fleet: Program) -> None:
    """Wait until the counting container was read on both hosts some times."""

    def written() -> int:
        return int(fleet.get("/api/fleet")["storage"]["written"].get("container_logs", 0))

    enough = written() + 100
    wait_until(lambda: written() > enough, "lines are written", 60)


def test_a_kill_leaves_nothing_and_the_next_start_goes_on(
    config: Path, engine: Engine, sshd: Sshd
) -> None:
    with program(config) as fleet:
        ticking = engine.run_container("ticking", TICKING)
        counting = engine.run_container("counting", COUNTING)
        engine.docker("run", "--name", "seen", "fleet-lab/busybox:1", "true")
        fleet.settled(engine, "here", "edge")
        samples_written(fleet)
        lines_written(fleet)
        # What was only just accepted may be lost with the program; the Engine still has it.
        fleet.process.kill()
        killed = time.monotonic()
        fleet.process.wait(10)
        data = config.parent / "data"
        wait_until(lambda: not postgres_processes(data), "no postgres is left", 5)
        wait_until(lambda: not sshd.session_processes(), "no remote process is left", 10)
        print(f"nothing left {time.monotonic() - killed:.1f} s after the kill")
    engine.docker("run", "--name", "missed", "fleet-lab/busybox:1", "true")
    engine.docker("rm", "seen")
    begun = time.monotonic()
    with program(config) as fleet:
        print(f"up again after {time.monotonic() - begun:.1f} s")
        fleet.settled(engine, "here", "edge")
        engine.docker("rm", "missed")
        fleet.settled(engine, "here", "edge")
        samples_written(fleet)
        lines_written(fleet)
        assert fleet.terminate() == 0
    wrote = engine.docker("logs", counting).split()
    for host, found in lines(config).items():
        assert found == list(range(1, len(found) + 1)), host  # each once, none left out
        assert 50 < len(found) <= len(wrote)
    events, _ = stored(config)
    oracle = Counter(told(engine, 0.0))
    assert max(oracle.values()) == 1
    assert events["here"] == oracle
    assert events["edge"] == oracle
    there = {entry["Id"] for entry in engine.sdk().api.containers(all=True)}
    assert present(config, "here") == present(config, "edge") == there
    taken = cpu_samples(config, ticking)
    assert sum(increase for _, increase in taken) == taken[-1][0]  # whatever was lost with the kill
    engine.docker("rm", "--force", counting)


def test_a_stop_drains_what_was_accepted(config: Path, engine: Engine, sshd: Sshd) -> None:
    with program(config) as fleet:
        samples_written(fleet)
        engine.docker("run", "--rm", "fleet-lab/busybox:1", "true")
        fleet.settled(engine, "here", "edge")
        shown = {host: set(fleet.events(host)) for host in ("here", "edge")}
        written = fleet.get("/api/fleet")["storage"]["written"]
        assert fleet.terminate() == 0
        assert not postgres_processes(config.parent / "data")
        assert not list((config.parent / "data").glob("run/*.sock"))
    events, counts = stored(config)
    for host in ("here", "edge"):
        assert set(events[host]) >= shown[host]
        assert max(events[host].values()) == 1
    for table in ("container_events", "container_stats", "host_health"):
        assert counts[table] >= written[table] > 0
    assert counts["hosts"] == 2
    wait_until(lambda: not sshd.session_processes(), "no remote process is left", 5)
    log = (config.parent / "log").read_text()
    assert "Traceback" not in log
    assert "dropped" not in log


def test_a_hangup_reads_the_file_and_a_broken_one_is_shown(config: Path, engine: Engine) -> None:
    with program(config) as fleet:
        before = fleet.get("/api/fleet")["config"]
        assert before.get("error") is None
        fleet.process.send_signal(signal.SIGHUP)
        wait_until(
            lambda: fleet.get("/api/fleet")["config"]["loaded"] != before["loaded"], "read", 5
        )
        good = config.read_text()
        config.write_text(good.replace("socket", "sokcet"))
        fleet.process.send_signal(signal.SIGHUP)
        wait_until(lambda: fleet.get("/api/fleet")["config"].get("error"), "refused", 5)
        shown = fleet.get("/api/fleet")
        assert "sokcet" in shown["config"]["error"]
        assert shown["verdict"] == "degraded"
        assert [host["status"] for host in fleet.get("/api/hosts")["hosts"]] == ["up", "up"]
        assert {host["reconnects"] for host in fleet.get("/api/hosts")["hosts"]} == {0}
        config.write_text(good)
        wait_until(lambda: fleet.get("/api/fleet")["config"].get("error") is None, "mended", 8)
        follow_routes(fleet, engine)
        assert fleet.terminate() == 0


def follow_routes(fleet: Program, engine: Engine) -> None:
    """Routes follow labels and the file, and their changes go into the history."""

    def shown() -> tuple[int, int]:
        routes = fleet.get("/api/fleet")["routes"]
        return routes["total"], routes["down"]

    def written() -> int:
        return int(fleet.get("/api/fleet")["storage"]["written"].get("route_changes", 0))

    web = engine.run_container("web", serving("web.example.com"))
    wait_until(lambda: shown() == (1, 0), "the label is a route")
    fleet.config.write_text(fleet.config.read_text() + STATIC_ROUTE)
    fleet.process.send_signal(signal.SIGHUP)
    wait_until(lambda: shown() == (2, 0), "the file has another")
    engine.docker("rm", "--force", web)
    wait_until(lambda: shown() == (2, 1), "nobody is behind the first")
    assert "1 of 2 routes is down: web.example.com" in fleet.get("/api/fleet")["reasons"]
    wait_until(lambda: written() >= 3, "the history has it")
