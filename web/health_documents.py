"""What the API answers about how hosts were: the published documents, as in `web.documents`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from web.documents import Document

HealthState = Literal["up", "degraded", "down", "connecting", "unknown"]


class HealthSpanDocument(Document, frozen=True, kw_only=True):
    """A time in which a host was the same.

    `degraded`: up, with unhealthy containers. `unknown`: nobody watched it.
    """

    start: datetime
    end: datetime
    state: HealthState
    engine_version: str | None = None
    error_kind: str | None = None
    error: str | None = None


class OutageDocument(Document, frozen=True, kw_only=True):
    """A time in which a host was down; connecting anew in between does not end it.

    `end` None: it goes on. `start_seen` and `end_seen` are false where nobody watched the host
    begin, or cease, to be down: then `seconds` is only what is known of it. `kind` and `message`
    are the first cause, None where it was not kept; `attempts` failed in a row.
    """

    start: datetime
    end: datetime | None
    seconds: float
    start_seen: bool
    end_seen: bool
    kind: str | None
    message: str | None
    attempts: int | None


class EngineChangeDocument(Document, frozen=True, kw_only=True):
    """At `time` the Engine first said that it is of another version than `before`."""

    time: datetime
    before: str
    after: str


class AvailabilityDocument(Document, frozen=True, kw_only=True):
    """`/api/hosts/{host}/availability`: how much of a span a host was up.

    `up_percent` is of the known time: `up_seconds` (in which all containers were well),
    `degraded_seconds` and `down_seconds`. Time in which nobody watched, and that of connecting for
    the first time, count as neither. `response_ms` is the mean of all answers.
    """

    host: str
    start: datetime
    end: datetime
    up_percent: float | None
    up_seconds: float
    degraded_seconds: float
    down_seconds: float
    connecting_seconds: float
    unknown_seconds: float
    response_ms: float | None
    longest_outage_seconds: float | None
    outages: tuple[OutageDocument, ...]  # newest first
    engine_changes: tuple[EngineChangeDocument, ...]  # newest first
    spans: tuple[HealthSpanDocument, ...]  # oldest first, without gaps
    truncated: bool = False  # there were more changes than are read at once; the oldest are unknown
