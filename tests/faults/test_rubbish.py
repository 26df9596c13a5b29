"""Engines that answer rubbish: each is down by itself, and nobody else notices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing

import msgspec
import pytest

from config.models import Host
from fleet.present import host_document
from fleet.rows import RowWriter
from storage.rows import Row, StatsRow
from tests.faults.watched import FAST, Watched, local, tcp, watched
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab
from tests.lab.lies import PAST_NANOS, Lie, LyingEngine
from tests.lab.rubbish import Rubbish

HASTY = msgspec.structs.replace(FAST, request_timeout=1.5, connect_timeout=3)
KINDS = {
    Rubbish.SILENCE: {"unreachable"},
    Rubbish.CLOSE: {"unreachable"},
    Rubbish.SERVER_ERROR: {"api"},
    # A status line that never ends is silence to whoever waits for the rest.
    Rubbish.HALF_STATUS_LINE: {"protocol", "unreachable"},
    Rubbish.DRIP_FEED: {"protocol", "unreachable"},
}
# What one container's answer says is that container's alone, and a sample lost is a sample lost.
FINE = {lie for lie in Lie if lie.name.startswith(("INSPECT", "STATS"))} | {
    Lie.EVENT_FAR,
    Lie.EVENT_PAST,
    Lie.EVENT_EXIT_CODES,
    Lie.EVENT_STRINGS,
    Lie.EVENT_BIG,
    Lie.INFO_TIME,
    Lie.LIST_SAME,
    Lie.LIST_PATH,
}


@pytest.fixture(scope="module")
def engine(module_lab: Lab) -> Engine:
    engine = module_lab.engine("trixie")
    engine.run_containers(2)
    return engine


@pytest.mark.parametrize("believed", [False, True], ids=["from the start", "once believed"])
async def test_every_kind_is_that_hosts_alone(lab: Lab, engine: Engine, *, believed: bool) -> None:
    hosts = []
    for mode in Rubbish:
        liar = lab.rubbish(mode)
        liar.ping_well = believed
        assert isinstance(liar.address, tuple)
        hosts.append(tcp(mode.name.lower(), liar.address, None, monitoring=HASTY))
    async with watched(local("well", engine), *hosts) as fleet:
        await fleet.until_up("well")
        wrong = []
        for mode in Rubbish:
            state = await fleet.until_down(mode.name.lower(), 30)
            error = state.error
            assert error is not None
            if error.kind not in KINDS.get(mode, {"protocol"}) or not error.message:
                wrong.append(f"{mode.name}: {error.kind}: {error.message}")
        assert not wrong, "\n".join(wrong)
        count = len(fleet.samples["well"])
        await fleet.until(lambda: len(fleet.samples["well"]) >= count + 6, "more samples", 10)
        assert fleet.statuses("well") == ["connecting", "up"]
        assert fleet.tracker.hosts["well"].missed_samples <= 2  # where all is slow, one may be late


async def test_an_engine_that_begins_to_lie_is_down_until_it_ends(lab: Lab, engine: Engine) -> None:
    relay, liar = lab.relay(engine.socket), lab.rubbish(Rubbish.WRONG_TYPES)
    liar.ping_well = True
    assert isinstance(relay.address, tuple)
    async with watched(tcp("edge", relay.address, None)) as fleet:
        await fleet.until_up("edge")
        relay.target = liar.address
        relay.cut()
        await fleet.until_down("edge")
        await fleet.until(
            lambda: (e := fleet.tracker.hosts["edge"].error) and e.kind == "protocol", "protocol"
        )
        state = fleet.tracker.hosts["edge"]
        assert len(fleet.tracker.containers("edge")) == 2  # the last known, marked as stale
        assert state.stale_since is not None
        relay.target = engine.socket
        relay.cut()
        await fleet.until_up("edge")
        assert fleet.tracker.hosts["edge"].stale_since is None


@pytest.fixture
def liars() -> Iterator[dict[str, LyingEngine]]:
    with ExitStack() as stack:
        yield {lie.name.lower(): stack.enter_context(closing(LyingEngine(lie))) for lie in Lie}


async def test_every_lie_is_that_hosts_alone(engine: Engine, liars: dict[str, LyingEngine]) -> None:
    hosts: list[Host] = [local("well", engine)]
    for name, liar in liars.items():
        assert isinstance(liar.address, tuple)
        hosts.append(tcp(name, liar.address, None))
    rows: list[Row] = []
    by_name = {host.name: host for host in hosts}
    async with watched(*hosts) as fleet:
        fleet.tracker.listen(RowWriter(fleet.tracker, lambda: by_name, rows.append))
        for name, liar in liars.items():
            if liar.lie in FINE:
                await fleet.until_up(name)
                await fleet.until(lambda liar=liar: liar.told, name)  # type: ignore[misc]
            else:
                await fleet.until(lambda name=name: _kinds(fleet, name), name)  # type: ignore[misc]
        await fleet.until(lambda: len(fleet.events["event_past"]) == len(PAST_NANOS), "past events")
        await fleet.until(lambda: len(fleet.events["event_exit_codes"]) == 6, "exit codes")
        count = len(fleet.samples["well"])
        await fleet.until(lambda: len(fleet.samples["well"]) >= count + 6, "more samples", 10)
        assert all(event.exit_code is None for event in fleet.events["event_exit_codes"])
        wrong = {name: _kinds(fleet, name) for name in liars} | {"well": _kinds(fleet, "well")}
        api = {Lie.ERROR_ESCAPES.name.lower()}
        expected = {
            name: set() if liar.lie in FINE else {"api"} if name in api else {"protocol"}
            for name, liar in liars.items()
        }
        assert wrong == expected | {"well": set()}
        assert fleet.statuses("well") == ["connecting", "up"]
        assert fleet.tracker.hosts["well"].missed_samples <= 2  # where all is slow, one may be late
        assert all(
            one.error.message.isprintable() for one in fleet.tracker.hosts.values() if one.error
        )
        for name, state in fleet.tracker.hosts.items():
            containers = fleet.tracker.containers(name).values()
            assert msgspec.json.encode(host_document(by_name[name], state, containers, []))
    assert {row.host for row in rows if isinstance(row, StatsRow)} > {"well", "stats_huge"}
    for row in rows:
        numbers = [n for n in msgspec.structs.astuple(row) if isinstance(n, int)]
        assert all(-(2**63) <= n < 2**63 for n in numbers), row


def _kinds(fleet: Watched, name: str) -> set[str]:
    """The kinds of failures that a host has had."""
    return {turn.state.error.kind for turn in fleet.turns[name] if turn.state.error}
