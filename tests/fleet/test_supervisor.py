"""Only what changed is touched: the other hosts keep their session, and miss nothing."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from itertools import pairwise

import msgspec
import pytest
import trio
import trio.testing

from config.models import Monitoring, SshHost
from connectors.errors import EngineError
from fleet.session import HostSession
from tests.faults.watched import AT_ONCE, FAST, local, ssh, watched
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab


@pytest.fixture(scope="module")
def engine(module_lab: Lab) -> Engine:
    engine = module_lab.engine("trixie")
    engine.run_containers(2)
    return engine


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hosts for which a connection was begun, in order."""
    begun: list[str] = []
    attempt = HostSession._attempt

    async def counted(self: HostSession) -> EngineError:
        begun.append(self._host.name)
        return await attempt(self)

    monkeypatch.setattr(HostSession, "_attempt", counted)
    return begun


async def test_only_changed_hosts_begin_anew(engine: Engine, attempts: list[str]) -> None:
    keeps, changes, leaves = (local(name, engine) for name in ("keeps", "changes", "leaves"))
    async with watched(keeps, changes, leaves) as fleet:
        await fleet.until_up("keeps", "changes", "leaves")
        await fleet.until(lambda: fleet.samples["keeps"], "samples")
        slower = msgspec.structs.replace(FAST, stats_interval=2)
        comes = local("comes", engine)
        changed = msgspec.structs.replace(changes, monitoring=slower)
        elsewhere = msgspec.structs.replace(keeps, route_address="10.0.0.1", labels={"a": "b"})
        fleet.want(elsewhere, changed, comes)
        await fleet.until_up("comes")
        await fleet.until(lambda: attempts.count("changes") == 2, "the changed host begins anew")
        await fleet.until_up("changes")
        assert "leaves" not in fleet.tracker.hosts
        assert not fleet.tracker.containers("leaves")
        assert attempts.count("keeps") == 1
        assert fleet.statuses("keeps") == ["connecting", "up"]
        count = len(fleet.samples["keeps"])
        await fleet.until(lambda: len(fleet.samples["keeps"]) >= count + 4, "more samples")
        times = [at for at, _ in fleet.samples_of("keeps", "c-1")]
        # Where all is slow, one may be late.
        assert fleet.tracker.hosts["keeps"].missed_samples <= 2
        assert max(then - at for at, then in pairwise(times)) < 3.9
        # What is known of a changed host stays shown while it connects anew.
        between = [t.state for t in fleet.turns["changes"] if t.state.status == "connecting"][-1]
        assert between.listed
        assert between.stale_since is not None


async def test_a_host_is_restarted_on_demand_alone(engine: Engine, attempts: list[str]) -> None:
    a, b = local("a", engine), local("b", engine)
    async with watched(a, b) as fleet:
        await fleet.until_up("a", "b")
        fleet.want(a, b, restart=frozenset({"b"}))
        await fleet.until(lambda: attempts.count("b") == 2, "it begins anew")
        await fleet.until_up("b")
        fleet.want(a, b)
        await trio.testing.wait_all_tasks_blocked()
        assert attempts.count("a") == 1
        assert attempts.count("b") == 2


async def test_a_disabled_host_is_left_alone_and_keeps_what_is_known(
    engine: Engine, attempts: list[str]
) -> None:
    host = local("a", engine)
    async with watched(host) as fleet:
        await fleet.until_up("a")
        fleet.want(msgspec.structs.replace(host, enabled=False))
        await fleet.until(lambda: fleet.status("a") == "disabled", "disabled")
        assert len(fleet.tracker.containers("a")) == 2
        disabled = fleet.tracker.hosts["a"]
        assert disabled.stale_since is not None
        fleet.want(host)
        await fleet.until_up("a")
        again = fleet.tracker.hosts["a"]
        assert again.stale_since is None
        assert attempts == ["a", "a"]


async def test_events_are_not_told_again_to_a_restarted_host(engine: Engine) -> None:
    host = local("a", engine)
    async with watched(host) as fleet:
        await fleet.until_up("a")
        await fleet.until(lambda: fleet.events["a"], "events")
        fleet.want(host, restart=frozenset({"a"}))
        await fleet.until(
            lambda: fleet.statuses("a") == ["connecting", "up", "connecting", "up"], "again up"
        )
        seen = [(event.time_nano, event.action, event.actor_id) for event in fleet.events["a"]]
        assert len(set(seen)) == len(seen)


async def test_what_is_stored_is_read_when_a_host_begins_or_comes_back(engine: Engine) -> None:
    asked: list[list[str]] = []

    async def resume(hosts: Collection[str]) -> Mapping[str, int]:
        assert not any(fleet.statuses(host)[-1:] == ["up"] for host in hosts)
        asked.append(sorted(hosts))
        return {}

    a, b, off = local("a", engine), local("b", engine), local("off", engine, enabled=False)
    async with watched(resume=resume) as fleet:
        fleet.want(a, off)
        await fleet.until_up("a")
        fleet.want(msgspec.structs.replace(a, enabled=False), b, off)
        await fleet.until_up("b")
        fleet.want(a, msgspec.structs.replace(off, enabled=True))  # a goes on by itself
        await fleet.until_up("a", "off")
        fleet.want(a, b)
        await fleet.until_up("b")
    assert asked == [["a"], ["b"], ["off"], ["b"]]


async def test_a_host_that_does_not_answer_keeps_no_change_waiting(
    engine: Engine, lab: Lab
) -> None:
    network = lab.namespace()
    server = lab.sshd(network)
    network.drop()
    silent = ssh("silent", server, engine, monitoring=Monitoring())
    async with watched(silent) as fleet:
        await fleet.until(lambda: "silent" in fleet.tracker.hosts, "begun")
        begun = trio.current_time()
        fleet.want(local("a", engine))
        await fleet.until_up("a")
        assert trio.current_time() - begun < 5


async def test_the_thread_for_ssh_outlives_a_host_that_is_away(attempts: list[str]) -> None:
    away = SshHost(name="away", address="127.0.0.1", port=1, agent=False, retry=AT_ONCE)
    async with watched() as fleet:
        assert not _ssh_threads()
        fleet.want(away)
        await fleet.until(lambda: len(attempts) == 2, "two attempts")
        (first,) = _ssh_threads()
        await fleet.until(lambda: len(attempts) == 4, "two more")
        fleet.want()
        await fleet.until(lambda: not fleet.tracker.hosts, "removed")
        assert _ssh_threads() == [first]
    assert not _ssh_threads()


def _ssh_threads() -> list[int | None]:
    return [thread.ident for thread in threading.enumerate() if thread.name == "fleet-ssh"]
