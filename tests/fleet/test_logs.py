"""Logs of real containers, judged by what the Engine itself says they wrote."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from config.models import Fleet, LocalHost
from fleet.changes import Change, Logged
from fleet.limits import Limits
from fleet.log_cursors import LastLine
from fleet.model import LogLine
from tests.faults.watched import FAST, Watched, local, ssh, watched
from tests.lab.containers import ContainerSpec
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab

PATIENCE = 60.0
FLOOD = 40_000  # lines, written at once
LABELLED = {"fleet.logs": "true"}
ALL = msgspec.structs.replace(FAST, logs="all")
# A hundred lines of both streams in each of so many tenths of a second, and an end without an end.
NUMBERS = """
n=0
while [ $n -lt {count} ]; do
  n=$((n+1)); echo out $n; echo err $n >&2
  [ $((n % 50)) = 0 ] && sleep 0.1
done
printf 'the end{end}'
sleep {stay}
"""


ENGINES = ("debian12", "sid", "podman")  # the oldest and the newest Docker, and what is none


@pytest.fixture
def engine(any_engine: Engine) -> Iterator[Engine]:
    yield any_engine
    any_engine.remove_containers()


async def blocking(call: Callable[..., Any], *words: Any, **named: Any) -> Any:
    """Run a call of the Docker SDK without holding up the fleet."""
    return await trio.to_thread.run_sync(lambda: call(*words, **named))


def numbers(count: int, stay: int = 0, end: str = "", **fields: Any) -> ContainerSpec:
    script = NUMBERS.format(count=count, stay=stay, end=end)
    return ContainerSpec(command=("sh", "-c", script), **fields)


def written(engine: Engine, name: str) -> Counter[bytes]:
    """The lines of a container's log as the Docker SDK reads them, streams apart."""
    sdk = engine.sdk().api
    found: Counter[bytes] = Counter()
    found.update(sdk.logs(name, stdout=True, stderr=False).splitlines())
    found.update(sdk.logs(name, stdout=False, stderr=True).splitlines())
    return found


