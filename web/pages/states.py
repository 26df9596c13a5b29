"""How grave a state is: the tone that pages show it in, always beside its word."""

from __future__ import annotations

from typing import Literal

from web.documents import ContainerDocument, FleetDocument, HostDocument

Tone = Literal["good", "warn", "bad", "busy", "idle"]
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


def host_tone(host: HostDocument) -> Tone:
    """Of a host: one that is up and has sick containers is no good."""
    match host.status:
        case "down":
            return "bad"
        case "connecting":
            return "busy"
        case "disabled":
            return "idle"
    sick = host.containers.unhealthy or host.containers.restarting or host.warnings
    return "warn" if sick else "good"


def container_tone(container: ContainerDocument) -> Tone:
    """Of a container."""
    if container.health.status == "unhealthy":
        return "bad"
    if container.state == "exited" and (container.exit_code or container.oom_killed):
        return "warn"
    return _STATES.get(container.state, "idle")
