"""`fleet routes preview` where no fleet is running, and how what it is told looks."""

import json
from pathlib import Path

import pytest

from fleet.cli.route_preview import project_of, with_project
from fleet.cli.route_preview_tables import is_bad, preview_lines
from labels.preview.compose import read_compose
from tests.cli.running import Fleet
from tests.cli.test_older_fleet import BASE, answering
from web.route_documents import MeetingDocument, PreviewDocument

COMPOSE = """\
services:
  web:
    labels:
      snadboy.revp.8080.domain: shop.example.com
      snadboy.revp.8080.wieght: 2
    ports: ["8081:8080"]
  db:
    image: postgres
"""
HOSTS = """\
[fleet]
listen = "127.0.0.1:1"
[revp]
https = false
[hosts.edge]
connection = "ssh"
address = "10.0.0.5"
"""
MORE = '[hosts.core]\nconnection = "ssh"\naddress = "10.0.0.6"\nroute_address = "10.9.9.9"\n'


def folder(tmp_path: Path, hosts: str, compose: str = COMPOSE) -> tuple[Fleet, str]:
    """A command with a configuration, and a Compose file in a folder called `Shop.1`."""
    (tmp_path / "hosts.toml").write_text(hosts)
    (tmp_path / "Shop.1").mkdir()
    file = tmp_path / "Shop.1" / "compose.yml"
    file.write_text(compose)
    return Fleet(tmp_path / "hosts.toml"), str(file)


def test_a_compose_file_is_previewed_on_the_only_host(tmp_path: Path) -> None:
    fleet, file = folder(tmp_path, HOSTS)
    done = fleet.run("routes", "preview", file)
    assert (done.returncode, done.stderr) == (0, "")
    head, row = (line.split() for line in done.stdout.splitlines()[:2])
    assert head[:6] == ["CONTAINER", "ROUTE", "ENDPOINT", "RESULT", "PORT", "HTTPS"]
    assert row[:6] == ["shop1-web-1", "shop.example.com", "10.0.0.5:8081", "served", "8080", "no"]
    assert "warning  edge/web  snadboy.revp.8080.wieght=2  [unknown-label]" in done.stdout
    assert "Did you mean snadboy.revp.8080.weight?" in done.stdout
    assert done.stdout.endswith(
        "on edge: 1 route, 1 warning, 1 service without such labels (no running fleet was asked)\n"
    )


def test_it_runs_where_it_is_said_to(tmp_path: Path) -> None:
    fleet, file = folder(tmp_path, HOSTS + MORE)
    assert "HOST:8081" in fleet.out("routes", "preview", file)
    assert "--host names it" in fleet.out("routes", "preview", file)
    found = json.loads(fleet.out("routes", "preview", file, "--host", "core", "--json"))
    (member,) = found["routes"][0]["members"]
    assert member["endpoint"] == {"address": "10.9.9.9", "port": 8081}
    assert "did you mean core?" in fleet.run("routes", "preview", file, "--host", "cor").stderr


def test_labels_alone_are_previewed(tmp_path: Path) -> None:
    fleet, _ = folder(tmp_path, HOSTS)
    label = "snadboy.revp.9000.domain=shop.example.com"
    assert "10.0.0.5:9000" in fleet.out("routes", "preview", "--label", label)
    bad = "snadboy.revp.9000.domain=shop_.exa mple"
    done = fleet.run("routes", "preview", "--label", bad)
    assert done.returncode == 1
    assert "[bad-domain]" in done.stdout


