"""What happens on a simulated host while time goes on: one thing after another, from a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from tests.lab.simulated.containers import Container, Made
from tests.lab.simulated.model import EngineModel


class Life:
    """Lets things happen to the containers of one host, and keeps their number about the same.

    Args:
        model: Whose containers.
        random: Where chance comes from.
        new: Names and what to make of them.
        is_podman: There is no state between an end and the start that a policy asks for.
    """

    def __init__(
        self,
        model: EngineModel,
        random: Random,
        new: Iterator[tuple[str, Made]],
        *,
        is_podman: bool,
    ) -> None:
        self._model = model
        self._random = random
        self._new = new
        self._count = max(len(model.containers), 1)
        self._renamed = 0
        self._is_podman = is_podman

    def step(self) -> int:
        """Let one thing happen; returns how many events it told."""
        told: list[object] = []
        self._model.listeners.add(told.append)
        try:
            while not told:
                self._act()
        finally:
            self._model.listeners.discard(told.append)
        return len(told)

    def _act(self) -> None:
        """What is under way comes to its end first; then whatever chance wants."""
        model, containers = self._model, list(self._model.containers.values())
        waiting = [c for c in containers if c.state == "restarting" or c.health == "starting"]
        if waiting and self._random.random() < 0.5:
            self._go_on(self._random.choice(waiting))
        elif len(containers) < self._count:
            model.start(model.create(*next(self._new)))
        elif len(containers) > self._count:
            model.destroy(self._random.choice(containers))
        else:
            chosen = self._random.choice(containers)
            {
                "created": self._happens_to_idle,
                "exited": self._happens_to_idle,
                "restarting": self._go_on,
                "paused": model.unpause,
                "running": self._happens_to_running,
            }[chosen.state](chosen)

    def _go_on(self, container: Container) -> None:
        if container.state == "restarting":
            self._model.start_again(container)
        elif container.has_processes:
            well = self._random.random() < 0.9
            self._model.check(container, "healthy" if well else "unhealthy")

    def _happens_to_idle(self, container: Container) -> None:
        if self._random.random() < 0.8:
            self._model.start(container)
        else:
            self._model.destroy(container)

    def _happens_to_running(self, container: Container) -> None:
        acts: dict[Callable[[Container], None], float] = {
            self._model.restart: 3,
            self._model.stop: 1,
            self._die: 3,
            self._rename: 0.5,
            self._recreate: 2,
            self._model.pause: 0.5,
        }
        if container.health in ("healthy", "unhealthy"):
            acts[self._turn] = 4
        self._random.choices(list(acts), list(acts.values()))[0](container)

    def _die(self, container: Container) -> None:
        oom = self._random.random() < 0.3
        self._model.die(container, 137 if oom else self._random.choice((0, 1, 2, 139)), oom=oom)
        if self._is_podman and container.state == "restarting":
            self._model.start_again(container)

    def _turn(self, container: Container) -> None:
        self._model.check(container, "unhealthy" if container.health == "healthy" else "healthy")

    def _rename(self, container: Container) -> None:
        self._renamed += 1
        self._model.rename(container, f"{container.name.partition('.')[0]}.{self._renamed}")

    def _recreate(self, container: Container) -> None:
        """As Compose does after a change: another id, the same name."""
        self._model.stop(container)
        self._model.destroy(container)
        self._model.start(self._model.create(container.name, container.made))
