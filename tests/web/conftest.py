"""A served application on a real socket, and a client for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import trio

from tests.web.fleet_in_memory import FleetInMemory, make_stats
from tests.web.history_in_memory import HistoryInMemory
from tests.web.live_in_memory import LiveInMemory
from tests.web.logs_in_memory import LogsInMemory
from tests.web.routes_in_memory import RoutesInMemory
from tests.web.settings_in_memory import HoldingsInMemory, example_config
from web.app import Application, create_app
from web.parts import Serving, Shown
from web.server import Limits, serve

ID = "ab" * 32


@pytest.fixture
def fleet() -> FleetInMemory:
    fleet = FleetInMemory()
    fleet.add_host("one")
    fleet.add_host("two", "down")
    fleet.add_container("one", "web", id=ID, labels={"site": "fra", "empty": ""})
    fleet.add_container("one", "stats", id="cd" * 32, stats=make_stats())
    fleet.add_container("two", "web", id="abcd" + "0" * 60, state="exited")
    return fleet


@pytest.fixture
def history() -> HistoryInMemory:
    return HistoryInMemory()


@pytest.fixture
def logs() -> LogsInMemory:
    return LogsInMemory()


@pytest.fixture
def live() -> LiveInMemory:
    return LiveInMemory()


@pytest.fixture
def routes() -> RoutesInMemory:
    return RoutesInMemory()


@pytest.fixture
def holdings() -> HoldingsInMemory:
    return HoldingsInMemory()


@pytest.fixture
def app(
    fleet: FleetInMemory,
    history: HistoryInMemory,
    logs: LogsInMemory,
    routes: RoutesInMemory,
    live: LiveInMemory,
    holdings: HoldingsInMemory,
) -> Application:
    return create_app(
        Shown(
            fleet,
            history,
            logs,
            routing=routes,
            live=live,
            configured=example_config,
            holdings=holdings,
        ),
        serving=Serving(heartbeat=0.05, max_streams=2, settle=0.01),
    )


@pytest.fixture
async def address(app: Application, nursery: trio.Nursery) -> str:
    limits = Limits(grace=0.5, idle=1.0, write_timeout=0.5, connections=8)
    started: str = await nursery.start(lambda task_status: _serve(app, limits, task_status))
    return started


@pytest.fixture
async def client(address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=30) as client:
        yield client


async def _serve(app: Application, limits: Limits, task_status: trio.TaskStatus[str]) -> None:
    await serve(app, "127.0.0.1:0", limits=limits, task_status=task_status)
