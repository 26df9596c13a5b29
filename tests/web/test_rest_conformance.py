from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.conformance import Brief, conform
from tests.web.fleet_in_memory import FleetInMemory, make_stats
from tests.web.history_in_memory import HistoryInMemory
from tests.web.routes_in_memory import RoutesInMemory
from web.app import Application

# One of each kind: the coverage of all would take minutes.
KINDS = r"^/api/(containers|events|tokens|metrics/containers/history)$"
LOGINS = "/api/session"  # no accounts are kept here, which is a 503
DRIFT = "/api/revp/drift"  # no proxy runs here, which is a 502


@pytest.fixture
def app(app: Application, fleet: FleetInMemory, routes: RoutesInMemory) -> Application:
    """With what the examples of the document name."""
    fleet.add_host("edge-1")
    fleet.add_container("edge-1", "web", labels={"site": "fra"}, stats=make_stats())
    fleet.add_image("edge-1", "1", "redis:7")
    fleet.emit(host="edge-1")
    routes.add_host("edge-1")
    routes.put("edge-1", "web", "shop.example.com")
    return Brief(app)


async def test_the_api_does_what_its_document_says(
    address: str, tmp_path: Path, history: HistoryInMemory
) -> None:
    words = ("--max-examples", "1", "--exclude-path", LOGINS, "--exclude-path", DRIFT)
    url = f"http://{address}"
    code, said = await conform(url, tmp_path, "examples,fuzzing", *words, as_documented=True)
    assert code == 0, said
    assert "failed" not in said
    assert "edge-1" in {host for host, *_ in history.asked}  # it came as far as the database


async def test_the_api_refuses_what_its_document_forbids(address: str, tmp_path: Path) -> None:
    words = ("--mode", "negative", "--include-path-regex", KINDS)
    code, said = await conform(f"http://{address}", tmp_path, "coverage", *words)
    assert code == 0, said
