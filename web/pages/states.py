"""How grave a state is: the tone that pages show it in, always beside its word."""

from __future__ import annotations

from typing import Literal

from web.documents import ContainerDocument, CountsDocument, FleetDocument, HostDocument

Tone = Literal["good", "warn", "bad", "busy", "idle"]
Condition = Literal["down", "connecting", "degraded", "up", "disabled"]
CONDITIONS: tuple[Condition, ...] = ("down", "connecting", "degraded", "up", "disabled")
"""How a host is, those first that need somebody."""

NEEDY: tuple[Condition, ...] = CONDITIONS[:3]
CONDITION_TONES: dict[Condition, Tone] = {
    "down": "bad",
    "connecting": "busy",
    "degraded": "warn",
    "up": "good",
    "disabled": "idle",
}
STOPPED = frozenset({130, 137, 143})  # by somebody: interrupted, killed, terminated
_VERDICTS: dict[str, Tone] = {"ok": "good", "degraded": "warn", "down": "bad"}
_STATES: dict[str, Tone] = {
    "running": "good",
    "restarting": "warn",
    "paused": "warn",
    "dead": "bad",
}


def verdict_tone(fleet: FleetDocument) -> Tone:
    """Of the fleet as a whole."""
    return _VERDICTS[fleet.verdict]


def condition(host: HostDocument) -> Condition:
    """How a host is: `degraded` where it is up and has sick containers."""
    if host.status == "up" and (host.containers.unhealthy or host.containers.restarting):
        return "degraded"
    return host.status


def host_tone(host: HostDocument) -> Tone:
    """Of a host."""
    return CONDITION_TONES[condition(host)]


def beyond_loops(counts: CountsDocument) -> int:
    """How many restart for certain that do not loop, as those do so every other second."""
    return max(0, counts.restarting - counts.looping)


def ailment(container: ContainerDocument) -> str:
    """What is wrong with a container, in a word; empty for nothing.

    One that loops does so whatever its state is at this moment. One that ended as it does when
    somebody stops it is not said to have crashed.
    """
    if container.looping:
        return "looping"
    if container.state in ("restarting", "dead"):
        return container.state
    if container.health.status == "unhealthy":
        return "unhealthy"
    if container.state != "exited":
        return ""
    if container.oom_killed:
        return "out of memory"
    return "crashed" if container.exit_code and container.exit_code not in STOPPED else ""


def container_tone(container: ContainerDocument) -> Tone:
    """Of a container."""
    if container.health.status == "unhealthy":
        return "bad"
    if container.state == "exited" and (container.exit_code or container.oom_killed):
        return "warn"
    return _STATES.get(container.state, "idle")
