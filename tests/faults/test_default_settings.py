"""All faults at once, with the settings that hosts have when nobody sets any.

How soon is each shown, who else suffers, how soon is it over, and what is lost? One fleet of
seventeen hosts, a minute and a half of wall time. The figures are printed (`pytest -s`).
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
import trio

from config.models import Config, Fleet, Host, Storage
from fleet.rows import RowWriter
from storage.queries import recent_events
from storage.store import Store, open_store
from tests.faults.watched import (
    EventKey,
    Watched,
    key,
    local,
    patient,
    ssh,
    tcp,
    told,
    watched,
)
from tests.lab.engines import Engine
from tests.lab.errors import LabError
from tests.lab.fixtures import Lab
from tests.lab.networks import Namespace
from tests.lab.rubbish import Rubbish
from tests.lab.sshd import Sshd
from tests.lab.tls import Authority
from tests.lab.tls import TlsFiles as Pair

NOTICED = 45.0
RECOVERED = 15.0
AT_LEAST = 35.0  # seconds that every fault lasts: longer than any single patience
KIND = "trixie"


@dataclass
class Fault:
    """What happens to which hosts, and what must be said about them."""

    name: str
    hosts: dict[str, Engine]
    kinds: set[str]
    strike: Callable[[], object]
    mend: Callable[[], object]
    struck: float = 0.0
    mended: float = 0.0
    before: list[EventKey] = field(default_factory=list)  # of an Engine that forgets


class Stage:
    """The Engines, hosts and faults of the test."""

    def __init__(self, lab: Lab) -> None:
        self.hosts: dict[str, Host] = {}
        self.engines: dict[str, Engine] = {}  # by host
        self.faults: list[Fault] = []
        self.begun = time.time()
        authority = lab.authority()
        client = authority.client()
        line, filtered = lab.namespace(), lab.namespace()
        self.all_engines = self._start_engines(lab, authority, line, filtered)
        well, frozen, killed, cut, dropped = self.all_engines
        self.killed = killed
        self._break_engines(lab.sshd(), client, well, frozen, killed)
        self._break_lines(lab, client, line, cut, filtered, dropped)
        self._break_sshd(lab, well)
        self._answer_rubbish(lab, well)

    def _start_engines(
        self, lab: Lab, authority: Authority, line: Namespace, filtered: Namespace
    ) -> list[Engine]:
        here = authority.server("127.0.0.1")
        there = [(name, authority.server(name.inside)) for name in (line, filtered)]
        with ThreadPoolExecutor(2) as threads:
            made = [
                threads.submit(lab.engine, KIND, tcp=here),
                threads.submit(lab.engine, KIND, tcp=here),
                threads.submit(lab.engine, KIND),
                *(threads.submit(lab.engine, KIND, namespace=n, tcp=files) for n, files in there),
            ]
            engines = [one.result() for one in made]
            list(threads.map(lambda engine: engine.run_containers(2), engines))
        return engines

    def _break_engines(
        self, door: Sshd, client: Pair, well: Engine, frozen: Engine, killed: Engine
    ) -> None:
        assert well.address
        assert frozen.address
        self._add(well, local("well-local", well), ssh("well-ssh", door, well))
        self._add(well, tcp("well-tcp", well.address, client))
        self._add(frozen, local("frozen-local", frozen), ssh("frozen-ssh", door, frozen))
        self._add(frozen, tcp("frozen-tcp", frozen.address, client))
        self._fault("Engine SIGSTOPped", "frozen", {"unreachable"}, frozen.pause, frozen.resume)
        self._add(killed, local("killed-local", killed), ssh("killed-ssh", door, killed))
        self._fault("Engine SIGKILLed", "killed", {"unreachable"}, killed.kill, killed.start_again)

    def _break_lines(
        self,
        lab: Lab,
        client: Pair,
        line: Namespace,
        cut: Engine,
        filtered: Namespace,
        dropped: Engine,
    ) -> None:
        assert cut.address
        assert dropped.address
        self._add(cut, ssh("line-ssh", lab.sshd(line), cut), tcp("line-tcp", cut.address, client))
        self._fault("link down", "line", {"unreachable"}, line.link_down, line.link_up)
        self._add(dropped, ssh("drop-ssh", lab.sshd(filtered), dropped))
        self._add(dropped, tcp("drop-tcp", dropped.address, client))
        self._fault("packets dropped", "drop", {"unreachable"}, filtered.drop, filtered.allow)

    def _break_sshd(self, lab: Lab, well: Engine) -> None:
        dying, silent, rotated, forgetful = (lab.sshd() for _ in range(4))
        self._add(well, ssh("sshd-killed", dying, well), ssh("sshd-frozen", silent, well))
        self._add(well, ssh("key-rotated", rotated, well), ssh("key-refused", forgetful, well))
        self._fault("sshd killed", "sshd-killed", {"unreachable"}, dying.kill, dying.start_again)
        self._fault("sshd SIGSTOPped", "sshd-frozen", {"unreachable"}, silent.pause, silent.resume)

        def rotate() -> None:
            rotated.kill()
            rotated.rotate_host_key()
            rotated.start_again()

        self._fault("host key rotated", "key-rotated", {"host_key"}, rotate, rotated.trust_host_key)
        authorized = forgetful.client_key.with_suffix(".pub")
        kept = authorized.read_text()

        def forget() -> None:
            authorized.write_text("")
            forgetful.kill_sessions()

        self._fault(
            "key refused",
            "key-refused",
            {"authentication"},
            forget,
            lambda: authorized.write_text(kept),
        )

    def _answer_rubbish(self, lab: Lab, well: Engine) -> None:
        relay, liar = lab.relay(well.socket), lab.rubbish(Rubbish.NOT_HTTP)
        assert isinstance(relay.address, tuple)
        self._add(well, tcp("rubbish", relay.address, None))

        def lead_to(target: Path | tuple[str, int]) -> None:
            relay.target = target
            relay.cut()

        self._fault(
            "Engine answers rubbish",
            "rubbish",
            {"protocol"},
            lambda: lead_to(liar.address),
            lambda: lead_to(well.socket),
        )

    def _add(self, engine: Engine, *hosts: Host) -> None:
        for host in hosts:
            self.hosts[host.name] = patient(host)
            self.engines[host.name] = engine

    def _fault(
        self,
        name: str,
        prefix: str,
        kinds: set[str],
        strike: Callable[[], object],
        mend: Callable[[], object],
    ) -> None:
        hosts = {n: e for n, e in self.engines.items() if n.startswith(prefix)}
        self.faults.append(Fault(name, hosts, kinds, strike, mend))

    def stir(self, name: str) -> None:
        """Have something happen on every Engine that can be asked."""
        for engine in self.all_engines:
            with suppress(LabError):
                if engine is not self.engines["frozen-local"] or name != "during":
                    engine.docker(
                        "run", "--name", name, "fleet-lab/busybox:1", "sh", "-c", "exit 4"
                    )


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder that the database's user may reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def stage(lab: Lab) -> Iterator[Stage]:
    made = Stage(lab)
    yield made
    with suppress(LabError):
        made.engines["frozen-local"].resume()


async def _in_thread(work: Callable[[], object]) -> None:
    await trio.to_thread.run_sync(work, limiter=trio.CapacityLimiter(1))


async def _strike(fault: Fault) -> None:
    if fault.name == "Engine SIGKILLed":
        engine = next(iter(fault.hosts.values()))
        fault.before = await trio.to_thread.run_sync(told, engine, 0.0)
    await _in_thread(fault.strike)
    fault.struck = trio.current_time()


async def _mend(fault: Fault) -> None:
    await _in_thread(fault.mend)
    fault.mended = trio.current_time()


def _noticed(fleet: Watched, fault: Fault, host: str) -> float | None:
    downs = (t.at for t in fleet.turns[host] if t.at >= fault.struck and t.state.status == "down")
    return next((at - fault.struck for at in downs), None)


def _recovered(fleet: Watched, fault: Fault, host: str) -> float | None:
    last = [t for t in fleet.turns[host] if t.state.status != "up"][-1].at
    if fleet.status(host) != "up":
        return None
    ups = (t.at for t in fleet.turns[host] if t.at >= last and t.state.status == "up")
    return next((max(at - fault.mended, 0.0) for at in ups), None)


async def _play(stage: Stage, fleet: Watched) -> list[str]:
    """Strike, wait until all is noticed, mend, wait until all is well; returns what was wrong."""
    wrong: list[str] = []
    await fleet.until_up(*stage.hosts, deadline=30)
    await _in_thread(lambda: stage.stir("before"))
    await fleet.until(lambda: all(fleet.samples[name] for name in stage.hosts), "samples", 20)
    async with trio.open_nursery() as nursery:
        for fault in stage.faults:
            nursery.start_soon(_strike, fault)
    struck = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_in_thread, lambda: stage.stir("during"))
        for fault in stage.faults:
            nursery.start_soon(_await_notice, fleet, fault, wrong)
        await trio.sleep(max(0.0, struck + AT_LEAST - trio.current_time()))
    async with trio.open_nursery() as nursery:
        for fault in stage.faults:
            nursery.start_soon(_mend, fault)
    with trio.move_on_after(RECOVERED + 15):
        await fleet.until(lambda: all(fleet.status(n) == "up" for n in stage.hosts), "all up", 60)
    await _in_thread(lambda: stage.stir("after"))
    return wrong


async def _await_notice(fleet: Watched, fault: Fault, wrong: list[str]) -> None:
    for name in fault.hosts:
        with trio.move_on_at(fault.struck + NOTICED + 15):
            await fleet.until(lambda name=name: fleet.status(name) == "down", name, 60)  # type: ignore[misc]
    for name in fault.hosts:
        # The first words may be of a stream that ended: a later attempt must tell the cause.
        def told_rightly(name: str = name) -> bool:
            error = fleet.tracker.hosts[name].error
            return error is not None and error.kind in fault.kinds

        try:
            await fleet.until(told_rightly, name, fault.struck + NOTICED - trio.current_time())
        except AssertionError:
            wrong.append(f"{name}: {fault.name} is told as {fleet.tracker.hosts[name].error}")


def _judge_times(stage: Stage, fleet: Watched) -> Iterator[str]:
    for fault in stage.faults:
        for name in fault.hosts:
            noticed, recovered = _noticed(fleet, fault, name), _recovered(fleet, fault, name)
            error = [t.state.error for t in fleet.turns[name] if t.state.error]
            shown = f"{error[0].kind}: {error[0].message}" if error else ""
            print(f"{fault.name:24}{name:14}{_s(noticed)} {_s(recovered)}  {shown}")
            if noticed is None or noticed > NOTICED:
                yield f"{name}: {fault.name} noticed after {_s(noticed)}"
            if recovered is None or recovered > RECOVERED:
                yield f"{name}: recovered from {fault.name} after {_s(recovered)}"


def _s(seconds: float | None) -> str:
    return f"{seconds:6.1f} s" if seconds is not None else "   never"


def _judge_bystanders(stage: Stage, fleet: Watched) -> Iterator[str]:
    struck = {name for fault in stage.faults for name in fault.hosts}
    for name in stage.hosts.keys() - struck:
        if {turn.state.status for turn in fleet.turns[name]} - {"connecting", "up"}:
            yield f"{name} was not up all the time"
        if fleet.tracker.hosts[name].missed_samples:
            yield f"{name} missed samples"
        for container in ("c-1", "c-2"):
            times = [at for at, _ in fleet.samples_of(name, container)]
            gaps = [then - at for at, then in pairwise(times)]
            if max(gaps) > 12 or len(times) < 2 + int((times[-1] - times[1]) / 10):
                yield f"{name}/{container}: gaps of {gaps}"


def _all_written(store: Store) -> bool:
    status = store.recorder.status()
    return not sum(status.queued.values()) and not status.spool.rows


async def _judge_events(stage: Stage, fleet: Watched, store: Store) -> list[str]:
    wrong = []
    forgotten = next(fault for fault in stage.faults if fault.before)
    for name, engine in stage.engines.items():
        oracle = set(await trio.to_thread.run_sync(told, engine, 0.0))
        oracle |= set(forgotten.before) if engine is stage.killed else set()
        with trio.move_on_after(5):
            await fleet.until_seen(name, list(oracle), 20)
        seen = Counter(map(key, fleet.events[name]))
        await fleet.until(lambda: _all_written(store), "written")
        rows = await recent_events(store.database, hosts=[name], limit=10_000)
        stored = {(row.time_nano, row.type, row.action, row.actor_id) for row in rows}
        if lost := oracle - seen.keys():
            wrong.append(f"{name} lost {sorted(lost)}")
        if doubled := [event for event, count in seen.items() if count > 1]:
            wrong.append(f"{name} doubled {doubled}")
        if stored != seen.keys() or len(rows) != len(stored):
            wrong.append(f"{name}: {len(rows)} rows of {len(seen)} events")
    return wrong


async def test_faults_are_noticed_borne_and_survived(stage: Stage, short_folder: Path) -> None:
    config = Config(
        fleet=Fleet(data_dir=short_folder / "data"), storage=Storage(), hosts=stage.hosts
    )
    async with open_store(config) as store, watched() as fleet:
        fleet.tracker.listen(RowWriter(fleet.tracker, lambda: stage.hosts, store.recorder.offer))
        fleet.want(*stage.hosts.values())
        wrong = await _play(stage, fleet)
        wrong += _judge_times(stage, fleet)
        wrong += _judge_bystanders(stage, fleet)
        wrong += await _judge_events(stage, fleet, store)
    assert not wrong, "\n".join(wrong)
