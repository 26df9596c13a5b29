"""What happened to a container last, so that a change of the routes can say why. Pure."""

from __future__ import annotations

from typing import NamedTuple

from fleet.model import Container, EngineEvent
from labels.model import Cause

MOST = 10_000  # containers whose last event is kept
LONGEST = 30.0  # seconds for which an event explains what is found out after it

# What changes how a container stands or where it is found.
TELLING = frozenset(
    (
        *("create", "start", "die", "died", "pause", "unpause", "oom", "health_status"),
        *("rename", "update", "destroy", "remove"),
    )
)
# What only goes before `die` or `start`: it explains nothing where there is better.
ASKING = frozenset(("kill", "stop", "restart", "init"))
NETWORK = {"connect": "network connect", "disconnect": "network disconnect"}
ENDED = frozenset(("exited", "dead", "removing"))


class _Heard(NamedTuple):
    at: float
    word: str

    @property
    def weak(self) -> bool:
        return self.word in ASKING or self.word in NETWORK.values()


class Causes:
    """The last event of each container, until it has explained a change."""

    def __init__(self) -> None:
        self._heard: dict[tuple[str, str], _Heard] = {}  # the oldest first

    def hear(self, event: EngineEvent, at: float) -> None:
        """Keep an event if it may explain a change; `at` is any steady clock's seconds."""
        found = _told(event)
        if found is None:
            return
        key, heard = (event.host, found[0]), _Heard(at, found[1])
        known = self._heard.get(key)
        if heard.weak and known is not None and not known.weak and at - known.at <= LONGEST:
            return
        self._heard.pop(key, None)
        self._heard[key] = heard
        if len(self._heard) > MOST:
            del self._heard[next(iter(self._heard))]

    def of(self, container: Container, at: float) -> Cause:
        """Why a container changed; `listed` if nothing was heard that explains it.

        One that was told to end may be found ended before its `die` comes, and one that is about
        to start may be found started.
        """
        word = self._take(container.host, container.id, at)
        if container.state in ENDED and word in (*ASKING, NETWORK["disconnect"]):
            word = "die"
        elif word in ("init", "restart"):
            word = "start"
        elif word in ASKING:
            word = "listed"
        return cause_of(container, word)

    def of_gone(self, container: Container, at: float) -> Cause:
        """Why a container went."""
        word = self._take(container.host, container.id, at)
        return cause_of(container, word if word in ("destroy", "remove") else "listed")

    def forget(self, host: str) -> None:
        """Let go what was heard of a host: a list says more."""
        self._heard = {key: heard for key, heard in self._heard.items() if key[0] != host}

    def _take(self, host: str, container_id: str, at: float) -> str:
        heard = self._heard.pop((host, container_id), None)
        return heard.word if heard is not None and at - heard.at <= LONGEST else "listed"


def cause_of(container: Container, word: str) -> Cause:
    """A cause that is about a container."""
    return Cause(
        event=word,
        host=container.host,
        container=container.name,
        container_id=container.id,
    )


def _told(event: EngineEvent) -> tuple[str, str] | None:
    """Whom an event is about and what to call it; None for one that explains nothing."""
    action = event.action.partition(":")[0]
    if event.type == "container" and (action in TELLING or action in ASKING):
        return event.actor_id, event.action
    if event.type == "network" and action in NETWORK:
        container = event.attributes.get("container")
        return (container, NETWORK[action]) if container else None
    return None
