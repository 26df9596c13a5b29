"""Routes of containers on a real Engine: what befalls these, and what becomes of those."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from config.models import Revp
from tests.faults.watched import local
from tests.fleet.routed import Routed, routed, serving
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab

FOREVER = Revp(drain=600, recreate_grace=600)


@pytest.fixture(scope="module")
def shared(module_lab: Lab) -> Engine:
    return module_lab.engine("trixie")


@pytest.fixture
def engine(shared: Engine) -> Iterator[Engine]:
    yield shared
    shared.remove_containers()


async def blocking(call: Callable[..., Any], *words: Any, **named: Any) -> Any:
    """Run a call of the Docker SDK without holding up the fleet."""
    return await trio.to_thread.run_sync(lambda: call(*words, **named))


async def test_a_label_is_all_that_a_route_takes_and_its_container_decides(
    engine: Engine, tmp_path: Path
) -> None:
    sdk = engine.sdk().api
    async with routed(tmp_path, local("a", engine), revp=FOREVER) as fleet:
        await fleet.until(lambda: fleet.table.complete, "complete")
        assert fleet.table.routes == ()
        web = await blocking(engine.run_container, "web", serving("web.example.com"))
        await fleet.until(lambda: fleet.standing("web.example.com") == "up", "up")
        member = fleet.member("web.example.com")
        assert member is not None
        assert member.endpoint is not None
        assert member.endpoint.authority == "127.0.0.1:8080"
        await blocking(sdk.rename, web, "shop")
        await fleet.until(lambda: _name(fleet, "web.example.com") == "a/shop", "renamed")
        await blocking(sdk.pause, web)
        await fleet.until(lambda: fleet.standing("web.example.com") == "paused", "paused")
        await blocking(sdk.unpause, web)
        await fleet.until(lambda: fleet.standing("web.example.com") == "up", "going on")
        await blocking(sdk.kill, web)
        await fleet.until(lambda: fleet.standing("web.example.com") == "draining", "draining")
        route = fleet.route("web.example.com")
        assert route is not None
        assert route.pool == ()
        await blocking(sdk.start, web)
        await fleet.until(lambda: fleet.standing("web.example.com") == "up", "started again")
        told = [(change.kind, change.cause.event) for change in fleet.changes("web.example.com")]
        assert told[0][0] == "added"
        assert [event for kind, event in told if kind == "changed"] == [
            *("rename", "pause", "unpause", "die", "start")
        ]
        last = fleet.changes("web.example.com")[-1]
        assert (last.cause.container, last.cause.container_id) == ("shop", web)


def _name(fleet: Routed, domain: str) -> str:
    member = fleet.member(domain)
    return member.name if member else ""
