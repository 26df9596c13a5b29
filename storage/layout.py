"""How history is cut by time, and what is kept of it: for every table with a column `time`."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import msgspec

Kept = Literal[
    "samples",
    "logs",
    "events",
    "health",
    "image_versions",
    "audit",
    "minutes",
    "hours",
    "days",
]


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """One table. `kept` is its setting of `[storage.retention]`.

    `width` is that of a partition or chunk: of large tables a day, so that retention costs next to
    nothing; of small ones more, so that there are not many.
    """

    kept: Kept
    width: timedelta


_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_MONTH = timedelta(days=30)
_YEAR = timedelta(days=365)

SAMPLED = ("container_stats", "host_stats")

RAW: dict[str, Layout] = {
    **{name: Layout(kept="samples", width=_DAY) for name in SAMPLED},
    "container_logs": Layout(kept="logs", width=_DAY),
    "container_events": Layout(kept="events", width=_WEEK),
    "route_changes": Layout(kept="events", width=_WEEK),
    "host_health": Layout(kept="health", width=_WEEK),
    "image_versions": Layout(kept="image_versions", width=_MONTH),
    "access_audit": Layout(kept="audit", width=_MONTH),
}
ROLLUPS: dict[str, Layout] = {
    **{f"{name}_1m": Layout(kept="minutes", width=_DAY) for name in SAMPLED},
    **{f"{name}_1h": Layout(kept="hours", width=_MONTH) for name in SAMPLED},
    **{f"{name}_1d": Layout(kept="days", width=_YEAR) for name in SAMPLED},
}
LAYOUT = {**RAW, **ROLLUPS}
