"""`fleet routes apply` as the pages of the proxies have it, on the lab's folders and ports."""

from __future__ import annotations

import http.client
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from labels.model import Member, Route, Settings
from tests.lab.echo import Echo
from tests.lab.file_proxy import FileProxy
from tests.lab.reap import marked_environment
from tests.lab.tls import TlsFiles
from tests.lab.waiting import wait_until
from tests.labels.render.tables import member, route

PAGES = Path(__file__).parents[2] / "docs" / "proxies"
PATIENCE = 60.0
PLAIN = Settings(https=False, redirect_https=False)


def words_of(line: str, places: Mapping[str, str]) -> list[str]:
    """A command line of a page with other paths and addresses, behind `fleet`."""
    for there, here in places.items():
        assert there in line, there
        line = line.replace(there, here)
    program, *words = shlex.split(line)
    assert program.endswith("fleet")
    return words


def unit_line(page: str) -> str:
    """The command of the systemd unit of a page."""
    found = re.search(r"^ExecStart=(.*?[^\\])$", (PAGES / page).read_text(), re.M | re.S)
    assert found
    return found[1].replace("\\\n", " ")


def apply(proxy: FileProxy, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run the command once, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "fleet", *(word for word in words if word != "--follow")],
        env=marked_environment(proxy.folder) | proxy.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@contextmanager
def following(proxy: FileProxy, words: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """Run the command until the block ends, and hold it to a clean end."""
    log = proxy.folder / "follow.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "fleet", *words],
            env=marked_environment(proxy.folder) | proxy.environment,
            stdout=file,
            stderr=file,
            text=True,
        )
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in log.read_text()


def backend(echo: Echo, **more: Any) -> Member:
    """The membership of a backend of the lab."""
    return member(f"h/{echo.name}", "127.0.0.1", echo.port, **more)


def plain(domain: str, *members: Member, path: str = "/", **terms: Any) -> Route:
    """A route without TLS."""
    return route(domain, *members, path=path, settings=msgspec.structs.replace(PLAIN, **terms))


def reached(proxy: FileProxy, host: str, target: str = "/", **how: Any) -> tuple[int, str, str]:
    """Status, the backend's name, and what it was asked."""
    answer = proxy.get(host, target, **how)
    if answer.status != 200:
        return answer.status, "", ""
    return 200, answer.said["name"], answer.said["target"]


def wait_for(proxy: FileProxy, host: str, status: int, name: str = "") -> None:
    """Wait until a domain answers so."""

    def answers() -> bool:
        try:
            return reached(proxy, host)[:2] == (status, name)
        except (OSError, http.client.HTTPException):
            return False

    wait_until(answers, f"{host} answers {status} {name}", PATIENCE)


@contextmanager
def kept_open(proxy: FileProxy, host: str) -> Iterator[list[str]]:
    """Ask over and over on one connection until the block ends; what went wrong is listed."""
    failed: list[str] = []
    ended = threading.Event()

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=PATIENCE)
        while not ended.wait(0.005):
            try:
                connection.request("GET", "/", headers={"Host": host})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    failed.append(str(answer.status))
            except (OSError, http.client.HTTPException) as error:
                failed.append(repr(error))
                connection.close()
        connection.close()

    thread = threading.Thread(target=client)
    thread.start()
    try:
        yield failed
    finally:
        ended.set()
        thread.join(PATIENCE)


def one_file(files: TlsFiles, path: Path) -> Path:
    """Certificate and key in one file, as HAProxy wants them."""
    path.write_bytes(files.cert.read_bytes() + files.key.read_bytes())
    return path


