"""A session on each kind of Engine, judged by the Docker SDK on the same Engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
import trio

from config.models import Monitoring
from connectors.models import Stats
from connectors.times import parse_time
from fleet.model import Container, EngineEvent, Sample
from fleet.sampling import memory_used
from tests.faults.watched import FAST, key, local, told, watched
from tests.lab.containers import ContainerSpec, remove_container
from tests.lab.engines import Engine

BUSY = ContainerSpec(command=("sh", "-c", "exec yes >/dev/null"))


@pytest.fixture
def engine(any_engine: Engine) -> Iterator[Engine]:
    yield any_engine
    any_engine.remove_containers()


async def blocking(call: Callable[..., Any], *words: Any, **named: Any) -> Any:
    """Run a call of the Docker SDK without holding up the fleet."""
    return await trio.to_thread.run_sync(lambda: call(*words, **named))


async def test_containers_equal_the_sdks(engine: Engine) -> None:
    spec = ContainerSpec(
        labels={"com.docker.compose.project": "shop", "com.docker.compose.service": "web"},
        environment={"SECRET": "s3cret", "LANG": "C"},
        host_config={"binds": ["/tmp:/data:ro"], "restart_policy": {"Name": "always"}},
    )
    running = engine.run_container("shop-web-1", spec)
    engine.create_container("made", ContainerSpec())
    ended = engine.run_container("ended", ContainerSpec(command=("sh", "-c", "exit 7")))
    engine.sdk().api.wait(ended)
    monitoring = msgspec.structs.replace(FAST, environment_allow=("LANG",))
    async with watched(local("a", engine, monitoring=monitoring)) as fleet:
        await fleet.until_up("a")
        sdk = engine.sdk().api
        listed = {entry["Id"]: sdk.inspect_container(entry) for entry in sdk.containers(all=True)}
        known = fleet.tracker.containers("a")
        assert known.keys() == listed.keys()
        for container in known.values():
            oracle = listed[container.id]
            assert container.name == oracle["Name"].removeprefix("/")
            assert container.state == oracle["State"]["Status"]
            assert container.image == oracle["Config"]["Image"]
            assert container.image_id == oracle["Image"]
            assert container.labels == (oracle["Config"]["Labels"] or {})
            assert container.restart_count == oracle["RestartCount"]
            assert container.pid == oracle["State"]["Pid"]
            assert container.created == parse_time(oracle["Created"])
            assert container.started == parse_time(oracle["State"]["StartedAt"])
            places = oracle["NetworkSettings"]["Networks"] or {}
            assert [network.name for network in container.networks] == sorted(places)
            mounts = [(m["Source"], m["Destination"], not m["RW"]) for m in oracle["Mounts"]]
            assert [(m.source, m.destination, m.read_only) for m in container.mounts] == mounts
        assert known[ended].exit_code == 7
        compose = known[running].compose
        assert compose is not None
        assert (compose.project, compose.service) == ("shop", "web")
        assert known[running].environment["LANG"] == "C"
        assert "s3cret" not in msgspec.json.encode(known[running]).decode()
        facts = fleet.tracker.hosts["a"].engine
        assert facts is not None
        assert facts.version == sdk.version()["Version"]
        assert facts.cpus == sdk.info()["NCPU"]


def _a_life(engine: Engine) -> None:
    """Everything that containers, images and volumes go through."""
    sdk = engine.sdk().api
    made = engine.create_container("before", ContainerSpec())
    sdk.start(made)
    sdk.pause(made)
    sdk.unpause(made)
    sdk.rename(made, "after")
    sdk.restart(made, timeout=1)
    sdk.stop(made, timeout=1)
    sdk.start(made)
    sdk.kill(made, "KILL")
    sdk.wait(made)
    sdk.remove_container(made, force=True)
    failing = engine.run_container("failing", ContainerSpec(command=("sh", "-c", "exit 3")))
    sdk.wait(failing)
    sdk.tag("fleet-lab/busybox:1", "fleet-lab/busybox", tag="again")
    sdk.remove_image("fleet-lab/busybox:again")
    sdk.create_volume("cargo")
    sdk.remove_volume("cargo")
    engine.run_container("last", ContainerSpec())


async def test_events_come_once_each_in_order_and_the_inventory_follows(engine: Engine) -> None:
    async with watched(local("a", engine)) as fleet:
        await fleet.until_up("a")
        begun = time.time()
        await blocking(_a_life, engine)
        # Podman's past events come incompletely to whoever asks twice: no oracle for these.
        oracle = [] if engine.kind == "podman" else await blocking(told, engine, begun)
        await fleet.until_seen("a", oracle)
        await fleet.until(
            lambda: (
                {c.name: c.state for c in fleet.tracker.containers("a").values()}
                == {"failing": "exited", "last": "running"}
            ),
            "the inventory follows",
            2.0,
        )
        seen = [event for event in fleet.events["a"] if event.time_nano >= begun * 1e9]
        keys = [key(event) for event in seen]
        if engine.kind == "podman":  # which tells of images and volumes out of order
            assert len(set(keys)) == len(keys)
            keys = oracle = [k for k in keys if k[1] == "container"]
            assert keys == sorted(keys)
        assert keys == oracle
        actions = [(event.type, event.action) for event in seen]
        for action in ("create", "start", "pause", "unpause", "rename"):
            assert ("container", action) in actions
        if engine.kind != "podman":
            for action in ("die", "stop", "kill", "restart", "destroy"):
                assert ("container", action) in actions
            assert {("image", "tag"), ("image", "untag")} <= set(actions)
            assert {("volume", "create"), ("volume", "destroy")} <= set(actions)
        codes = {e.exit_code for e in seen if e.name == "failing" and e.action in ("die", "died")}
        assert codes == {3}


async def test_health_is_followed(engine: Engine) -> None:
    if engine.kind == "podman":
        pytest.skip("Podman takes no health check in an import")
    sdk = engine.sdk().api
    checked = ContainerSpec(image="fleet-lab/busybox:health")
    async with watched(local("a", engine)) as fleet:
        await fleet.until_up("a")
        name = await blocking(engine.run_container, "checked", checked)

        def health() -> str:
            container = fleet.container("a", "checked")
            return container.health.status if container else ""

        await fleet.until(lambda: health() == "starting", "starting")
        made = await blocking(sdk.exec_create, name, ["touch", "/tmp/ok"])
        await blocking(sdk.exec_start, made["Id"])
        await fleet.until(lambda: health() == "healthy", "healthy", 5)
        made = await blocking(sdk.exec_create, name, ["rm", "/tmp/ok"])
        await blocking(sdk.exec_start, made["Id"])
        await fleet.until(lambda: health() == "unhealthy", "unhealthy", 6)
        container = fleet.container("a", "checked")
        assert container is not None
        assert container.health.failing_streak >= 2
        assert any("no /tmp/ok" in run.output for run in container.health.log)
        words = [e.action for e in fleet.events["a"] if e.action.startswith("health_status")]
        assert words == ["health_status: healthy", "health_status: unhealthy"]
        await blocking(sdk.stop, name, timeout=0)
        assert sdk.inspect_container(name)["State"]["Health"]["Status"] == "unhealthy", "for ever"
        await fleet.until(lambda: health() == "none", "a container that does not run is not ill", 6)
        stopped = fleet.container("a", "checked")
        assert stopped is not None
        assert (stopped.state, stopped.health.source) == ("exited", "state")
        assert stopped.health.log, "what its last checks said stays"


async def test_stats_lie_between_two_answers_of_the_sdk(engine: Engine) -> None:
    engine.run_container("busy", BUSY)
    engine.run_container("idle", ContainerSpec())
    sdk = engine.sdk().api

    def ask(name: str) -> dict[str, Any]:
        answer: dict[str, Any] = sdk.stats(name, stream=False, one_shot=True)
        return answer

    before = {name: ask(name) for name in ("busy", "idle")}
    # Default intervals: the first CPU figure must not wait for one of ten seconds.
    async with watched(local("a", engine, monitoring=Monitoring())) as fleet:
        await fleet.until_up("a")
        began = trio.current_time()

        def measured(name: str) -> list[Sample]:
            return [s for _, s in fleet.samples_of("a", name) if s.cpu_percent is not None]

        await fleet.until(lambda: measured("busy") and measured("idle"), "CPU figures", 6)
        assert trio.current_time() - began < 5
        for name in ("busy", "idle"):
            sample = measured(name)[-1]
            after = await blocking(ask, name)
            totals = [a["cpu_stats"]["cpu_usage"]["total_usage"] for a in (before[name], after)]
            assert totals[0] <= sample.cpu_total <= totals[1]
            oracle = msgspec.convert(after, type=Stats)
            assert sample.memory_used == pytest.approx(
                memory_used(oracle.memory_stats), rel=0.5, abs=2 << 20
            )
            assert sample.pids == after["pids_stats"]["current"]
            cpus = fleet.tracker.hosts["a"].engine
            assert cpus is not None
            assert sample.cpu_percent is not None
            assert 0 <= sample.cpu_percent <= 100 * cpus.cpus * 1.1
            if name == "busy":
                assert sample.cpu_percent > 15  # of a core that others want too
            else:
                assert sample.cpu_percent < 5


async def test_a_restart_begins_anew_and_a_stopped_container_has_no_sample(engine: Engine) -> None:
    engine.run_container("busy", BUSY)
    sdk = engine.sdk().api
    monitoring = msgspec.structs.replace(FAST, stats_interval=0.5)
    async with watched(local("a", engine, monitoring=monitoring)) as fleet:
        await fleet.until_up("a")

        def figures() -> list[float | None]:
            return [sample.cpu_percent for _, sample in fleet.samples_of("a", "busy")]

        await fleet.until(lambda: any(figures()), "CPU", 8)
        count = len(figures())
        await blocking(sdk.restart, "busy", timeout=0)
        await fleet.until(lambda: len(figures()) >= count + 3, "more samples", 10)
        assert all(figure is None or 0 <= figure < 1000 for figure in figures())
        assert None in figures()[1:]  # no difference between two lives
        await blocking(sdk.stop, "busy", timeout=0)
        container = fleet.container("a", "busy")
        assert container is not None
        await fleet.until(lambda: fleet.tracker.sample("a", container.id) is None, "no sample", 2)
        count = len(figures())
        await trio.sleep(0.7)  # longer than an interval: nothing may come
        assert len(figures()) == count


async def test_out_of_memory_and_a_crash_loop_are_told(engine: Engine) -> None:
    hungry = ContainerSpec(
        command=("sh", "-c", "tail /dev/zero"),
        host_config={"mem_limit": "16m", "memswap_limit": "16m"},
    )
    crasher = ContainerSpec(
        command=("sh", "-c", "exit 3"), host_config={"restart_policy": {"Name": "always"}}
    )
    async with watched(local("a", engine)) as fleet:
        await fleet.until_up("a")
        await blocking(engine.run_container, "crasher", crasher)
        await blocking(engine.run_container, "hungry", hungry)

        def known(name: str) -> Container | None:
            return fleet.container("a", name)

        await fleet.until(lambda: (c := known("hungry")) and c.state == "exited", "it ended")
        container = known("hungry")
        assert container is not None
        oracle = engine.sdk().api.inspect_container("hungry")["State"]
        told_by_sdk = oracle["OOMKilled"], oracle["ExitCode"]
        assert (container.oom_killed, container.exit_code) == told_by_sdk
        assert container.exit_code == 137 or container.oom_killed
        await fleet.until(
            lambda: (c := known("crasher")) and c.restart_count >= 2, "two restarts", 10
        )

        def died() -> list[EngineEvent]:
            events = fleet.events["a"]
            return [e for e in events if e.name == "crasher" and e.action in ("die", "died")]

        await fleet.until(lambda: len(died()) >= 2, "the Engine counts a restart before it tells")
        assert {event.exit_code for event in died()} == {3}
        await fleet.until(
            lambda: (c := known("crasher")) and c.looping, "three ends are a loop", 30
        )
        looping = known("crasher")
        assert looping is not None
        assert looping.ends_lately >= 3
        assert looping.last_exit_code == 3
        if engine.kind != "podman":  # which goes on to restart one stopped between two runs
            await blocking(engine.sdk().api.stop, "crasher", timeout=0)
            await fleet.until(
                lambda: (c := known("crasher")) is not None and not c.looping, "it was stopped", 20
            )
        await blocking(remove_container, engine.sdk(), "crasher")
        await fleet.until(lambda: known("crasher") is None, "it is gone", 8)
