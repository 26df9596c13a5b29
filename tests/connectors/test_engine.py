"""The client against every kind of real Engine, with the Docker SDK as the oracle."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trio

from connectors.endpoint import Endpoint
from connectors.engine import Engine, open_engine
from connectors.errors import NotFoundError
from connectors.models import Event, LogFrame
from connectors.times import parse_time
from tests.lab.containers import ContainerSpec
from tests.lab.engines import Engine as RealEngine

SECOND = 10**9
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def real(any_engine: RealEngine) -> Iterator[RealEngine]:
    any_engine.remove_containers()
    yield any_engine
    any_engine.remove_containers()


@pytest.fixture
async def engine(real: RealEngine) -> AsyncIterator[Engine]:
    async with open_engine(Endpoint("lab", uds=real.socket)) as opened:
        await opened.negotiate()
        yield opened
        counts = opened.counts()
        assert (counts.active, counts.streams, counts.waiting) == (0, 0, 0)


async def events_until(stream: AsyncIterator[Event], action: str, name: str) -> list[Event]:
    found = []
    with trio.fail_after(20):
        async for event in stream:
            found.append(event)
            if event.action == action and (event.actor.attributes or {}).get("name") == name:
                return found
    raise AssertionError(f"the stream ended before {action} of {name}")


async def all_lines(stream: AsyncIterator[LogFrame]) -> list[LogFrame]:
    with trio.fail_after(20):
        return [line async for line in stream]


async def until_exited(engine: Engine, container: str) -> None:
    with trio.fail_after(20):
        while (await engine.inspect(container)).state.running:  # noqa: ASYNC110 - it is polled
            await trio.sleep(0.05)


async def test_versions_and_info_are_the_sdks(real: RealEngine, engine: Engine) -> None:
    sdk = real.sdk()
    version, info, theirs = await engine.version(), await engine.info(), sdk.info()
    assert version.version == sdk.version()["Version"]
    assert engine.api is not None
    assert f"{engine.api[0]}.{engine.api[1]}" == version.api_version
    assert (info.cpus, info.memory) == (theirs["NCPU"], theirs["MemTotal"])
    assert info.operating_system == theirs["OperatingSystem"]
    assert version.is_podman == (real.kind == "podman")
    assert 0 < await engine.ping() < 5


async def test_containers_and_inspect_are_the_sdks(real: RealEngine, engine: Engine) -> None:
    spec = ContainerSpec(labels={"a": "b", "sp ace": "ü"}, environment={"SECRET": "x"})
    running = real.run_container("runs", spec)
    created = real.create_container("waits")
    sdk = real.sdk()
    theirs: list[dict[str, Any]] = sdk.api.containers(all=True)
    ours = await engine.containers()
    assert {c.id for c in ours} == {c["Id"] for c in theirs} == {running, created}
    for mine in ours:
        other = next(c for c in theirs if c["Id"] == mine.id)
        assert (mine.names, mine.image, mine.image_id) == (
            other["Names"], other["Image"], other["ImageID"]
        )  # fmt: skip
        assert (mine.state, mine.created) == (other["State"], other["Created"])
    assert [c.id for c in await engine.containers(all=False)] == [running]
    for name in (running, created, "runs", "/waits", running[:12]):
        mine_full, their_full = await engine.inspect(name), sdk.api.inspect_container(name)
        state = their_full["State"]
        assert mine_full.id == their_full["Id"]
        assert mine_full.name.strip("/") == their_full["Name"].strip("/")
        assert (mine_full.created, mine_full.image) == (their_full["Created"], their_full["Image"])
        assert (mine_full.state.status, mine_full.state.pid) == (state["Status"], state["Pid"])
        assert parse_time(mine_full.state.started_at) == parse_time(state["StartedAt"])
        assert mine_full.config.labels == their_full["Config"]["Labels"]
        assert mine_full.config.env == their_full["Config"]["Env"]
        assert mine_full.host_config.network_mode == their_full["HostConfig"]["NetworkMode"]
        assert set(mine_full.network_settings.networks or {}) == set(
            their_full["NetworkSettings"]["Networks"] or {}
        )


async def test_images_are_the_sdks(real: RealEngine, engine: Engine) -> None:
    theirs = {i["Id"]: sorted(i["RepoTags"] or []) for i in real.sdk().api.images()}
    assert {i.id: sorted(i.repo_tags or []) for i in await engine.images()} == theirs
    assert theirs


async def test_stats_lie_between_two_samples_of_the_sdk(real: RealEngine, engine: Engine) -> None:
    real.run_container("busy", ContainerSpec(command=("sh", "-c", "while :; do :; done")))
    sdk = real.sdk()

    def sample() -> dict[str, Any]:
        return dict(sdk.api.stats("busy", stream=False))

    before = await trio.to_thread.run_sync(sample)
    ours = await engine.stats("busy")
    after = await trio.to_thread.run_sync(sample)
    assert ours is not None
    assert before["read"] <= ours.read <= after["read"]
    used = [s["cpu_stats"]["cpu_usage"]["total_usage"] for s in (before, after)]
    assert used[0] <= ours.cpu_stats.cpu_usage.total_usage <= used[1]
    assert ours.cpu_stats.online_cpus == before["cpu_stats"]["online_cpus"]
    assert ours.memory_stats.limit == before["memory_stats"]["limit"]
    assert ours.pids_stats.current == 1


async def test_what_does_not_run_has_no_stats(real: RealEngine, engine: Engine) -> None:
    real.create_container("never")
    ended = real.run_container("ended", ContainerSpec(command=("true",)))
    await until_exited(engine, ended)
    assert await engine.stats("never") is None
    assert await engine.stats(ended) is None


@pytest.mark.parametrize("name", ["nobody", "a b?c=d#e%2F", "", "..", "a/../b", "ü"])
async def test_what_is_not_there_is_not_found(engine: Engine, name: str) -> None:
    for ask in (engine.inspect, engine.stats):
        with pytest.raises(NotFoundError, match=r"^lab: "):
            await ask(name)
    with pytest.raises(NotFoundError):
        async with engine.logs(name, tty=False):
            pass


async def test_events_follow_and_are_told_again_since(real: RealEngine, engine: Engine) -> None:
    async with engine.events() as events:
        assert engine.counts().streams == 1
        await trio.to_thread.run_sync(real.run_container, "first")
        seen = await events_until(events, "start", "first")
    start = seen[-1]
    actions = [e.action for e in seen if (e.actor.attributes or {}).get("name") == "first"]
    assert actions[0] == "create"
    assert (start.type, start.time) == ("container", start.time_nano // SECOND)
    assert start.actor.id == (await engine.inspect("first")).id
    await trio.to_thread.run_sync(real.run_container, "second")
    async with engine.events(since=start.time_nano) as events:
        again = await events_until(events, "start", "second")
    assert again[0] == start


async def test_events_until_a_time_end(real: RealEngine, engine: Engine) -> None:
    async with engine.events() as events:
        await trio.to_thread.run_sync(real.run_container, "once")
        last = (await events_until(events, "start", "once"))[-1]
    until = last.time_nano + SECOND
    with trio.fail_after(20):
        async with engine.events(since=last.time_nano - SECOND, until=until) as events:
            found = [event async for event in events]
    assert last in found


async def test_logs_are_taken_apart_and_resumed(real: RealEngine, engine: Engine) -> None:
    script = "echo one; echo bad >&2; printf 'two\\377\\n'; printf 'no end'"
    made = real.run_container("talks", ContainerSpec(command=("sh", "-c", script)))
    await until_exited(engine, made)
    async with engine.logs(made, tty=False) as stream:
        lines = await all_lines(stream)
    out = [line for line in lines if line.stream == "stdout"]
    # Docker's default driver, json-file, has replaced what is not UTF-8; Podman's keeps it.
    odd = b"two\xff" if real.kind == "podman" else "two\ufffd".encode()
    assert [line.line for line in out] == [b"one", odd, b"no end"]
    assert [line.line for line in lines if line.stream == "stderr"] == [b"bad"]
    assert all(parse_time(line.time) for line in lines)
    async with engine.logs(made, tty=False, tail=1) as stream:
        assert len(await all_lines(stream)) == 1
    async with engine.logs(made, tty=False, timestamps=False) as stream:
        assert {line.time for line in await all_lines(stream)} == {""}


async def test_logs_go_on_from_the_last_line_seen(real: RealEngine, engine: Engine) -> None:
    script = "for n in 1 2 3 4; do echo $n; sleep 0.1; done"
    made = real.run_container("counts", ContainerSpec(command=("sh", "-c", script)))
    await until_exited(engine, made)
    async with engine.logs(made, tty=False) as stream:
        lines = await all_lines(stream)
    third = parse_time(lines[2].time)
    assert third is not None
    since = (third - EPOCH) // timedelta(microseconds=1) * 1000
    async with engine.logs(made, tty=False, since=since) as stream:
        rest = await all_lines(stream)
    # Podman's log times are whole seconds: it tells more again, which the reader drops.
    first = next(n for n, line in enumerate(lines) if line.time >= lines[2].time)
    assert first == 2 or real.kind == "podman"
    assert rest == lines[first:]


async def test_long_lines_are_joined_and_cut(real: RealEngine, engine: Engine) -> None:
    script = "for n in 40000 300000; do head -c $n /dev/zero | tr '\\0' x; echo; done; echo end"
    made = real.run_container("long", ContainerSpec(command=("sh", "-c", script)))
    await until_exited(engine, made)
    async with engine.logs(made, tty=False) as stream:
        lines = await all_lines(stream)
    assert [(len(line.line), line.truncated) for line in lines] == [
        (40_000, False), (65_536, True), (3, False)
    ]  # fmt: skip
    assert {bytes(set(line.line)) for line in lines[:2]} == {b"x"}


async def test_a_terminals_logs_are_raw(real: RealEngine, engine: Engine) -> None:
    script = "echo one; echo two >&2; head -c 40000 /dev/zero | tr '\\0' x; echo"
    made = real.run_container("tty", ContainerSpec(command=("sh", "-c", script), tty=True))
    await until_exited(engine, made)
    async with engine.logs(made, tty=True) as stream:
        lines = await all_lines(stream)
    assert [line.line for line in lines[:2]] == [b"one", b"two"]
    if real.kind != "podman":  # it stamps at no certain length
        assert lines[2].line == b"x" * 40_000
    assert all(parse_time(line.time) for line in lines)


async def test_logs_are_followed_to_the_containers_end(real: RealEngine, engine: Engine) -> None:
    script = "echo begin; while [ ! -e /go ]; do sleep 0.1; done; echo end"
    made = real.run_container("follows", ContainerSpec(command=("sh", "-c", script)))
    async with engine.logs(made, tty=False, follow=True) as stream:
        with trio.fail_after(20):
            assert (await anext(stream)).line == b"begin"
            await trio.to_thread.run_sync(real.docker, "exec", "follows", "touch", "/go")
            assert [line.line async for line in stream] == [b"end"]
