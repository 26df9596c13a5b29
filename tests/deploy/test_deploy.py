"""What `deploy/` and the Dockerfile say, judged by the programs that will read it."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fleet.cli.root import COMMANDS
from tests.cli.running import Fleet
from tests.lab.fixtures import skip_or_fail

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = ("fleet.service", "fleet-supervise.service", "fleet-serve@.service")
PROGRAM = "/opt/fleet/bin/fleet"
WORST_EXPOSURE = 2.0  # of 10; `systemd-analyze security` says what costs how much


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    if shutil.which(str(words[0])) is None:
        skip_or_fail(f"{words[0]} is not on this machine")
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units as they would be installed, but for where the program is."""
    made = []
    for name in UNITS:
        file = tmp_path / name.replace("@.", "@8080.")
        ours = Path(sys.executable).parent / "fleet"
        file.write_text((DEPLOY / name).read_text().replace(PROGRAM, str(ours)))
        made.append(file)
    return made


def test_systemd_takes_the_units(units: list[Path]) -> None:
    done = run("systemd-analyze", "verify", *units)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_units_are_hardened(units: list[Path]) -> None:
    for unit in units:
        done = run("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
        found = re.search(r"Overall exposure level for .*: ([0-9.]+)", done.stdout)
        assert found is not None, done.stderr
        assert float(found[1]) <= WORST_EXPOSURE, unit.name


@pytest.mark.parametrize("name", UNITS)
def test_the_units_call_commands_that_there_are(name: str) -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", (DEPLOY / name).read_text(), re.MULTILINE)
    program, command, *words = shlex.split(line)
    assert program == PROGRAM
    _takes(command, words)


def _takes(command: str, words: list[str]) -> None:
    """Whether fleet has the command, with these options."""
    assert command in COMMANDS
    said = Fleet(ROOT / "none.toml").out(command, "--help")
    assert all(word in said for word in words if word.startswith("--")), words


@pytest.fixture
def compose(tmp_path: Path) -> Path:
    folder = tmp_path / "deploy"
    shutil.copytree(DEPLOY, folder)
    (folder / "secrets").mkdir()
    (folder / "secrets" / "database_password").write_text("x")
    (folder / "hosts.toml").touch()
    return folder / "compose.yaml"


def test_compose_takes_its_file(compose: Path) -> None:
    words = ("--profile", "apart", "--profile", "cache", "config")
    done = run("docker-compose", "-f", compose, *words)
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert set(services) == {"fleet", "supervise", "serve", "database", "cache"}
    for name in ("fleet", "supervise", "serve"):
        service = services[name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert all(":ro" in str(v) or "state:" in str(v) for v in service["volumes"]), name
        assert {str(port).rpartition(":")[0] for port in service.get("ports", ())} <= {
            "127.0.0.1:8080",
            "127.0.0.1:8081",
        }
        if "command" in service:
            command, *options = service["command"]
            _takes(command, options)


def test_our_own_preview_reads_it(compose: Path) -> None:
    hosts = compose.parent / "hosts.toml"
    hosts.write_text('[fleet]\nlisten = "127.0.0.1:1"\n[hosts.a]\nconnection = "local"\n')
    done = Fleet(hosts).run("routes", "preview", str(compose))
    assert done.returncode == 0, done.stderr
    assert "5 services without such labels" in done.stdout


def instructions() -> list[tuple[str, str]]:
    text = (DEPLOY / "Dockerfile").read_text()
    joined = re.sub(r"\\\n", "", "\n".join(x for x in text.split("\n") if not x.startswith("#")))
    return [(line.split()[0], line.partition(" ")[2]) for line in joined.split("\n") if line]


def test_the_image_runs_as_nobody_who_may_and_by_hashes() -> None:
    said = instructions()
    last = len(said) - 1 - [word for word, _ in reversed(said)].index("FROM")
    final = dict(said[last:])
    assert final["USER"] == "10001:10001"
    assert "FLEET_HEALTH" in final["HEALTHCHECK"]
    for word in ("ENTRYPOINT", "CMD"):
        assert isinstance(json.loads(final[word]), list)  # in a shell signals would be lost
    command, *options = json.loads(final["CMD"])
    _takes(command, options)
    installs = [text for word, text in said if word == "RUN" and "pip install" in text]
    assert all("--require-hashes" in text for text in installs[:-1])
    assert "--no-deps" in installs[-1]
    for text in (text for word, text in said if word == "RUN"):
        done = run("sh", "-n", "-c", text)
        assert (done.returncode, done.stderr) == (0, ""), text


def test_what_the_image_copies_is_let_in() -> None:
    """The context holds all that is installed, and neither secrets nor what tests leave behind."""
    let_in = [
        line.removeprefix("!").strip("/")
        for line in (ROOT / ".dockerignore").read_text().split("\n")
        if line.startswith("!")
    ]
    assert (ROOT / ".dockerignore").read_text().split("\n")[1] == "*"
    assert all((ROOT / name).exists() for name in let_in)
    tops = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    assert tops <= set(let_in)
    assert {"pyproject.toml", "README.md", "LICENSE", "requirements/container.txt"} <= set(let_in)


def test_what_is_installed_has_the_pages(tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(ROOT / "setup.py"),
        "-q",
        "build_py",
        "--build-lib",
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = tmp_path / "web" / "pages"
    manifest = json.loads((pages / "static" / "manifest.json").read_text())
    assert all((pages / "static" / f"{name}.br").exists() for name in manifest["files"].values())
    for templates in ("templates", "static"):
        there = {path.name for path in (ROOT / "web/pages" / templates).rglob("*.*")}
        assert there == {path.name for path in (pages / templates).rglob("*.*")}


def test_the_images_dependencies_are_the_tested_ones() -> None:
    pins = {
        name: set(re.findall(r"^\S+==\S+", (ROOT / "requirements" / name).read_text(), re.M))
        for name in ("runtime.txt", "container.txt", "dev.txt")
    }
    assert pins["runtime.txt"] < pins["container.txt"] < pins["dev.txt"]
    assert any(pin.startswith("opentelemetry-sdk==") for pin in pins["container.txt"])
