"""How members stand, and how settings are called, in words for people."""

from __future__ import annotations

from collections.abc import Sequence

from labels.model import Settings, Standing

STANDINGS: dict[Standing, str] = {
    "up": "up",
    "stale": "up when its host was last reached",
    "starting": "starting",
    "unhealthy": "unhealthy",
    "paused": "paused",
    "draining": "draining",
    "stopped": "stopped",
    "gone": "removed",
    "unreachable": "no proxy can reach it",
    "off": "weight 0",
}


def differing(one: Settings, other: Settings) -> tuple[str, ...]:
    """The names of the settings in which two differ, sorted."""
    names = Settings.__struct_fields__
    return tuple(sorted(name for name in names if getattr(one, name) != getattr(other, name)))


def listed(parts: Sequence[str], most: int = 3) -> str:
    """`a`, `a and b`, `a, b, c and 2 more`."""
    shown = list(parts[:most])
    if len(parts) > most:
        shown.append(f"{len(parts) - most} more")
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
