"""What each query parameter must be, in words: for the schema and for the errors alike."""

from __future__ import annotations

from typing import Literal, get_args

from labels.drift.comparing import ProxyKind

State = Literal[
    "created",
    "running",
    "paused",
    "restarting",
    "removing",
    "exited",
    "dead",
    # Podman's own
    "configured",
    "initialized",
    "stopping",
    "stopped",
    # Ours: it ends again and again, whatever its state is now
    "looping",
]
Health = Literal["healthy", "unhealthy", "starting", "none"]
STATES: tuple[State, ...] = get_args(State)
LOOPING: State = "looping"
HEALTHS: tuple[Health, ...] = get_args(Health)
MAX_PAGE = 1000
MAX_OFFSET = 1_000_000
MAX_POINTS = 10_000
MAX_TOP = 100

Level = Literal["debug", "info", "warning", "error", "critical"]
LogStream = Literal["stdout", "stderr", "fleet"]
LEVELS: tuple[Level, ...] = get_args(Level)
RESOLUTIONS: tuple[str, ...] = ("raw", "1m", "1h", "1d")
SORTS: tuple[str, ...] = ("cpu", "memory", "network", "block")

Status = Literal["up", "degraded", "down"]
IssueSeverity = Literal["error", "warning", "info"]
ROUTE_STATUSES: tuple[Status, ...] = get_args(Status)
SEVERITIES: tuple[IssueSeverity, ...] = get_args(IssueSeverity)
PROXIES: tuple[ProxyKind, ...] = get_args(ProxyKind)
MAX_REVISION = 2**63 - 1
MAX_WAIT = 60  # seconds

_TIME = (
    "a time with its zone like 2026-01-31T12:00:00Z, Unix seconds, or how long ago like 15m, 2h, 7d"
)
_EXPECTED = {
    "host": "the name of a configured host, as in /api/hosts",
    "state": f"one of {', '.join(STATES)}; repeat it for several",
    "health": f"one of {', '.join(HEALTHS)}; repeat it for several",
    "label": "KEY or KEY=VALUE; repeat it, all must match",
    "name": "part of a container's name, or a pattern with * and ?",
    "limit": f"a whole number from 1 to {MAX_PAGE}",
    "offset": f"a whole number from 0 to {MAX_OFFSET}",
    "start": _TIME,
    "end": _TIME,
    "since": _TIME,
    "until": _TIME,
    "last": "a duration up to 800 days like 90s, 15m, 2h, 7d; not together with start or end",
    "points": f"a whole number from 1 to {MAX_POINTS}",
    "type": "an event type like container, image, network or volume",
    "action": "an event action like start, die or health_status: healthy",
    "container": "a container's name, HOST/NAME or identity, or at least 4 characters of its id",
    "resolution": f"one of {', '.join(RESOLUTIONS)}; the best for the span unless given",
    "sort": f"one of {', '.join(SORTS)}",
    "id": "an id, the first 4 characters of one or more, or HOST/NAME; repeat it for several",
    "fields": "the fields wanted of each item, like host,name,stats.cpu_percent; all unless given",
    "text": "text to find in a line, in any case, of 1 to 1000 characters",
    "regex": "a regular expression of PostgreSQL's, of at most 500 characters",
    "level": f"one of {', '.join(LEVELS)}; repeat it for several",
    "stream": "one of stdout, stderr or fleet; repeat it for several",
    "direction": "backward (from the newest line) or forward (from the oldest)",
    "cursor": "what an answer to the same query (sort, too) gave as next, older or newer, as it is",
    "domain": "a domain, or a pattern with * and ?",
    "status": f"one of {', '.join(ROUTE_STATUSES)}; repeat it for several",
    "severity": f"one of {', '.join(SEVERITIES)}; repeat it for several",
    "code": "the code of an issue like bad-port; repeat it for several",
    "wait": f"a duration up to {MAX_WAIT}s like 30s, together with revision",
    "revision": "the revision of an earlier answer; with wait, another one is waited for",
    "format": "the name of a format that is rendered, for what it cannot express",
    "proxy": f"one of {', '.join(PROXIES)}",
    "url": "the address of a proxy's admin interface, such as http://127.0.0.1:2019",
    "snapshot": "false for only what changes from now on, without what there is",
    "tail": f"a whole number from 0 to {MAX_PAGE}: how many stored lines come first",
    "follow": "true for the lines that come too, as server-sent events",
}


def expected(name: str) -> str:
    """What the parameter must be; every declared parameter has an entry."""
    return _EXPECTED[name]