def everything(a: Echo, b: Echo, dead: Member) -> list[Route]:
    """Routes of all kinds, for `EXPECTED` and more."""
    policies = ("round_robin", "least_conn", "random", "ip_hash", "first")
    return [
        plain("a.example", backend(a)),
        plain("a.example", backend(b), path="/p", strip_prefix="/p", headers=(("X-A", "1, #2"),)),
        plain("a.example", backend(a), path="/p/q"),
        plain("api.example", backend(a), strip_prefix="/api", pass_host_header=False),
        plain("*.wild.example", backend(a)),
        plain("*.wild.example", backend(a), path="/only/deep"),
        plain("w.wild.example", backend(b), path="/only"),
        plain("three.example", backend(a, weight=30), backend(b, weight=10)),
        plain("sockets.example", backend(a), websocket=True),
        plain("empty.example"),
        plain("starts.example", backend(a, standing="starting")),
        *(plain(f"{name}.pool.example", dead, backend(a), policy=name) for name in policies),
        route("tls.example", backend(a)),
        route("tls.example", backend(b), path="/both", settings=Settings(redirect_https=False)),
    ]


EXPECTED: dict[tuple[str, str], tuple[int, str, str]] = {
    ("a.example", "/"): (200, "a", "/"),
    ("A.Example:80", "/x?y=/p"): (200, "a", "/x?y=/p"),
    ("a.example.:80", "/"): (200, "a", "/"),
    ("a.example/p", "/"): (400, "", ""),
    ("a.example", "/x%2Fy"): (200, "a", "/x%2Fy"),
    ("a.example", "/p"): (200, "b", "/"),
    ("a.example", "/p/x?y=1"): (200, "b", "/x?y=1"),
    ("a.example", "/p/x%20y"): (200, "b", "/x%20y"),
    ("a.example", "/px"): (200, "a", "/px"),
    ("a.example", "/p/q/r"): (200, "a", "/p/q/r"),
    ("api.example", "/api/x"): (200, "a", "/x"),
    ("api.example", "/apis"): (200, "a", "/apis"),
    ("x.wild.example", "/"): (200, "a", "/"),
    ("w.wild.example", "/only/deep"): (200, "b", "/only/deep"),
    ("w.wild.example", "/"): (200, "a", "/"),
    ("x.y.wild.example", "/"): (404, "", ""),
    ("wild.example", "/"): (404, "", ""),
    ("empty.example", "/x"): (503, "", ""),
    ("starts.example", "/"): (503, "", ""),
    ("none.example", "/"): (404, "", ""),
    ("tls.example", "/x"): (308, "", ""),
    ("tls.example", "/both/x"): (200, "b", "/both/x"),
}


def check_everything(proxy: FileProxy, a: Echo) -> None:
    """Hold a proxy that has the routes of `everything` to them."""
    assert {asked: reached(proxy, *asked) for asked in EXPECTED} == EXPECTED
    assert forwarded(proxy) == {
        "a": "1, #2",
        "real-ip": "127.0.0.1",
        "forwarded-for": "127.0.0.1",
        "forwarded-proto": "http",
        "forwarded-host": "a.example:81",
    }
    assert proxy.get("api.example").said["headers"]["host"] == f"127.0.0.1:{a.port}"
    names = [reached(proxy, "three.example")[1] for _ in range(8)]
    assert sorted(names) == ["a"] * 6 + ["b"] * 2
    for name in ("round_robin", "least_conn", "random", "ip_hash", "first"):
        statuses = [proxy.get(f"{name}.pool.example", method="POST").status for _ in range(6)]
        assert statuses == [200] * 6, name
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    upgrade["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    assert proxy.get("sockets.example", headers=upgrade).said["headers"]["upgrade"] == "websocket"
    assert proxy.get("tls.example", "/x?y").headers["location"] == (
        f"https://tls.example:{proxy.tls_port}/x?y"
    )
    assert reached(proxy, "tls.example", "/x", tls=True) == (200, "a", "/x")
    assert reached(proxy, "tls.example", "/both", tls=True) == (200, "b", "/both")
    assert reached(proxy, "a.example", tls=True)[0] == 404


CLAIMED = {
    "X-Real-IP": "192.0.2.1",
    "X-Forwarded-For": "192.0.2.1",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "b.example",
}


def forwarded(proxy: FileProxy) -> dict[str, str]:
    """What a backend is told of the client, who claims to be another."""
    said = proxy.get("a.example:81", "/p", headers=CLAIMED).said["headers"]
    assert said["host"] == "a.example:81"
    return {name.removeprefix("x-"): text for name, text in said.items() if name.startswith("x-")}
