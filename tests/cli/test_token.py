"""Tokens of a fleet that runs off loopback: made, used, bound to hosts, revoked, and audited."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.running import Fleet
from tests.lab.fixtures import Lab
from tests.lab.ports import free_port
from tests.lab.waiting import wait_until
from tests.storage.servers import Server

HOSTS = """
[hosts.berlin-1]
connection = "local"
socket = "/nowhere/berlin.sock"
labels = { site = "berlin" }

[hosts.rome-1]
connection = "local"
socket = "/nowhere/rome.sock"
labels = { site = "rome" }
"""


class Api:
    """Asks with a token."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def ask(
        self, path: str, token: str = "", method: str = "GET", body: object = None
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.request(method, self.url + path, headers=headers, json=body, timeout=60)

    def is_up(self) -> bool:
        try:
            return self.ask("/health").status_code == 200
        except httpx.TransportError:
            return False

    def until(self, status: int, path: str, token: str) -> None:
        wait_until(lambda: self.ask(path, token).status_code == status, f"{path} is {status}", 60)


@pytest.fixture
def conninfo(session_lab: Lab) -> str:
    return Server("plain", session_lab.postgres("plain").url).emptied()


@pytest.fixture
def fleet(tmp_path: Path, conninfo: str) -> Iterator[tuple[Fleet, Api]]:
    port = free_port()
    path = tmp_path / "hosts.toml"
    path.write_text(
        f'[fleet]\nlisten = "0.0.0.0:{port}"\ndata_dir = "{tmp_path / "data"}"\n'
        f'[storage]\nurl = "{conninfo}"\n{HOSTS}'
    )
    fleet, api = Fleet(path), Api(port)
    with fleet.start("up") as running:
        try:
            wait_until(lambda: running.poll() is not None or api.is_up(), "fleet is up", 120)
            assert running.poll() is None, running.communicate()
            yield fleet, api
        finally:
            running.terminate()
            running.communicate(timeout=60)


def test_tokens_of_a_running_fleet(fleet: tuple[Fleet, Api]) -> None:
    command, api = fleet
    assert api.ask("/api/hosts").status_code == 401

    def made(*words: str) -> str:
        done = command.run("token", "create", *words)
        assert done.returncode == 0, done.stderr
        (line,) = done.stdout.splitlines()
        assert line not in done.stderr
        return line

    def names(token: str) -> list[str]:
        answer = api.ask("/api/hosts", token)
        assert answer.status_code == 200, answer.text
        return [host["name"] for host in answer.json()["hosts"]]

    viewer = made("viewer")
    assert names(viewer) == ["berlin-1", "rome-1"]
    assert names(made("berlin", "--label", "site=berlin")) == ["berlin-1"]
    status = command.run("status", "--json", environment={"FLEET_TOKEN": viewer})
    assert json.loads(status.stdout)["source"] == "fleet", status.stderr
    _reloads(command, api, viewer, made("deploy", "--role", "operator", "--expires", "1d"))
    admin = made("root", "--role", "admin")
    _ends(api, admin)

    assert command.run("token", "create", "viewer").returncode == 1
    assert command.out("token", "revoke", "viewer") == ""
    api.until(401, "/api/hosts", viewer)
    assert command.run("token", "revoke", "viewer").returncode == 1
    listed = command.out("token", "list").splitlines()
    assert [line.split()[0] for line in listed] == ["NAME", "berlin", "deploy", "root"]
    assert "revoked" in command.out("token", "list", "--all")
    _is_audited(command, api, admin, viewer)


def _reloads(command: Fleet, api: Api, viewer: str, operator: str) -> None:
    def reload(token: str) -> tuple[int, Any]:
        answer = api.ask("/api/config/reload", token, "POST")
        return answer.status_code, answer.json()

    assert reload(viewer)[0] == 403
    status, told = reload(operator)
    assert (status, told["started"], told["config"]["error"]) == (200, [], None)
    good = command.config.read_text()
    command.config.write_text(good + "[hosts.broken]\n")
    status, told = reload(operator)
    assert (status, told["type"]) == (409, "urn:fleet:problem:config-refused")
    assert "hosts.broken" in told["detail"]
    command.config.write_text(good)
    assert reload(operator)[0] == 200


def _ends(api: Api, admin: str) -> None:
    """A token of the API, and the live stream that ends with it."""
    wanted = {"name": "by hand", "labels": ["site=rome"], "expires": "1h"}
    made = api.ask("/api/tokens", admin, "POST", wanted)
    assert (made.status_code, made.json()["labels"]) == (201, ["site=rome"])
    assert api.ask("/api/tokens", admin, "POST", wanted).status_code == 409
    assert api.ask("/api/tokens", admin, "POST", {"name": "x", "expires": "1"}).status_code == 400
    token = made.json()["token"]
    headers = {"authorization": f"Bearer {token}"}
    with httpx.stream("GET", api.url + "/api/stream/hosts", headers=headers, timeout=60) as stream:
        lines = stream.iter_lines()
        assert any("rome-1" in line for line in lines)
        revoked = api.ask("/api/tokens/by%20hand", admin, "DELETE")
        assert revoked.json()["revoked_by"]
        assert not any("berlin" in line for line in lines)  # until its end
    assert api.ask("/api/tokens/by%20hand", admin, "DELETE").status_code == 404
    assert token not in api.ask("/api/tokens", admin).text


def _is_audited(command: Fleet, api: Api, admin: str, viewer: str) -> None:
    def kinds(found: list[dict[str, Any]]) -> set[str]:
        return {entry["kind"] for entry in found}

    wanted = {"token-created", "token-revoked", "token-used"}

    def by_api() -> Any:
        return api.ask("/api/audit?limit=1000", admin).json()["entries"]

    wait_until(lambda: wanted <= kinds(by_api()), "the audit is written", 60)
    by_command = json.loads(command.out("audit", "--limit", "1000", "--json"))
    assert kinds(by_command["entries"]) >= wanted
    mistaken = api.ask("/api/audit?kind=tokn-refused", admin)
    assert (mistaken.status_code, mistaken.json()["suggestions"][0]) == (400, "token-refused")
    assert command.run("audit", "--kind", "nosuch").returncode == 2
    only = json.loads(command.out("audit", "--kind", "token-revoked", "--json"))["entries"]
    assert sorted(entry["detail"].partition(" (")[0] for entry in only) == ["by hand", "viewer"]
    assert viewer not in json.dumps(by_command)
    assert "token-created" in command.out("audit")
