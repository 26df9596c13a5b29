"""`fleet serve` with TLS and two workers over what is published: it does what its document says."""

from __future__ import annotations

import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.fleet.apart import PATIENCE, Process
from tests.fleet.routed import serving
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab
from tests.lab.ports import free_port
from tests.lab.tls import Authority
from tests.lab.waiting import wait_until
from tests.web.conformance import conform

SETTINGS = """\
[fleet]
data_dir = "{folder}/data"
tls_cert_file = "{folder}/cert.pem"
tls_key_file = "{folder}/key.pem"
[access]
wrong_credentials = 0
[storage]
url = "{database}"
[cache]
images = 0
[defaults.monitoring]
stats_interval = 0.5
[hosts.edge-1]
connection = "local"
socket = "{socket}"
labels = {{ site = "fra" }}
"""
NAME, PASSWORD = "grace", "correct horse battery"  # not who the examples of accounts act on
DRIFT = "/api/revp/drift"  # no proxy runs here, which is a 502
HISTORY = "/api/containers/edge-1/web/stats/history?last=10m"
RELOAD = "/api/config/reload"  # there is none here, which is a 503


class Secure(Process):
    """`fleet serve` over https, with two workers."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.authority = Authority(config.parent / "one")
        self._put(self.authority)
        listen = f"127.0.0.1:{free_port()}"
        self.url = f"https://{listen}"
        super().__init__(config, "serve", "--listen", listen)

    def renew(self, authority: Authority) -> None:
        """Have a certificate of another authority."""
        self._put(authority)
        self.authority = authority
        self.process.send_signal(signal.SIGHUP)

    def has_refused(self) -> bool:
        """Whether it said that it keeps the certificate that it has."""
        assert self.process.poll() is None, self.log.read_text()
        return "the certificate was refused, all runs on as it was" in self.log.read_text()

    def client(self) -> httpx.Client:
        """One connection, to one of the workers."""
        trusted = ssl.create_default_context(cafile=self.authority.ca)
        headers = {"origin": self.url}
        return httpx.Client(base_url=self.url, verify=trusted, timeout=60, headers=headers)

    def until(self, path: str, key: str) -> None:
        """Wait until both workers answer with something there, each time over a new connection."""
        right: set[str] = set()

        def told() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            try:
                with self.client() as client:
                    answer = client.get(path, headers={"cache-control": "no-cache"})
            except httpx.TransportError:
                return False
            if answer.status_code == 200 and answer.json()[key]:
                right.add(answer.headers["x-fleet-worker"])
            return len(right) == 2

        wait_until(told, f"{key} of {path}", PATIENCE)

    @contextmanager
    def other(self, worker: str) -> Iterator[httpx.Client]:
        """A connection to another worker than this one."""
        with ExitStack() as stack:

            def found() -> httpx.Client | None:
                client = stack.enter_context(self.client())
                asked = client.get("/health").headers["x-fleet-worker"]
                return client if asked != worker else None

            client = wait_until(found, "the other worker", PATIENCE)
            assert client is not None
            yield client

    def _put(self, authority: Authority) -> None:
        pair = authority.server("127.0.0.1")
        shutil.copy(pair.cert, self.config.parent / "cert.pem")
        shutil.copy(pair.key, self.config.parent / "key.pem")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="fleet-", dir="/tmp"))
    yield made
    for log in made.glob("*.log"):
        print(f"{log.name}:\n{log.read_text()[-6000:]}")
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def served(module_lab: Lab, engine_2010: Engine, folder: Path) -> Iterator[Secure]:
    config = folder / "hosts.toml"
    database = module_lab.postgres("plain").url
    config.write_text(SETTINGS.format(folder=folder, database=database, socket=engine_2010.socket))
    made = engine_2010.run_container("web", serving("shop.example.com"))
    try:
        with Process(config, "supervise"), Secure(config) as fleet:
            fleet.until("/api/containers", "containers")
            fleet.until(HISTORY, "points")
            yield fleet
    finally:
        engine_2010.docker("rm", "--force", made)


@pytest.fixture(scope="module")
def browser(served: Secure) -> Iterator[httpx.Client]:
    """An admin, logged in at one of the workers."""
    words = ("user", "add", NAME, "--role", "admin", "--password-file", "-")
    command = [sys.executable, "-m", "fleet", *words, "--config", str(served.config)]
    subprocess.run(command, input=PASSWORD, text=True, check=True, timeout=PATIENCE)
    with served.client() as client:
        inside = client.post("/api/session", json={"name": NAME, "password": PASSWORD})
        assert inside.status_code == 201, inside.text
        client.headers["x-csrf-token"] = inside.json()["csrf"]
        yield client


@pytest.fixture(scope="module")
def token(browser: httpx.Client) -> str:
    """An admin's."""
    made = browser.post("/api/tokens", json={"name": "conformance", "role": "admin"})
    return str(made.json()["token"])


async def test_it_does_what_its_document_says(served: Secure, token: str, folder: Path) -> None:
    words = ["--max-examples", "1", "--exclude-path", RELOAD, "--exclude-path", DRIFT]
    words += ["--header", f"Authorization: Bearer {token}"]
    authority = served.authority.ca
    code, said = await conform(served.url, folder, "examples,fuzzing", *words, authority=authority)
    assert code == 0, said
    assert "failed" not in said


def test_who_logs_in_at_one_worker_is_known_at_the_other(
    served: Secure, browser: httpx.Client
) -> None:
    here = browser.get("/api/session")
    with served.other(here.headers["x-fleet-worker"]) as other:
        other.headers, other.cookies = browser.headers, browser.cookies
        assert other.get("/api/session").json()["name"] == here.json()["name"] == NAME
        assert other.delete("/api/session").status_code == 204
    wait_until(
        lambda: browser.get("/api/session").json()["kind"] == "anonymous", "it ended", PATIENCE
    )


def test_another_certificate_is_served_after_a_signal(served: Secure, folder: Path) -> None:
    right = (folder / "key.pem").read_bytes()
    (folder / "key.pem").write_text("rubbish")
    served.process.send_signal(signal.SIGHUP)
    wait_until(served.has_refused, "it is refused", PATIENCE)
    served.until("/api/containers", "containers")  # by those who have the old one
    (folder / "key.pem").write_bytes(right)
    served.renew(Authority(folder / "two"))
    served.until("/api/containers", "containers")
