"""Routes of containers on a real Engine: what befalls these, and what becomes of those."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from config.models import Revp, Route
from fleet.revp.present import counts_of
from tests.faults.watched import local, patient
from tests.fleet.routed import routed, serving
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab

PATIENT = Revp(drain=600, recreate_grace=600)
DOMAINS = tuple(f"{name}.example.com" for name in "abcd")


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
    # Seldom listed: each change is learned from an event, and so has its cause.
    async with routed(tmp_path, patient(local("a", engine)), revp=PATIENT) as fleet:
        await fleet.until(lambda: fleet.table.complete, "complete")
        assert fleet.table.routes == ()
        web = await blocking(engine.run_container, "web", serving("web.example.com"))
        await fleet.until_stands("web.example.com", "up")
        assert fleet.address("web.example.com") == "127.0.0.1:8080"
        await blocking(sdk.rename, web, "shop")
        await fleet.until(lambda: fleet.name("web.example.com") == "a/shop", "renamed")
        await blocking(sdk.pause, web)
        await fleet.until_stands("web.example.com", "paused")
        await blocking(sdk.unpause, web)
        await fleet.until_stands("web.example.com", "up")
        await blocking(sdk.kill, web)
        await fleet.until_stands("web.example.com", "draining")
        assert fleet.pool("web.example.com") == ()
        await blocking(sdk.start, web)
        await fleet.until_stands("web.example.com", "up")
        first, *others = fleet.changes("web.example.com")
        assert first.kind == "added"
        assert [change.cause.event for change in others] == [
            *("rename", "pause", "unpause", "die", "start")
        ]
        assert (others[-1].cause.container, others[-1].cause.container_id) == ("shop", web)
        assert fleet.offered == [first, *others]


async def test_who_is_sick_is_out_of_the_pool(engine: Engine, tmp_path: Path) -> None:
    spec = serving("sick.example.com", health="test ! -e /tmp/sick")
    async with routed(tmp_path, patient(local("a", engine)), revp=PATIENT) as fleet:
        name = await blocking(engine.run_container, "sick", spec)
        await fleet.until_stands("sick.example.com", "up")
        await blocking(engine.docker, "exec", name, "touch", "/tmp/sick")
        await fleet.until_stands("sick.example.com", "unhealthy")
        assert fleet.pool("sick.example.com") == ()
        assert fleet.changes("sick.example.com")[-1].cause.event == "health_status: unhealthy"


async def test_a_recreated_container_takes_its_place_back(engine: Engine, tmp_path: Path) -> None:
    labels = {
        "snadboy.revp.8080.domain": "shop.example.com",
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": "web",
    }
    spec = serving(labels=labels)
    async with routed(tmp_path, patient(local("a", engine)), revp=PATIENT) as fleet:
        await blocking(engine.run_container, "shop-web-1", spec)
        await fleet.until_stands("shop.example.com", "up")
        await blocking(engine.docker, "rm", "--force", "shop-web-1")
        await fleet.until_stands("shop.example.com", "draining")
        new = await blocking(engine.run_container, "shop-web-1", spec)
        await fleet.until_stands("shop.example.com", "up")
        member = fleet.member("shop.example.com")
        assert member is not None
        assert member.container_id == new
        kinds = [change.kind for change in fleet.changes("shop.example.com")]
        assert kinds[0] == "added"
        assert set(kinds[1:]) == {"changed"}


async def test_routes_outlive_their_engine_fleet_and_a_loss_of_all(
    lab: Lab, tmp_path: Path
) -> None:
    engine = lab.engine("trixie")
    host = local("a", engine)
    for domain in DOMAINS:
        engine.run_container(domain, serving(domain))
    impatient = Revp(drain=0, recreate_grace=0)
    async with routed(tmp_path, host, revp=impatient) as fleet:
        await fleet.until(lambda: fleet.standings() == dict.fromkeys(DOMAINS, "up"), "all up")
        await blocking(engine.kill)
        await fleet.until(lambda: fleet.standings() == dict.fromkeys(DOMAINS, "stale"), "stale")
        assert {fleet.address(domain) for domain in DOMAINS} == {"127.0.0.1:8080"}
        seen = fleet.table
    async with routed(tmp_path, host, revp=impatient) as fleet:
        assert fleet.table.complete
        assert fleet.standings() == dict.fromkeys(DOMAINS, "stale")
        assert {fleet.address(domain) for domain in DOMAINS} == {"127.0.0.1:8080"}
        assert fleet.table.revision >= seen.revision
        assert fleet.offered == []
        await blocking(_lose_containers, engine)
        await fleet.until(lambda: counts_of(fleet.table).held == len(DOMAINS), "held")
        assert counts_of(fleet.table).down == len(DOMAINS)
        assert "mass-removal-held" in {issue.code for issue in fleet.table.issues}
        await blocking(engine.run_container, "new", serving(DOMAINS[0]))
        await fleet.until(lambda: counts_of(fleet.table).held == len(DOMAINS) - 1, "came back")
        await fleet.until_stands(DOMAINS[0], "up")
        fleet.configure()
        await fleet.until(lambda: not fleet.table.routes, "the host left the file")
        assert fleet.offered[-1].cause.event == "configuration"
        assert fleet.table.complete


def _lose_containers(engine: Engine) -> None:
    """Start an Engine again that has lost all of its containers."""
    for folder in (engine.folder / "d" / "containers").iterdir():
        shutil.rmtree(folder)
    engine.start_again()


async def test_the_configuration_takes_effect_at_once(engine: Engine, tmp_path: Path) -> None:
    host = patient(local("a", engine))
    engine.run_container("web", serving("web.example.com"))
    labels = {"other.8080.domain": "other.example.com"}
    engine.run_container("other", serving(labels=labels))
    async with routed(tmp_path, host, revp=PATIENT) as fleet:
        await fleet.until_stands("web.example.com", "up")
        moved = patient(local("a", engine, route_address="10.0.0.5", labels={"site": "x"}))
        fleet.configure(moved)
        await fleet.until(lambda: fleet.address("web.example.com") == "10.0.0.5:8080", "moved")
        assert fleet.keeper.host_labels() == {"a": {"site": "x"}}
        assert fleet.fleet.statuses("a") == ["connecting", "up"]
        assert fleet.offered[-1].cause.event == "configuration"
        fleet.configure(moved, revp=Revp(prefix="other"))
        await fleet.until(lambda: fleet.standings() == {"other.example.com": "up"}, "read anew")
        fleet.configure(local("a", engine, enabled=False))
        await fleet.until(lambda: not fleet.table.routes, "disabled")
        fleet.configure(moved)
        await fleet.until_stands("other.example.com", "up")


async def test_a_host_that_was_never_heard_of_is_waited_for(tmp_path: Path) -> None:
    nowhere = local("b", tmp_path / "docker.sock")
    async with routed(tmp_path, nowhere, revp=Revp(host_wait=600)) as fleet:
        await fleet.fleet.until_down("b")
        assert not fleet.table.complete
        assert fleet.table.missing == ("b",)
    async with routed(tmp_path, nowhere, revp=Revp(host_wait=0)) as fleet:
        await fleet.fleet.until_down("b")
        assert not fleet.table.complete, "an empty document takes all routes away"
    nas = (Route(domain="nas.example.com", backend_url="http://10.0.0.9"),)
    async with routed(tmp_path, nowhere, revp=Revp(host_wait=0), routes=nas) as fleet:
        await fleet.until(lambda: fleet.table.complete, "waited for long enough")
        assert fleet.table.missing == ("b",)
