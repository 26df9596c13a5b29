"""Accounts of a fleet that runs off loopback with its own database: the first one, and others."""

import json
import re
import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.running import Fleet
from tests.lab.ports import free_port
from tests.lab.runs import new_part
from tests.lab.waiting import wait_until

CTRL_C = b"\x03"
LINK = re.compile(r"(http://127\.0\.0\.1:\d+)/welcome#([\w-]{43})")
PASSWORD = "correct horse battery"
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # no https here: no authorities are read


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    folder = new_part("f")  # pytest's own cannot be entered by the embedded server's account
    path = tmp_path / "hosts.toml"
    path.write_text(
        f'[fleet]\nlisten = "0.0.0.0:{free_port()}"\ndata_dir = "{folder / "data"}"\n'
        '[hosts.local]\nconnection = "local"\nenabled = false\n'
    )
    yield Fleet(path)
    shutil.rmtree(folder)


class Browser(httpx.Client):
    def __init__(self, url: str) -> None:
        super().__init__(base_url=url, headers={"origin": url}, timeout=60, verify=PLAIN)

    def log_in(self, name: str, password: str) -> int:
        return self.post("/login", data={"name": name, "password": password}).status_code

    def role(self) -> str:
        answer = self.get("/api/session")
        return str(answer.json()["role"]) if answer.status_code == 200 else ""


def test_the_first_account_and_others_beside_a_running_fleet(fleet: Fleet) -> None:
    seen: list[str] = []

    def until(written: str) -> bool:
        if (link := LINK.search(written)) is None:
            return False
        if not seen:
            seen.append(link[2])
            _uses(fleet, link[1], link[2])
        return True

    code, written = fleet.terminal("up", until=until, keys=CTRL_C, deadline=300)
    assert code == 0, written
    assert seen
    listed = json.loads(fleet.out("user", "list", "--json"))["users"]  # without a fleet, too
    assert [(one["name"], one["role"]) for one in listed] == [("ada", "admin"), ("root", "admin")]
    _, log = fleet.terminal("audit", deadline=60)
    assert seen[0] not in log
    assert PASSWORD not in log


def _uses(fleet: Fleet, url: str, code: str) -> None:
    with Browser(url) as first, Browser(url) as browser:
        form = {"code": code, "name": "root", "password": PASSWORD, "again": PASSWORD}
        assert first.post("/welcome", data=form).status_code == 303
        assert first.role() == "admin"
        assert fleet.run("user", "link").returncode == 1  # there is one

        password = fleet.config.with_name("password")
        password.write_text("short\n")
        words = ("user", "add", "Ada", "--password-file", str(password))
        assert fleet.run(*words).returncode == 1
        password.write_text(f"{PASSWORD}\n")
        assert fleet.run(*words).returncode == 0
        assert fleet.run(*words).returncode == 1
        assert browser.log_in("ada", PASSWORD) == 303
        assert browser.role() == "viewer"
        fleet.out("user", "role", "ada", "admin")
        wait_until(lambda: browser.role() == "admin", "the role follows", 60)
        fleet.out("user", "disable", "ADA")
        wait_until(lambda: not browser.role(), "the session ends", 60)
        assert browser.log_in("ada", PASSWORD) == 401
        fleet.out("user", "enable", "ada")
        shown = fleet.run("user", "link", "ada")
        assert "public_url" in shown.stderr  # it listens everywhere
        link = LINK.search(shown.stdout)
        assert link is not None
        form = {"code": link[2], "password": PASSWORD + "!", "again": PASSWORD + "!"}
        assert browser.post("/welcome", data=form).status_code == 303
        assert browser.role() == "admin"
        fleet.out("user", "logout", "ada")
        wait_until(lambda: not browser.role(), "the session ends", 60)
        done = fleet.run("user", "add", "gone", "--label", "site=fra", "--link")
        assert (done.returncode, "no host that is configured has site=fra" in done.stderr) == (
            0,
            True,
        )
        assert "site=fra" in fleet.out("user", "list")
        assert "there is nobody to ask" in fleet.run("user", "remove", "gone").stderr
        fleet.out("user", "remove", "gone", "--yes")
        for unknown in (["remove", "gone"], ["passwd", "gone"], ["role", "gone", "viewer"]):
            assert fleet.run("user", *unknown).returncode == 1
        assert fleet.run("user", "role", "ada", "operator", "--label", "a=b").returncode == 1
        fleet.out("user", "disable", "root")
        for last in (["role", "ada", "viewer"], ["disable", "ada"], ["remove", "ada"]):
            assert "ada is the last admin" in fleet.run("user", *last).stderr
        fleet.out("user", "enable", "root")
