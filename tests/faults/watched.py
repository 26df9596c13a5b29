"""A fleet's heart in this process, with everything it ever said kept for the test to judge."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import trio

from config.models import Fleet, Host, LocalHost, Monitoring, Retry, SshHost, TcpHost, TlsFiles
from connectors.endpoint import Endpoint
from fleet.changes import Change, EventSeen, HostChanged, Sampled
from fleet.events import NOISE
from fleet.limits import Limits
from fleet.model import Container, EngineEvent, HostState, Sample
from fleet.session import Publish
from fleet.supervisor import Resume, Supervisor
from fleet.tracker import Tracker
from tests.lab.engines import Engine
from tests.lab.sshd import Sshd
from tests.lab.tls import TlsFiles as Pair

T = TypeVar("T")

FAST = Monitoring(
    stats_interval=1,
    ping_interval=1,
    request_timeout=3,
    connect_timeout=5,
    discovery_interval=5,
)
AT_ONCE = Retry(minimum=0.05, maximum=1)

EventKey = tuple[int, str, str, str]


def local(name: str, engine: Engine | Path, **changes: Any) -> LocalHost:
    """The host that an operator would write for a socket."""
    socket = engine if isinstance(engine, Path) else engine.socket
    return LocalHost(**(_common(name) | {"socket": socket} | changes))


def ssh(name: str, sshd: Sshd, engine: Engine, **changes: Any) -> SshHost:
    """The host that an operator would write for an Engine behind an sshd."""
    nothing = sshd.folder / "ssh_config"
    nothing.touch()  # nobody's own ~/.ssh/config takes part
    settings = {
        "address": sshd.address,
        "port": sshd.port,
        "username": sshd.username,
        "key_file": sshd.client_key,
        "known_hosts_file": sshd.known_hosts,
        "ssh_config_file": nothing,
        "agent": False,
        "socket": str(engine.socket),
    }
    return SshHost(**(_common(name) | settings | changes))


def tcp(name: str, address: tuple[str, int], client: Pair | None, **changes: Any) -> TcpHost:
    """The host that an operator would write for an Engine on TCP; plain without a client pair."""
    tls = client and TlsFiles(ca_file=client.ca, cert_file=client.cert, key_file=client.key)
    settings = {"address": address[0], "port": address[1], "tls": tls, "insecure": client is None}
    return TcpHost(**(_common(name) | settings | changes))


def _common(name: str) -> dict[str, Any]:
    return {"name": name, "monitoring": FAST, "retry": AT_ONCE}


def patient(host: Host) -> Host:
    """The same host with the intervals that it has when nobody sets any."""
    return msgspec.structs.replace(host, monitoring=Monitoring(), retry=Retry())


def not_published(_host: Host, _endpoint: Endpoint) -> AbstractAsyncContextManager[None]:
    """Offer a host's Engine to nobody."""
    return nullcontext()


def key(event: EngineEvent) -> EventKey:
    """What makes an event that event."""
    return event.time_nano, event.type, event.action, event.actor_id


def told(engine: Engine, since: float, until: float | None = None) -> list[EventKey]:
    """What the Docker SDK says that an Engine's events were, without the noise."""
    end = time.time() if until is None else until
    found = engine.sdk().api.events(
        since=f"{since:.9f}",  # type: ignore[call-overload]  # the Engine takes fractions too
        until=f"{end:.9f}",
        decode=True,
    )
    return [
        (e["timeNano"], e["Type"], e["Action"], e["Actor"]["ID"])
        for e in found
        if e["Action"].partition(":")[0] not in NOISE
    ]


@dataclass(frozen=True)
class Turn:
    """A host's state at a moment of trio's clock."""

    at: float
    state: HostState


class Watched:
    """A tracker with a supervisor, and a record of all changes."""

    def __init__(self, limits: Limits, publish: Publish, resume: Resume) -> None:
        self.tracker = Tracker()
        self.supervisor = Supervisor(self.tracker, limits, publish, resume)
        self.events: dict[str, list[EngineEvent]] = defaultdict(list)
        self.samples: dict[str, list[tuple[float, Container, Sample]]] = defaultdict(list)
        self.turns: dict[str, list[Turn]] = defaultdict(list)
        self._changed = trio.Event()
        self.tracker.listen(self._hear)

    def _hear(self, change: Change) -> None:
        match change:
            case EventSeen(host=host, event=event):
                self.events[host].append(event)
            case Sampled(host=host, container=container, sample=sample):
                self.samples[host].append((trio.current_time(), container, sample))
            case HostChanged(host=host, state=state):
                self.turns[host].append(Turn(trio.current_time(), state))
        self._changed.set()

    def want(self, *hosts: Host, restart: frozenset[str] = frozenset()) -> None:
        """Have these hosts and no others."""
        self.supervisor.want({host.name: host for host in hosts}, restart)

    async def until(self, check: Callable[[], T], what: str, deadline: float = 20.0) -> T:
        """Wait for the first true answer of `check`, asked after every change and now and then."""
        with trio.move_on_after(deadline):
            while True:
                if answer := check():
                    return answer
                self._changed = trio.Event()
                with trio.move_on_after(0.1):
                    await self._changed.wait()
        raise AssertionError(f"{what}: not within {deadline:g} s; {self.summary()}")

    def summary(self) -> str:
        """All hosts in short, for a failed test's message."""
        states = self.tracker.hosts.values()
        return ", ".join(
            f"{s.name} {s.status} {s.error.message if s.error else ''}" for s in states
        )

    def status(self, name: str) -> str:
        """A host's status, empty as long as it is unknown."""
        state = self.tracker.hosts.get(name)
        return state.status if state else ""

    def statuses(self, name: str) -> list[str]:
        """The states that a host went through."""
        return [status for status, _ in groupby(turn.state.status for turn in self.turns[name])]

    async def until_up(self, *names: str, deadline: float = 20.0) -> None:
        """Wait until these hosts are up and their containers listed."""
        await self.until(
            lambda: all(self.status(name) == "up" for name in names),
            f"{', '.join(names)} up",
            deadline,
        )

    async def until_down(self, name: str, deadline: float = 20.0) -> HostState:
        """Wait until a host is down, and return how it then was."""
        await self.until(lambda: self.status(name) == "down", f"{name} down", deadline)
        return self.tracker.hosts[name]

    async def until_seen(self, host: str, wanted: Sequence[EventKey], deadline: float = 10) -> None:
        """Wait until all these events have been seen."""
        await self.until(
            lambda: set(wanted) <= {key(event) for event in self.events[host]},
            f"{len(wanted)} events of {host}",
            deadline,
        )

    def container(self, host: str, name: str) -> Container | None:
        """A container by its name."""
        found = self.tracker.containers(host).values()
        return next((one for one in found if one.name == name), None)

    def samples_of(self, host: str, name: str) -> Iterator[tuple[float, Sample]]:
        """When a container was sampled, and what came of it."""
        for at, container, sample in self.samples[host]:
            if container.name == name:
                yield at, sample


@asynccontextmanager
async def watched(
    *hosts: Host,
    publish: Publish = not_published,
    resume: Resume | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[Watched]:
    """Watch hosts for the length of the block."""
    limits = limits or Limits.of(Fleet(data_dir=Path("/nonexistent")))

    async def stored(_hosts: Collection[str]) -> Mapping[str, int]:
        return {}

    fleet = Watched(limits, publish, resume or stored)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fleet.supervisor.run)
        fleet.want(*hosts)
        yield fleet
        nursery.cancel_scope.cancel()
