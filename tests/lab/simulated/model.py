"""What one simulated Engine has and tells: pure, by a clock of its own.

Whatever happens is a method here. It changes the containers and tells the events of it, so that
lists, inspects and events never differ.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random

from tests.lab.simulated.containers import Container, Made

KEPT_EVENTS = 256  # as an Engine does
TERM, KILL = 15, 9


@dataclass(frozen=True, slots=True)
class Happening:
    """An event, before it is told in the way of a kind of Engine.

    Attributes:
        nano: When, by the host's clock; no two are equal.
        type: ``container`` or ``network``.
        name: Of the container then; of the network.
        attributes: Beside name, image and labels.
    """

    nano: int
    type: str
    action: str
    actor: str
    name: str
    container: Container
    attributes: Mapping[str, str] = field(default_factory=dict)


Listener = Callable[[Happening], None]


def network_id(name: str) -> str:
    """The id of a network of this name."""
    return sha256(f"network {name}".encode()).hexdigest()


class EngineModel:
    """The containers and the last events of one host.

    Attributes:
        containers: By id, oldest first.
        happened: The last events, as many as an Engine keeps.
        listeners: Are called with each event, after the containers have changed.
    """

    def __init__(self, random: Random, clock: Callable[[], int]) -> None:
        """Begin with nothing; ``clock`` tells nanoseconds."""
        self.containers: dict[str, Container] = {}
        self.happened: deque[Happening] = deque(maxlen=KEPT_EVENTS)
        self.listeners: set[Listener] = set()
        self._random = random
        self._clock = clock
        self._last = 0
        self._addresses = 1

    def now(self) -> int:
        """Nanoseconds of the host's clock."""
        return self._clock()

    def find(self, wanted: str) -> Container | None:
        """Find a container by id, by name, or by the beginning of its id."""
        found = self.containers.get(wanted)
        if found is not None:
            return found
        name = wanted.removeprefix("/")
        for container in self.containers.values():
            if container.name == name:
                return container
        begun = [c for c in self.containers.values() if c.id.startswith(wanted)]
        return begun[0] if len(begun) == 1 and wanted else None

    # What happens

    def add(self, name: str, made: Made, created: int) -> Container:
        """Have a container without telling of it: it was there before."""
        self._addresses += 1
        id_ = f"{self._random.getrandbits(256):064x}"
        container = Container(id_, name, made, created, self._addresses)
        self.containers[id_] = container
        return container

    def create(self, name: str, made: Made) -> Container:
        """Create a container, not yet started."""
        container = self.add(name, made, self.now())
        self._tell(container, "create")
        return container

    def start(self, container: Container) -> None:
        """Begin a run."""
        self._tell_network(container, "connect")
        self.begin_run(container, self.now())
        self._tell(container, "start")

    def begin_run(self, container: Container, at: int) -> None:
        """Begin a run without telling of it."""
        container.begin_work(at)
        container.state, container.started, container.worked = "running", at, 0
        container.pid = self._random.randrange(1000, 4_000_000)
        container.exit_code, container.is_oom_killed = 0, False
        if container.made.is_checked:
            container.health, container.health_since = "starting", at

    def die(self, container: Container, code: int, *, oom: bool = False) -> None:
        """End by itself, or killed for its memory; its policy may have it restart soon."""
        policy = container.made.policy
        restarts = policy != "no"
        if oom:
            container.is_oom_killed = True
            self._tell(container, "oom")
        self.end_run(container, code, "restarting" if restarts else "exited", self.now())
        self._tell_end(container, code)

    def end_run(self, container: Container, code: int, state: str, at: int) -> None:
        """End a run without telling of it."""
        container.end_work(at)
        container.state, container.finished = state, at
        container.exit_code, container.pid = code, 0
        if container.health:
            container.health, container.health_since = "unhealthy", at

    def start_again(self, container: Container) -> None:
        """What a restart policy does with a container that is restarting."""
        container.restarts += 1
        self.start(container)

    def stop(self, container: Container) -> None:
        """Stop it: no policy restarts it."""
        self._tell(container, "kill", signal=str(TERM))
        code = self._random.choice((0, 143))
        self.end_run(container, code, "exited", self.now())
        self._tell_end(container, code)
        self._tell(container, "stop")

    def restart(self, container: Container) -> None:
        """Stop and start it."""
        self.stop(container)
        self.start(container)
        self._tell(container, "restart")

    def pause(self, container: Container) -> None:
        """Freeze its processes."""
        container.end_work(self.now())
        container.state = "paused"
        self._tell(container, "pause")

    def unpause(self, container: Container) -> None:
        """Let its processes go on."""
        container.begin_work(self.now())
        container.state = "running"
        self._tell(container, "unpause")

    def check(self, container: Container, health: str) -> None:
        """Have its health check come to another result."""
        container.health, container.health_since = health, self.now()
        self._tell(container, f"health_status: {health}")

    def rename(self, container: Container, name: str) -> None:
        """Give it another name."""
        before, container.name = container.name, name
        self._tell(container, "rename", oldName=f"/{before}")

    def destroy(self, container: Container) -> None:
        """Remove it; one that runs is killed first."""
        if container.has_processes:
            self._tell(container, "kill", signal=str(KILL))
            self.end_run(container, 137, "exited", self.now())
            self._tell_end(container, 137)
        del self.containers[container.id]
        self._tell(container, "destroy")

    # Telling

    def _tell_end(self, container: Container, code: int) -> None:
        self._tell_network(container, "disconnect")
        seconds = (container.finished - container.started) // 10**9
        self._tell(container, "die", exitCode=str(code), execDuration=str(seconds))

    def _tell(self, container: Container, action: str, **attributes: str) -> None:
        self._happened("container", action, container.id, container.name, container, attributes)

    def _tell_network(self, container: Container, action: str) -> None:
        name = container.made.network
        about = {"container": container.id}
        self._happened("network", action, network_id(name), name, container, about)

    def _happened(
        self,
        kind: str,
        action: str,
        actor: str,
        name: str,
        container: Container,
        attributes: Mapping[str, str],
    ) -> None:
        self._last = max(self.now(), self._last + 1000)
        happening = Happening(self._last, kind, action, actor, name, container, attributes)
        self.happened.append(happening)
        for listener in list(self.listeners):
            listener(happening)