class Heard:
    """The lines that came, told apart as the database does it."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, int, str, int], LogLine] = {}
        self.twice = 0

    def __call__(self, change: Change) -> None:
        if isinstance(change, Logged):
            for line in change.lines:
                key = (line.container_id, line.time_nano, line.stream, line.sequence)
                self.twice += key in self.lines
                self.lines.setdefault(key, line)

    def of(self, name: str) -> list[LogLine]:
        return [line for line in self.lines.values() if line.name == name]

    def texts(self, name: str) -> Counter[bytes]:
        return Counter(line.line.encode() for line in self.of(name) if line.stream != "fleet")

    def last(self) -> list[LastLine]:
        """What the database would say when asked where logs ended."""
        newest: dict[str, LogLine] = {}
        for line in sorted(self.lines.values(), key=lambda one: (one.time_nano, one.sequence)):
            newest[line.container_id] = line
        return [
            LastLine("a", key, line.stream, line.time_nano, line.sequence)
            for key, line in newest.items()
        ]


async def all_heard(fleet: Watched, heard: Heard, engine: Engine, name: str) -> Counter[bytes]:
    """Wait until as much was heard of a container that has ended as it wrote."""
    said: Counter[bytes] = await blocking(written, engine, name)
    await fleet.until(
        lambda: heard.texts(name).total() >= said.total(),
        f"{said.total()} lines of {name}",
        PATIENCE,
    )
    return said


async def ended(fleet: Watched, name: str) -> None:
    await fleet.until(
        lambda: (c := fleet.container("a", name)) and c.state in ("exited", "stopped"),
        f"{name} ended",
        PATIENCE,
    )


@pytest.mark.parametrize("any_engine", ENGINES, indirect=True)
async def test_every_line_comes_once_whatever_breaks_off(engine: Engine) -> None:
    heard = Heard()
    host = local("a", engine)
    # Podman joins a line without an end and the first one of the next run.
    spec = numbers(600, end="\\n" if engine.kind == "podman" else "", labels=LABELLED)

    def lines() -> int:
        return len(heard.of("writer"))

    async with watched(host) as fleet:
        fleet.tracker.listen(heard)
        await fleet.until_up("a")
        await blocking(engine.run_container, "writer", spec)
        await blocking(engine.run_container, "private", numbers(50))
        await fleet.until(lambda: lines() > 200, "lines", PATIENCE)
        fleet.want(host, restart=frozenset({"a"}))  # a new connection
        await fleet.until(lambda: lines() > 600, "more lines", PATIENCE)
        assert heard.twice == 0
    async with watched(host) as fleet:  # another run of ours
        fleet.tracker.log_cursors.resume(["a"], heard.last())
        fleet.tracker.listen(heard)
        await ended(fleet, "writer")
        assert await all_heard(fleet, heard, engine, "writer") == heard.texts("writer")
        await blocking(engine.sdk().api.start, "writer")  # another run of it
        await fleet.until(lambda: lines() == 2 * 1201, "all lines again", PATIENCE)
        assert set(heard.texts("writer").values()) == {2}
        assert not heard.of("private")


@pytest.mark.parametrize("any_engine", ENGINES, indirect=True)
async def test_odd_lines_come_as_they_are(engine: Engine) -> None:
    heard = Heard()
    script = (
        r"printf 'bad \377\376 \033[31mred\033[0m\n'; echo; printf 'ERROR two\r\n';"
        "head -c 1000000 /dev/zero | tr '\\0' x; echo; echo short >&2"
    )
    # It ended before anybody looked.
    await blocking(
        engine.run_container, "odd", ContainerSpec(command=("sh", "-c", script), labels=LABELLED)
    )
    tty = ContainerSpec(
        command=("sh", "-c", "n=0; while [ $n -lt 200 ]; do n=$((n+1)); echo $n; done; sleep 60"),
        labels=LABELLED,
        tty=True,
    )
    await blocking(engine.run_container, "terminal", tty)
    async with watched(local("a", engine)) as fleet:
        fleet.tracker.listen(heard)
        await fleet.until(lambda: len(heard.of("terminal")) >= 200, "of the terminal", PATIENCE)
        await fleet.until(lambda: len(heard.of("odd")) >= 5, "of the other", PATIENCE)
        assert [line.line for line in heard.of("terminal")] == [str(n) for n in range(1, 201)]
        out = [line for line in heard.of("odd") if line.stream == "stdout"]
        bad = "\N{REPLACEMENT CHARACTER}"
        assert [line.line for line in out[:3]] == [
            f"bad {bad}{bad} \x1b[31mred\x1b[0m", "", "ERROR two\r"
        ]  # fmt: skip
        assert (out[3].line, out[3].truncated) == ("x" * 16_384, True)
        assert [line.level for line in out] == [None, None, "error", None]
        assert [line.line for line in heard.of("odd") if line.stream == "stderr"] == ["short"]


async def test_a_killed_engine_and_a_rotated_log_lose_nothing(lab: Lab) -> None:
    engine = lab.engine("debian12", live_restore=True)
    heard = Heard()
    small = {"Type": "json-file", "Config": {"max-size": "20k", "max-file": "100"}}
    spec = numbers(1500, host_config={"log_config": small})
    async with watched(local("a", engine, monitoring=ALL)) as fleet:
        fleet.tracker.listen(heard)
        await fleet.until_up("a")
        await blocking(engine.run_container, "writer", spec)
        await fleet.until(lambda: len(heard.of("writer")) > 500, "lines", PATIENCE)
        await blocking(engine.kill)
        await fleet.until_down("a", PATIENCE)
        await blocking(engine.start_again)
        await fleet.until_up("a", deadline=PATIENCE)
        await ended(fleet, "writer")
        said = await all_heard(fleet, heard, engine, "writer")
        assert heard.texts("writer") == said
        assert heard.twice == 0


async def test_a_lost_ssh_connection_loses_nothing(lab: Lab, engine_2010: Engine) -> None:
    sshd, heard = lab.sshd(), Heard()
    try:
        async with watched(ssh("a", sshd, engine_2010, monitoring=ALL)) as fleet:
            fleet.tracker.listen(heard)
            await fleet.until_up("a", deadline=PATIENCE)
            await blocking(engine_2010.run_container, "writer", numbers(1000))
            await fleet.until(lambda: len(heard.of("writer")) > 500, "lines", PATIENCE)
            await blocking(sshd.kill_sessions)
            await fleet.until(lambda: fleet.statuses("a").count("up") == 2, "up again", PATIENCE)
            await ended(fleet, "writer")
            said = await all_heard(fleet, heard, engine_2010, "writer")
            assert heard.texts("writer") == said
            assert heard.twice == 0
    finally:
        engine_2010.remove_containers()


async def test_a_flood_is_cut_counted_and_told_and_nothing_is_read_without_room(
    engine_2010: Engine,
) -> None:
    heard = Heard()
    has_room = True
    limits = replace(Limits.of(Fleet(data_dir=Path("/nonexistent"))), has_room=lambda: has_room)
    flood = ContainerSpec(command=("sh", "-c", f"yes flood | head -n {FLOOD}"))
    try:
        async with watched(local("a", engine_2010, monitoring=ALL), limits=limits) as fleet:
            fleet.tracker.listen(heard)
            await fleet.until_up("a")
            await blocking(engine_2010.run_container, "flood", flood)

            def accounted() -> int:
                told = [line.line for line in heard.of("flood") if line.stream == "fleet"]
                dropped = sum(int(re.findall(r"^\d+", line)[0]) for line in told)
                return heard.texts("flood").total() + dropped

            await fleet.until(lambda: accounted() >= FLOOD, "all accounted for", PATIENCE)
            kept = heard.texts("flood").total()
            assert accounted() == FLOOD
            assert 5000 <= kept < FLOOD
            assert fleet.tracker.hosts["a"].log_lines_dropped == FLOOD - kept

            has_room = False
            await blocking(engine_2010.run_container, "more", numbers(500))
            await ended(fleet, "more")
            assert heard.texts("more").total() < 1001
            has_room = True
            said = await all_heard(fleet, heard, engine_2010, "more")
            assert heard.texts("more") == said
    finally:
        engine_2010.remove_containers()


async def test_more_logs_than_streams_are_read_in_turn(
    engine_2010: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.connected.STREAMS", 4)
    monkeypatch.setattr("fleet.logs.POLL_SECONDS", 0.2)
    heard = Heard()
    host: LocalHost = local("a", engine_2010, monitoring=ALL)
    try:
        names = await blocking(engine_2010.run_containers, 6, "w", numbers(100, stay=60))
        async with watched(host) as fleet:
            fleet.tracker.listen(heard)
            await fleet.until_up("a")
            await fleet.until(
                lambda: all(len(heard.of(f"w-{n}")) >= 200 for n in range(1, 7)), "all", PATIENCE
            )
            assert heard.twice == 0
            assert len(names) == 6
    finally:
        engine_2010.remove_containers()
