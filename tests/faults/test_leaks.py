"""Fifty rounds of connect, follow, lose and connect again leave nothing behind."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import trio

from config.models import Host, Retry
from connectors.ssh_sockets import socket_folder
from tests.connectors.reach import until
from tests.faults.watched import Watched, local, ssh, tcp, watched
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab
from tests.lab.proxy import Relay
from tests.lab.reap import processes_of
from tests.lab.runs import new_part
from tests.lab.sshd import Sshd

ROUNDS = 50
SOON = Retry(minimum=0.01, maximum=0.05)


class Rounds:
    """Hosts of every kind of connection, and what breaks them all at once."""

    def __init__(self, lab: Lab) -> None:
        authority = lab.authority()
        engine: Engine = lab.engine("trixie", tcp=authority.server("127.0.0.1"))
        engine.run_containers(2)
        assert engine.address
        self.engine = engine
        self.sshds: list[Sshd] = [
            lab.sshd(),
            lab.sshd(options={"AllowStreamLocalForwarding": "no"}),
        ]
        self.relays: list[Relay] = [
            lab.relay(engine.address),
            lab.relay(engine.socket, new_part("r") / "relay.sock"),
        ]
        secure, plain = (relay.address for relay in self.relays)
        assert isinstance(secure, tuple)
        assert isinstance(plain, Path)
        self.hosts: list[Host] = [
            ssh("forwarded", self.sshds[0], engine, retry=SOON),
            ssh("dialled", self.sshds[1], engine, retry=SOON),
            tcp("secure", secure, authority.client(), retry=SOON),
            local("plain", plain, retry=SOON),
        ]

    def lose(self, number: int) -> list[str]:
        """End the connections of a round; returns whose.

        A docker command takes a second to start, so dial-stdio takes part in every fifth round.
        """
        self.sshds[0].kill_sessions()
        for relay in self.relays:
            relay.cut()
        if number % 5:
            return ["forwarded", "secure", "plain"]
        self.sshds[1].kill_sessions()
        return ["forwarded", "dialled", "secure", "plain"]

    def elsewhere(self) -> int:
        """Count what runs or is open for us on the other side."""
        processes = sum(len(sshd.session_processes()) for sshd in self.sshds)
        dialled = sum("dial-stdio" in _command(pid) for pid in processes_of(self.engine.folder))
        return processes + dialled + sum(relay.connections for relay in self.relays)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def ours() -> dict[str, int]:
    """Count what this process holds."""
    return {
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "tasks": trio.lowlevel.current_statistics().tasks_living,
        "threads": threading.active_count(),
        "sockets": len(list(socket_folder(os.environ).glob(f"{os.getpid()}-*"))),
    }


async def _play(fleet: Watched, rounds: Rounds, count: int) -> list[dict[str, int]]:
    """Come up and be lost `count` times, then leave; returns what was held whenever all were up."""
    held = []
    names = [host.name for host in rounds.hosts]
    fleet.want(*rounds.hosts)
    for number in range(count):
        await fleet.until_up(*names)
        held.append(ours())
        before = {name: fleet.tracker.hosts[name].reconnects for name in names}
        for name in await trio.to_thread.run_sync(rounds.lose, number):
            await fleet.until(
                lambda name=name, before=before: (  # type: ignore[misc]
                    fleet.tracker.hosts[name].reconnects > before[name]
                ),
                f"{name} is lost in round {number}",
            )
    await fleet.until_up(*names)
    fleet.want()
    await fleet.until(lambda: not fleet.tracker.hosts, "all have left")
    return held


async def test_fifty_rounds_leave_nothing(lab: Lab) -> None:
    rounds = Rounds(lab)
    async with watched() as fleet:
        await _play(fleet, rounds, 2)
        await until(lambda: rounds.elsewhere() == 0, "nothing is left after two rounds")
        before = ours()
        held = await _play(fleet, rounds, ROUNDS)
        await until(lambda: rounds.elsewhere() == 0, "nothing is left elsewhere")
        await until(
            lambda: all(ours()[kind] <= count for kind, count in before.items()),
            f"nothing is left here beyond {before}",
        )
        for kind in ("files", "tasks", "threads"):
            early, late = held[:15], held[-15:]
            assert max(h[kind] for h in late) <= max(h[kind] for h in early) * 1.15 + 4, kind
        for name in fleet.events:
            seen = [(e.time_nano, e.type, e.action, e.actor_id) for e in fleet.events[name]]
            assert len(seen) <= 2 * len(set(seen))  # a host that left and came is told anew, once
