"""What happened to the connection to a host, newest first. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

import msgspec

from web.documents import HostDocument
from web.health_documents import AvailabilityDocument, OutageDocument

PAGE = 20
CAUSES = {
    "unreachable": "Not reachable",
    "authentication": "It refused the key, the password or the user",
    "tls": "The TLS handshake failed",
    "host_key": "Its SSH host key is not the one on record",
    "protocol": "What answered is no Docker Engine",
    "api": "The Engine refused a request",
    "not_found": "The Engine does not know what was asked for",
}
OTHER = "The connection failed"


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened.

    `end` None: it goes on, or takes no time. `at_least`: it may have lasted longer. `detail` is
    what a stranger said, perhaps.
    """

    kind: Literal["outage", "engine", "unwatched"]
    start: datetime
    end: datetime | None = None
    seconds: float | None = None
    goes_on: bool = False
    at_least: bool = False
    title: str
    detail: str = ""
    attempts: int | None = None


class LogPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some entries, and the time that those after them are before."""

    entries: tuple[LogEntry, ...]
    total: int
    older: str | None


def cause(kind: str | None) -> str:
    """Why there is no connection, in words."""
    return OTHER if kind is None else CAUSES.get(kind, OTHER)


def log_page(found: AvailabilityDocument, host: HostDocument, before: datetime | None) -> LogPage:
    """A page of what happened before a time."""
    entries = sorted(_entries(found, host), key=lambda entry: entry.start, reverse=True)
    wanted = [entry for entry in entries if before is None or entry.start < before]
    shown = tuple(wanted[:PAGE])
    more = len(wanted) > PAGE
    return LogPage(
        entries=shown,
        total=len(entries),
        older=shown[-1].start.isoformat() if more else None,
    )


def _entries(found: AvailabilityDocument, host: HostDocument) -> Iterator[LogEntry]:
    for outage in found.outages:
        yield _outage(outage, host)
    for change in found.engine_changes:
        yield LogEntry(
            kind="engine",
            start=change.time,
            title=f"The Engine is {change.after}, it was {change.before}",
        )
    first = True
    for span in found.spans:
        # Before the first observation nobody watched, which is no news.
        if span.state == "unknown" and not first:
            yield LogEntry(
                kind="unwatched",
                start=span.start,
                end=span.end,
                seconds=(span.end - span.start).total_seconds(),
                title="Not watched: fleet was not running, or left it alone",
            )
        first = False


def _outage(outage: OutageDocument, host: HostDocument) -> LogEntry:
    goes_on = outage.end is None and host.status != "up"
    message, attempts = outage.message or "", outage.attempts
    if goes_on and host.error is not None:
        message, attempts = message or host.error.message, max(host.attempts, attempts or 0)
    return LogEntry(
        kind="outage",
        start=outage.start,
        end=outage.end,
        seconds=outage.seconds,
        goes_on=goes_on,
        at_least=not outage.start_seen or (outage.end is not None and not outage.end_seen),
        title=cause(outage.kind),
        detail=message,
        attempts=attempts,
    )
