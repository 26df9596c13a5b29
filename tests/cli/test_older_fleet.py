"""A running fleet that is older than the command, or has no history: answers as it would give."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.cli.running import Fleet

SEEN = "2026-01-30T12:00:00Z"
FLEET = {
    "version": "0.1",
    "started": SEEN,
    "verdict": "ok",
    "config": {"source": None, "loaded": SEEN},
    "storage": {"state": "off"},
}
STATS = {
    "host": "edge-1",
    "id": "a" * 64,
    "name": "web",
    "start": SEEN,
    "end": "2026-01-30T13:00:00Z",
    "step_seconds": 60.0,
    "points": [
        {
            **dict.fromkeys(("network_rx", "network_tx", "block_read", "block_write", "pids")),
            **dict.fromkeys(("memory_limit", "memory_used_max"), 2**20),
            **dict.fromkeys(("cpu_percent", "cpu_percent_max"), 7.0),
            "time": SEEN,
            "samples": 6,
            "memory_used": 2.0**20,
        }
    ],
}
WORDS = (
    ("top", "--last", "1h"),
    ("history", "web"),
    ("images",),
    ("images", "redis:7"),
    ("logs", "web", "--grep", "x"),
    ("logs", "--level", "error"),
)


def problem(kind: str, status: int, detail: str, path: str) -> dict[str, object]:
    return {
        "type": f"urn:fleet:problem:{kind}",
        "title": kind,
        "status": status,
        "detail": detail,
        "instance": path,
    }


@contextmanager
def answering(known: dict[str, object], kind: str, status: int, folder: Path) -> Iterator[Fleet]:
    """A fleet that knows some paths and answers all others with one problem."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            body = known.get(path)  # a test may take it away meanwhile
            found = body is not None
            if not found:
                body = problem(kind, status, "No history.", path)
            data = json.dumps(body).encode()
            self.send_response(200 if found else status)
            media = "application/json" if found else "application/problem+json"
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.05,)).start()
        try:
            path = folder / "hosts.toml"
            path.write_text(f'[fleet]\nlisten = "127.0.0.1:{server.server_port}"\n')
            yield Fleet(path)
        finally:
            server.shutdown()


BASE: dict[str, object] = {"/api/fleet": FLEET, "/api/hosts": {"hosts": []}}


@pytest.mark.parametrize("words", WORDS)
def test_an_older_fleet_is_told_of(words: tuple[str, ...], tmp_path: Path) -> None:
    with answering(BASE, "unknown-path", 404, tmp_path) as fleet:
        done = fleet.run(*words)
    assert done.returncode == 1
    assert "it is older than this command" in done.stderr
    assert "next: restart the running fleet" in done.stderr


@pytest.mark.parametrize("words", WORDS)
def test_a_fleet_without_history_says_so(words: tuple[str, ...], tmp_path: Path) -> None:
    with answering(BASE, "history-unavailable", 503, tmp_path) as fleet:
        done = fleet.run(*words)
    assert done.returncode == 1
    assert "No history." in done.stderr
    assert "next: `fleet status` tells how storage is" in done.stderr


@pytest.mark.parametrize("words", WORDS)
def test_without_a_fleet_it_is_told_how_to_start_one(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "hosts.toml"
    path.write_text('[fleet]\nlisten = "127.0.0.1:1"\n')
    done = Fleet(path).run(*words)
    assert done.returncode == 1
    assert "no fleet is running" in done.stderr
    assert "next: start it with `fleet up`" in done.stderr


def test_what_an_older_fleet_does_have_is_shown(tmp_path: Path) -> None:
    known = BASE | {"/api/containers/web/stats/history": STATS}
    with answering(known, "unknown-path", 404, tmp_path) as fleet:
        done = fleet.run("history", "web")
    assert done.returncode == 0
    assert "CPU  min 7.00%  avg 7.00%" in done.stdout
    assert "when it ran is not known" in done.stderr


def test_a_name_alone_is_asked_for_on_the_host_that_has_it(tmp_path: Path) -> None:
    ran = {
        **dict.fromkeys(("unhealthy_seconds", "health", "up_percent")),
        **dict.fromkeys(("up_seconds", "down_seconds", "unknown_seconds"), 0.0),
        **dict.fromkeys(("restarts", "oom_kills"), 0),
        **{key: STATS[key] for key in ("host", "id", "name", "start", "end")},
        "identity": "name:web",
        "state": "running",
        "last_exit_codes": [],
        "runs": [],
        "incarnations": [],
    }
    known = BASE | {
        "/api/containers/web/stats/history": STATS,
        "/api/containers/edge-1/web/uptime": ran,
    }
    with answering(known, "bad-parameter", 400, tmp_path) as fleet:
        done = fleet.run("history", "web")
    assert (done.returncode, done.stderr) == (0, "")
    assert "running; up " in done.stdout


def test_an_image_is_shown_without_its_past(tmp_path: Path) -> None:
    image = {
        **dict.fromkeys(("architecture", "operating_system", "created")),
        "host": "gone",
        "id": "sha256:" + "a" * 64,
        "tags": ["redis:7"],
        "digests": [],
        "size": 1,
        "first_seen": SEEN,
    }
    page = {"total": 1, "offset": 0, "limit": 1}
    known = BASE | {"/api/images/redis%3A7": {"images": [image], "page": page}}
    with answering(known, "history-unavailable", 503, tmp_path) as fleet:
        done = fleet.run("images", "redis:7")
    assert done.returncode == 0
    assert "redis:7" in done.stdout
    assert "its past is not known" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("logs",),
        ("logs", "web", "--host", "edge-1"),
        ("logs", "web", "-f", "--until", "1h"),
        ("logs", "web", "-f", "--regex", "x"),
        ("logs", "web", "--stored", "--direct"),
        ("top", "--last", "1h", "--since", "2h"),
        ("history", "web", "--since", "1h", "--until", "2h"),
        ("history", "web", "--csv", "--json"),
        ("images", "redis:7", "--unused"),
    ],
)
def test_what_contradicts_itself_is_wrong_usage(words: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "hosts.toml"
    path.write_text('[fleet]\nlisten = "127.0.0.1:1"\n')
    done = Fleet(path).run(*words)
    assert done.returncode == 2
    assert "Error: " in done.stderr
