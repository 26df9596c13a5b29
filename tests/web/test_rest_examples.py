"""Every example of docs/api.md is run, and does what the page says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
import trio

from tests.web.conformance import Brief
from tests.web.fleet_in_memory import FleetInMemory, make_stats
from tests.web.history_in_memory import HistoryInMemory
from tests.web.routes_in_memory import RoutesInMemory
from web.app import Application
from web.problem_documents import ProblemDocument
from web.rest.listings import CONTAINERS, HOSTS, IMAGES

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
COMMANDS = [
    command
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for command in block.replace("\\\n", " ").splitlines()
]
PROBLEMS = [
    block
    for block in re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    if "urn:fleet:problem" in block
]
COMPOSE = "services: {web: {image: app, labels: {snadboy.revp.domain: a.example.com}}}"


@pytest.fixture
def app(app: Application) -> Application:
    """Its streams end, as the commands do then."""
    return Brief(app)


@pytest.fixture
def filled(fleet: FleetInMemory, routes: RoutesInMemory, history: HistoryInMemory) -> None:
    """What the examples name is there."""
    host = fleet.add_host("edge-1")
    fleet.known_hosts["edge-1"] = msgspec.structs.replace(host, labels={"site": "fra"})
    for name in ("web", "db"):
        fleet.add_container("edge-1", name, labels={"site": "fra"}, stats=make_stats())
    routes.add_host("edge-1", site="fra")
    routes.put("edge-1", "web", "shop.example.com")
    assert not history.away


def test_there_are_examples() -> None:
    assert len(COMMANDS) >= 10
    assert PROBLEMS


@pytest.mark.usefixtures("filled")
async def test_every_command_of_the_page_is_answered(address: str, tmp_path: Path) -> None:
    await trio.Path(tmp_path / "compose.yml").write_text(COMPOSE)
    for command in COMMANDS:
        program, *words = shlex.split(command.replace("127.0.0.1:8080", address))
        assert program == "curl"
        with trio.fail_after(60):
            done = await trio.run_process(
                ["curl", "--silent", "--show-error", "--fail-with-body", *words],
                capture_stdout=True,
                capture_stderr=True,
                check=False,
                cwd=tmp_path,
            )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        if "/api/stream/" in command:
            assert done.stdout.startswith(b"retry: "), command
            continue
        answer = msgspec.json.decode(done.stdout)
        assert not answer.get("missing"), command
        asked = urlsplit(next(word for word in words if word.startswith("http")))
        if asked.path == "/api/containers":
            assert answer["containers"], command


@pytest.mark.usefixtures("filled")
async def test_every_problem_of_the_page_is_answered_so(client: httpx.AsyncClient) -> None:
    for block in PROBLEMS:
        told = msgspec.json.decode(block, type=ProblemDocument, strict=True)
        answer = msgspec.json.decode(
            (await client.get(told.instance)).content, type=ProblemDocument
        )
        assert msgspec.structs.replace(answer, request_id=told.request_id) == told


async def test_the_page_names_every_path(client: httpx.AsyncClient) -> None:
    named = " ".join(re.findall(r"`([^`\n]+)`", PAGE))
    for path in (await client.get("/api/openapi.json")).json()["paths"]:
        tail = path.removeprefix("/api/revp/").removeprefix("/api/stream/").rpartition("}/")[2]
        assert tail in named, path


def test_the_page_names_every_word_to_sort_by() -> None:
    for name, listing in (("Containers", CONTAINERS), ("Hosts", HOSTS), ("Images", IMAGES)):
        told = re.search(rf"{name}: ((?:`\w+`,?\s*)+)", PAGE)
        assert told is not None
        assert re.findall(r"`(\w+)`", told[1]) == list(listing.keys)
