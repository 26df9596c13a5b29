"""The inventory against an Engine in memory: order, failures and bounds, by trio's own clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
import trio.testing

from config.models import Fleet, LocalHost, Monitoring, Retry
from connectors.errors import ApiStatusError, NotFoundError, ProtocolError, UnreachableError
from connectors.models import ContainerConfig, ContainerInspect, ContainerState, ContainerSummary
from fleet.connected import Connected
from fleet.inventory import AT_A_TIME, MOST_WAITING, Inventory
from fleet.limits import Limits
from fleet.tracker import Tracker
from tests.fleet.values import event


class Engine:
    """Answers lists and inspects; some inspects hang or fail."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self.ids = list(ids)
        self.hanging: set[str] = set()
        self.failing: dict[str, Exception] = {}
        self.list_error: Exception | None = None
        self.asked: Counter[str] = Counter()
        self.lists = 0
        self.at_once = 0
        self.most_at_once = 0

    async def containers(self) -> list[ContainerSummary]:
        self.lists += 1
        await trio.lowlevel.checkpoint()
        if self.list_error is not None:
            raise self.list_error
        return [ContainerSummary(id=id_, names=[f"/{id_}"], state="running") for id_ in self.ids]

    async def inspect(self, container_id: str) -> ContainerInspect:
        self.asked[container_id] += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await trio.sleep(15 if container_id in self.hanging else 0.01)
        finally:
            self.at_once -= 1
        if container_id in self.hanging:
            raise UnreachableError("a", "no answer within 15 s")
        if container_id in self.failing:
            raise self.failing[container_id]
        if container_id not in self.ids:
            raise NotFoundError("a", 404, "no such container")
        return ContainerInspect(
            id=container_id,
            name=f"/{container_id}",
            state=ContainerState(status="running", running=True),
            config=ContainerConfig(image="busybox"),
        )


def of(engine: Engine, operations: trio.CapacityLimiter | None = None) -> tuple[Inventory, Tracker]:
    tracker = Tracker()
    tracker.add_host("a")
    host = LocalHost(
        name="a",
        monitoring=Monitoring(discovery_interval=60),
        retry=Retry(retries=3, minimum=1, maximum=4),
    )
    connected = SimpleNamespace(name="a", host=host, engine=engine)
    places = operations or Limits.of(Fleet(data_dir=Path("/nowhere"))).operations
    return Inventory(cast("Connected", connected), tracker, places), tracker


def names(tracker: Tracker) -> set[str]:
    return {container.name for container in tracker.containers("a").values()}


async def test_everything_is_learned_a_few_at_a_time(autojump_clock: Any) -> None:  # noqa: ARG001
    engine = Engine(f"c{number}" for number in range(100))
    inventory, tracker = of(engine)
    await inventory.learn()
    assert len(names(tracker)) == 100
    assert engine.most_at_once == AT_A_TIME
    assert set(engine.asked.values()) == {1}


async def test_one_that_hangs_or_fails_holds_up_nobody_and_is_retried(
    autojump_clock: Any,  # noqa: ARG001
    nursery: trio.Nursery,
) -> None:
    engine = Engine(["well", "bad", "stuck"])
    engine.failing["bad"] = ApiStatusError("a", 500, "broken")
    engine.hanging.add("stuck")
    inventory, tracker = of(engine)
    await inventory.learn()
    assert names(tracker) == {"well"}
    nursery.start_soon(inventory.follow)
    await trio.sleep(50)
    assert engine.asked["bad"] == 1 + 3
    del engine.failing["bad"]
    await trio.sleep(61)
    assert names(tracker) == {"well", "bad"}, "the next list brings it"
    engine.hanging.clear()
    await trio.sleep(90)
    assert names(tracker) == {"well", "bad", "stuck"}


async def test_hosts_that_hang_do_not_stop_the_others(autojump_clock: Any) -> None:  # noqa: ARG001
    operations = trio.CapacityLimiter(2)
    stuck = [Engine(f"{host}{n}" for n in range(5)) for host in "xyz"]
    well, tracker = of(Engine(["fine"]), operations)
    async with trio.open_nursery() as nursery:
        for engine in stuck:
            engine.hanging = set(engine.ids)
            nursery.start_soon(of(engine, operations)[0].learn)
        await trio.testing.wait_all_tasks_blocked()
        begun = trio.current_time()
        await well.learn()
        assert trio.current_time() - begun < 1
        assert names(tracker) == {"fine"}
        nursery.cancel_scope.cancel()


async def test_a_container_destroyed_while_it_is_asked_for_does_not_come_back(
    autojump_clock: Any,  # noqa: ARG001
    nursery: trio.Nursery,
) -> None:
    engine = Engine(["gone"])
    inventory, tracker = of(engine)
    await inventory.learn()
    nursery.start_soon(inventory.follow)
    inventory.on_container_event(event(1, "stop", actor_id="gone"))
    await trio.testing.wait_all_tasks_blocked()
    assert engine.at_once == 1
    inventory.on_container_event(event(2, "destroy", actor_id="gone"))
    await trio.sleep(1)
    assert names(tracker) == set()


async def test_an_event_during_an_inspect_asks_again(
    autojump_clock: Any,  # noqa: ARG001
    nursery: trio.Nursery,
) -> None:
    engine = Engine(["busy"])
    inventory, _ = of(engine)
    await inventory.learn()
    nursery.start_soon(inventory.follow)
    for nano in range(50):
        inventory.on_container_event(event(nano, "start", actor_id="busy"))
    await trio.testing.wait_all_tasks_blocked()
    inventory.on_container_event(event(99, "die", actor_id="busy"))
    await trio.sleep(1)
    assert engine.asked["busy"] == 1 + 2, "the burst is one, what came during it another"


async def test_a_list_that_fails_is_tried_again(
    autojump_clock: Any,  # noqa: ARG001
    nursery: trio.Nursery,
) -> None:
    engine = Engine(["one"])
    inventory, tracker = of(engine)
    await inventory.learn()
    nursery.start_soon(inventory.follow)
    engine.list_error = ApiStatusError("a", 500, "database is locked")
    engine.ids.append("two")
    await trio.sleep(65)
    assert names(tracker) == {"one"}
    engine.list_error = None
    await trio.sleep(60)
    assert names(tracker) == {"one", "two"}
    assert engine.lists == 3


async def test_a_list_that_is_none_ends_the_connection(autojump_clock: Any) -> None:  # noqa: ARG001
    engine = Engine()
    inventory, _ = of(engine)
    engine.list_error = ProtocolError("a", "answers with something else")
    with pytest.raises(ProtocolError):
        await inventory.learn()
    with pytest.RaisesGroup(ProtocolError):
        await inventory.follow()


async def test_a_flood_of_unknown_containers_is_bounded(
    autojump_clock: Any,  # noqa: ARG001
    nursery: trio.Nursery,
) -> None:
    engine = Engine(["one"])
    inventory, tracker = of(engine)
    await inventory.learn()
    for number in range(MOST_WAITING * 3):
        inventory.on_container_event(event(number, "start", actor_id=f"unknown{number}"))
    nursery.start_soon(inventory.follow)
    await trio.sleep(30)
    assert len(engine.asked) == 1 + MOST_WAITING
    assert engine.most_at_once <= AT_A_TIME
    assert names(tracker) == {"one"}
