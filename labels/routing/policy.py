"""How patient the table of routes is."""

from __future__ import annotations

from labels.model import Value


class TablePolicy(Value, frozen=True, kw_only=True):
    """Times in seconds.

    Attributes:
        drain: How long a container that ended is shown as draining.
        recreate_grace: How long a route stays for a container that ended or is gone.
        mass_removal: The share of all routes that may go within a minute; 0: any.
        mass_removal_least: Fewer routes than these may always go.
        mass_removal_hold: How long routes are held that went with too many others.
    """

    drain: float = 10.0
    recreate_grace: float = 60.0
    mass_removal: float = 0.5
    mass_removal_least: int = 3
    mass_removal_hold: float = 600.0