def test_neither_configuration_nor_engine_is_needed(tmp_path: Path) -> None:
    fleet, file = folder(tmp_path, HOSTS)
    fleet.config.unlink()
    environment = {"FLEET_CONFIG": "", "HOME": str(tmp_path), "DOCKER_HOST": "unix:///none"}
    done = fleet.run("routes", "preview", file, environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "HOST:8081" in done.stdout


def test_a_file_comes_through_a_pipe(tmp_path: Path) -> None:
    fleet, _ = folder(tmp_path, HOSTS)
    done = fleet.spawn("routes", "preview", "-", stdin=f"name: piped\n{COMPOSE}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "piped-web-1" in done.stdout


def test_the_file_of_this_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet, file = folder(tmp_path, HOSTS)
    monkeypatch.chdir(tmp_path)
    assert "there is no compose.yaml in this folder" in fleet.run("routes", "preview").stderr
    monkeypatch.chdir(Path(file).parent)
    assert "shop1-web-1" in fleet.out("routes", "preview")


@pytest.mark.parametrize(
    ("compose", "told"),
    [
        ("services: [}", "the Compose file cannot be read: line 1, column 12: "),
        ("version: 3", "the Compose file cannot be read: there is nothing called `services` in it"),
    ],
)
def test_what_is_no_compose_file_is_told_of(compose: str, told: str, tmp_path: Path) -> None:
    fleet, file = folder(tmp_path, HOSTS, compose)
    done = fleet.run("routes", "preview", file)
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr
    assert "docker compose config" in done.stderr


def test_an_older_fleet_does_not_stand_in_the_way(tmp_path: Path) -> None:
    fleet, file = folder(tmp_path, HOSTS)
    away = tmp_path / "older"
    away.mkdir()
    with answering(BASE, "unknown-path", 404, away) as older:
        done = older.run("routes", "preview", file)
    assert done.returncode == 0
    assert "HOST:8081" in done.stdout
    assert "who is served now is not known: the running fleet has no /api/revp" in done.stderr
    assert fleet.config.exists()


def test_a_project_is_called_as_compose_calls_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COMPOSE_PROJECT_NAME", raising=False)
    assert project_of(tmp_path / "_My Shop.2" / "compose.yml") == "myshop2"
    monkeypatch.chdir(tmp_path)
    assert project_of(Path("-")) == project_of(tmp_path / "compose.yml")
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "Other")
    assert project_of(tmp_path / "x" / "compose.yml") == "other"


@pytest.mark.parametrize(
    "text",
    [COMPOSE, COMPOSE + "# the end", "x-note: |\n  text\n\n  more\nservices:\n  a: {image: b}"],
)
def test_a_file_gets_the_name_of_its_project_behind_all_lines(text: str) -> None:
    named = with_project(text, "shop")
    assert read_compose(named).project == "shop"
    assert named.splitlines()[: len(text.splitlines())] == text.splitlines()
    assert with_project(named, "other") == named


@pytest.mark.parametrize("text", ["services: [", '{"services": {}}', "services: {}\n...\n"])
def test_a_file_to_which_nothing_can_be_added_stays(text: str) -> None:
    assert with_project(text, "shop") == text
    assert with_project(COMPOSE, "") == COMPOSE


@pytest.mark.parametrize(
    ("outcome", "told", "bad"),
    [
        ("replaces", "live: a.example/x has edge/web now, replaced", False),
        ("joins", "live: a.example/x has edge/web now, which is joined", False),
        ("wins", "live: a.example/x would be taken from edge/web (runs for longest)", True),
        ("loses", "live: a.example/x would be lost to edge/web (runs for longest)", True),
    ],
)
def test_where_it_meets_what_is_live(outcome: str, told: str, bad: bool) -> None:
    meeting = MeetingDocument(
        domain="a.example",
        path="/x",
        outcome=outcome,
        members=("edge/web",),
        differs=("redirect_https",) if bad else (),
        rule="runs for longest" if bad else "",
    )
    found = PreviewDocument(
        host="edge",
        revision=3,
        services=(),
        routes=(),
        conflicts=(),
        live=(meeting,),
        issues=(),
    )
    first, last = (cell.text for cell in preview_lines(found, "http://127.0.0.1:8080"))
    assert first == told + (", with other redirect-https" if bad else "")
    assert last == "on edge: no route (the running fleet at http://127.0.0.1:8080 told)"
    assert is_bad(found) == bad
