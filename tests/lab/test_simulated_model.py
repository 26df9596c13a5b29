"""What simulated hosts say is true of themselves: pure, without a socket."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.logs import FramedLogs
from connectors.models import ContainerInspect, ContainerSummary, Event, Info, Stats, Version
from fleet.sampling import sample
from fleet.tracker import now
from tests.lab.simulated import events, loglines
from tests.lab.simulated.answers import Answer, Answers, Whole
from tests.lab.simulated.counters import Sampler
from tests.lab.simulated.host import SimulatedHost
from tests.lab.simulated.kinds import KINDS, EngineKind, engine_kind
from tests.lab.simulated.life import Life
from tests.lab.simulated.machine import machine
from tests.lab.simulated.model import KEPT_EVENTS, EngineModel, Happening
from tests.lab.simulated.population import Population
from tests.lab.simulated.times import SECOND

seeds = st.integers(0, 2**32)
kinds = st.sampled_from(KINDS).map(engine_kind)
some = settings(derandomize=True, deadline=None, max_examples=12)


class World:
    """A host by a clock that only goes when it is told to."""

    def __init__(self, kind: EngineKind, seed: int, containers: int = 8) -> None:
        random = Random(seed)  # noqa: S311 - not a secret
        self.nano = 1_795_000_000 * SECOND
        self.kind = kind
        self.model = EngineModel(random, lambda: self.nano)
        population = Population(random, "h", logged=0.1, is_podman=kind.is_podman)
        population.people(self.model, containers)
        self.life = Life(self.model, random, population.new(), is_podman=kind.is_podman)
        self.answers = Answers(kind, machine("h", random, self.nano), self.model)

    def body(self, target: str) -> bytes:
        answer: Answer = self.answers.answer(target)
        assert isinstance(answer, Whole), answer
        assert answer.status == "200 OK", answer
        return answer.body

    def pass_time(self, seconds: float) -> None:
        self.nano += int(seconds * SECOND)


def first(host: SimulatedHost) -> tuple[str, list[str]]:
    return host.kind.name, [container.name for container in host.model.containers.values()]


def test_the_same_seed_gives_the_same_host_and_another_one_another() -> None:
    one, same, other = (
        first(SimulatedHost("sim-001", seed, 20, Path("nowhere"))) for seed in (3, 3, 4)
    )
    assert one == same != other


@some
@given(kinds, seeds)
def test_answers_can_be_read_and_agree(kind: EngineKind, seed: int) -> None:
    world = World(kind, seed)
    for _ in range(20):
        world.pass_time(7)
        world.life.step()
    listed = msgspec.json.decode(world.body("/containers/json?all=1"), type=list[ContainerSummary])
    assert {entry.id for entry in listed} == world.model.containers.keys()
    for entry in listed:
        found = msgspec.json.decode(
            world.body(f"/containers/{entry.id}/json"), type=ContainerInspect
        )
        assert (found.id, [found.name], found.state.status) == (entry.id, entry.names, entry.state)
        assert (found.config.image, found.image) == (entry.image, entry.image_id)
        assert found.state.running is (entry.state in ("running", "paused", "restarting"))
    info = msgspec.json.decode(world.body("/info"), type=Info)
    stopped = info.containers - info.containers_running - info.containers_paused
    assert (info.containers, info.containers_stopped) == (len(listed), stopped)
    version = msgspec.json.decode(world.body("/version"), type=Version)
    assert version.is_podman is kind.is_podman


@some
@given(kinds, seeds)
def test_events_lead_from_what_was_to_what_is(kind: EngineKind, seed: int) -> None:
    world = World(kind, seed)
    known = set(world.model.containers)
    happened: list[Happening] = []
    world.model.listeners.add(happened.append)
    for _ in range(60):
        world.pass_time(1)
        world.life.step()
    assert list(world.model.happened) == happened[-KEPT_EVENTS:]
    told = [
        msgspec.json.decode(line, type=Event)
        for happening in happened
        for line in events.told(kind, happening)
    ]
    for event in told:
        if event.action == "create":
            known.add(event.actor.id)
        elif event.action in ("destroy", "remove"):
            known.remove(event.actor.id)
    assert known == world.model.containers.keys()
    assert all(a.time_nano < b.time_nano for a, b in itertools.pairwise(told))


@pytest.mark.parametrize("name", KINDS)
def test_what_is_told_has_the_shape_of_what_was_recorded(name: str) -> None:
    kind = engine_kind(name)
    world = World(kind, 5)
    happened: list[Happening] = []
    world.model.listeners.add(happened.append)
    for _ in range(100):
        world.pass_time(9)
        world.life.step()
    told = [json.loads(line) for one in happened for line in events.told(kind, one)]
    actions = {event["Action"] for event in told}
    assert kind.recorded["events"].keys() - {"exec_die"} <= actions
    for event in told:
        recorded = kind.recorded["events"].get(event["Action"])
        if recorded:
            assert event.keys() == recorded.keys()
            assert event["Actor"]["Attributes"].keys() >= recorded["Actor"]["Attributes"].keys()
    [listed] = json.loads(world.body("/containers/json?all=1"))[:1]
    assert listed.keys() == kind.recorded["listed"].keys()
    found = next(one for one in world.model.containers.values() if one.has_processes)
    inspected = json.loads(world.body(f"/containers/{found.id}/json"))
    for part in (inspected, inspected["HostConfig"], inspected["NetworkSettings"]):
        assert part.keys() in [
            recorded.keys()
            for recorded in (kind.recorded["inspected"], *kind.recorded["inspected"].values())
            if isinstance(recorded, dict)
        ]
    assert json.loads(world.body("/info")).keys() == kind.recorded["info"].keys()
    sampler = Sampler(kind, machine("h", Random(5), world.nano))  # noqa: S311 - as above
    sampled = json.loads(sampler.single(found, world.nano))
    assert sampled.keys() == kind.recorded["sampled"].keys()


@some
@given(kinds, seeds, st.lists(st.floats(0.01, 5000), min_size=2, max_size=6))
def test_counters_never_go_back_in_a_run(kind: EngineKind, seed: int, pauses: list[float]) -> None:
    world = World(kind, seed)
    sampler = Sampler(kind, machine("h", Random(seed), world.nano))  # noqa: S311 - as above
    for container in world.model.containers.values():
        if not container.has_processes:
            stub = sampler.stub(container)
            assert not stub or msgspec.json.decode(stub, type=Stats).read.startswith("0001-")
            continue
        before: Stats | None = None
        for seconds in pauses:
            world.pass_time(seconds)
            found = msgspec.json.decode(sampler.single(container, world.nano), type=Stats)
            taken = sample(found, before, at=now())
            assert container.made.load.memory <= taken.memory_used <= found.memory_stats.usage
            if before is not None:
                assert taken.cpu_percent is not None
                assert 0 <= taken.cpu_percent <= 200.1  # at most twice a core, in waves
            before = found


@some
@given(seeds, st.integers(0, 40), st.integers(1, 3000))
def test_a_log_read_in_parts_is_the_log(seed: int, tail: int, seconds: int) -> None:
    world = World(engine_kind("docker-28.5"), seed, containers=3)
    for _ in range(20):
        world.pass_time(11)
        world.life.step()
    for container in world.model.containers.values():
        every = loglines.lines(container, world.nano)
        assert [line.nano for line in every] == sorted({line.nano for line in every})
        assert loglines.lines(container, world.nano, tail=tail) == (every[-tail:] if tail else [])
        cut = world.nano - seconds * SECOND
        newer = loglines.lines(container, world.nano, since=cut)
        assert newer == [line for line in every if line.nano >= cut]
        coming = loglines.next_line(container, world.nano)
        if coming is not None:
            assert world.nano < coming <= world.nano + container.made.line_nanos
            assert loglines.lines(container, coming, since=world.nano + 1)[0].nano == coming
        sent = b"".join(
            loglines.written(line, tty=False, timestamps=True, is_podman=False) for line in newer
        )
        read = FramedLogs(timestamps=True).feed(sent)
        assert [line.line.decode() for line in read] == [line.text for line in newer]
