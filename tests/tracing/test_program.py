"""The whole program, traced, with a real Engine and a real collector."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.manager import Manager
from tests.fleet.test_app import Program
from tests.lab.engines import Engine
from tests.lab.ports import free_port
from tests.lab.waiting import wait_until
from tests.tracing.collector import Collector, Seen

SETTINGS = """\
[fleet]
listen = "127.0.0.1:{port}"
data_dir = "{folder}/data"
access_log = true
log_level = "warning"
[tracing]
endpoint = "{endpoint}"
[defaults.monitoring]
stats_interval = 1
[hosts.here]
connection = "local"
socket = "{socket}"
"""
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SERVER, CLIENT = 2, 3  # kinds of spans


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="fleet-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    print((made / "log").read_text())
    shutil.rmtree(made)


def ask(port: int, path: str, **headers: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", path, headers=named)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def counted(port: int, end: str) -> float:
    start = f'fleet_trace_spans_total{{end="{end}"}} '
    lines = ask(port, "/metrics").splitlines()
    return next(float(line.removeprefix(start)) for line in lines if line.startswith(start))


def judge_request(collector: Collector) -> None:
    (request,) = collector.named("GET /api/hosts/{host}/health/history")
    assert (request.trace, request.parent, request.kind) == (TRACE, PARENT, SERVER)
    assert request.facts["http.response.status_code"] == 200
    assert request.facts["fleet.request_id"] == "mine"
    assert request.facts["http.route"] == "/api/hosts/{host}/health/history"
    (query,) = [span for span in collector.spans if span.parent == request.id]
    assert (query.name, query.kind, query.trace) == ("db.read", CLIENT, TRACE)
    assert query.facts["db.system.name"] == "postgresql"
    assert query.facts["db.query.summary"]


def judge_watching(collector: Collector) -> None:
    (attempt,) = collector.named("host.connect")
    assert (attempt.facts["fleet.host"], attempt.parent, attempt.failed) == ("here", "", False)
    assert {"engine.ping", "engine.version", "engine.list"} <= collector.children(attempt)
    sample = collector.named("engine.stats")[0]
    assert (sample.facts["fleet.host"], sample.kind, sample.parent) == ("here", CLIENT, "")
    batch = collector.named("storage.batch")[-1]
    assert int(str(batch.facts["fleet.rows"])) > 0
    assert collector.children(batch) == {"db.write"}
    assert collector.named("routes.settle")
    assert not [span for span in collector.spans if span.failed]


def seen(collector: Collector, *names: str) -> list[Seen]:
    found = [span for name in names for span in collector.named(name)]
    return found if {span.name for span in found} == set(names) else []


def tell_of_requests(fleet: Program) -> None:
    """A level that changes in the file takes effect without a restart."""
    log = fleet.folder / "log"
    ask(fleet.port, "/health")
    fleet.config.write_text(fleet.config.read_text().replace('"warning"', '"info"'))
    fleet.process.send_signal(signal.SIGHUP)

    def told() -> bool:
        ask(fleet.port, "/health", x_request_id="after")
        return '"request_id":"after"' in log.read_text()

    assert '"request_id"' not in log.read_text()
    wait_until(told, "requests are told of", 30)
    assert fleet.get("/api/fleet")["config"]["warnings"] == []


def test_a_fleet_is_traced_and_goes_on_without_its_collector(
    folder: Path, engine_2010: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = Manager(str(folder / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(folder / "notify"))
    traced = engine_2010.run_container("traced")
    port = free_port()
    with Collector() as collector:
        (folder / "hosts.toml").write_text(
            SETTINGS.format(
                port=port, folder=folder, endpoint=collector.endpoint, socket=engine_2010.socket
            )
        )
        with Program(folder / "hosts.toml", port) as fleet:
            assert manager.heard() == "READY=1"
            tell_of_requests(fleet)
            parent = f"00-{TRACE}-{PARENT}-01"
            ask(port, "/api/hosts/here/health/history", traceparent=parent, x_request_id="mine")
            history = "GET /api/hosts/{host}/health/history"
            wanted = (history, "db.read", "host.connect", "engine.stats", "storage.batch")
            wait_until(lambda: seen(collector, *wanted, "routes.settle"), "spans of all kinds", 60)
            judge_request(collector)
            judge_watching(collector)
            collector.close()
            wait_until(lambda: counted(port, "refused"), "spans are refused", 60)
            assert counted(port, "sent") > 0
            assert [host["status"] for host in fleet.get("/api/hosts")["hosts"]] == ["up"]
            assert fleet.terminate() == 0
    engine_2010.docker("rm", "--force", traced)
    manager.close()
    lines = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    (told,) = [line for line in lines if "traces are not taken" in line["event"]]
    assert (told["level"], told["logger"]) == ("warning", "fleet.tracing")
    assert {line["logger"].partition(".")[0] for line in lines} <= {"fleet", "storage", "web"}
    (request,) = [line for line in lines if line.get("request_id") == "mine"]
    assert (request["trace_id"], request["status"]) == (TRACE, 200)
