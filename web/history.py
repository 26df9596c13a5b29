"""What the web asks of the database: owned here, implemented over storage's queries elsewhere.

All methods may wait for the database and answer within its statement timeout, or raise
`HistoryUnavailable`. What is out of bounds raises `HistoryRefused`. Spans hold their start and not
their end.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from labels.model import Change
from storage.queries_logs import LogPlace
from web.documents import EventDocument, HealthPointDocument, StatsDocument
from web.health_documents import AvailabilityDocument
from web.history_documents import (
    ConsumersDocument,
    ContainerEventsDocument,
    Direction,
    HostsStatsHistoryDocument,
    HostStatsHistoryDocument,
    ImageHistoryDocument,
    IncarnationDocument,
    LogsDocument,
    Resolution,
    StatsHistoryDocument,
    TotalHistoryDocument,
    UptimeDocument,
)

SortBy = Literal["cpu", "memory", "network", "block"]


class HistoryUnavailable(Exception):  # noqa: N818 - a state of the database, not a mistake
    """History cannot be read now. The message says why, in a sentence for people."""


class HistoryRefused(Exception):  # noqa: N818 - the web turns it into a problem
    """What is asked for is not answered; the message says what would be.

    `parameter` is the one at fault, where it is one.
    """

    def __init__(self, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which events are wanted: any of each, all of the labels; None or empty means any.

    A container is meant by its name, `HOST/NAME` or the beginning of its id (at least 4
    characters). Labels are of the host, or among the attributes of the event, which win; one
    without a value is met by any. `seen` are the only hosts that are told of, None for all. `since`
    is inclusive, `before` exclusive.
    """

    hosts: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    labels: tuple[tuple[str, str | None], ...] = ()
    seen: tuple[str, ...] | None = None
    since: datetime | None = None
    before: datetime | None = None


class Span(msgspec.Struct, frozen=True):
    """From `start` until just before `end`."""

    start: datetime
    end: datetime


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A container of the past or the present: what history of it is read by.

    `incarnations` are the containers that are meant, newest first: `id` and `name` are the first
    one's. Where an id was asked for there is just one.
    """

    host: str
    id: str
    name: str
    identity: str
    incarnations: tuple[IncarnationDocument, ...]


class Labelled(msgspec.Struct, frozen=True, kw_only=True):
    """Which containers are meant: on one of the hosts, and with all of the labels.

    A container has the labels of its host too. A label without a value is met by any. Empty means
    all.
    """

    hosts: tuple[str, ...] = ()
    labels: tuple[tuple[str, str | None], ...] = ()


class LogFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines are wanted; None or empty means any.

    A container is meant by its id, the beginning of its id (at least 4 characters), its name or
    its identity, and has all of the labels; one without a value is met by any. `text` is found in
    any case, `regex` is PostgreSQL's.
    """

    hosts: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    labels: tuple[tuple[str, str | None], ...] = ()
    text: str | None = None
    regex: str | None = None
    levels: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()


class RouteChangeFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which changes of routes are wanted; None means any, `hosts` any of these and no other.

    Of a host are the changes that happened because of it, and those of pools with members on it.
    `domain` is as the table of routes has it. `since` is inclusive, `before` exclusive.
    """

    domain: str | None = None
    host: str | None = None
    hosts: tuple[str, ...] | None = None
    since: datetime | None = None
    before: datetime | None = None


class History(Protocol):
    """Stored events, samples, logs, images, health and changes of routes."""

    async def recent_events(self, wanted: EventFilter, limit: int) -> Sequence[EventDocument]:
        """The last `limit` stored events that match, newest last, with `number` 0."""
        ...

    async def recorded(
        self, host: str | None, ref: str, hosts: Sequence[str] | None = None
    ) -> Sequence[Recorded]:
        """The containers ever seen that `ref` could mean, best first: id, identity, name, prefix.

        `hosts` None: on any host, else on one of these.
        By name or identity all its incarnations on a host are one `Recorded`.
        """
        ...

    async def latest_stats(self, container: Recorded) -> StatsDocument | None:
        """The newest stored sample, or None."""
        ...

    async def stats_history(
        self, container: Recorded, span: Span, points: int, resolution: Resolution | None
    ) -> StatsHistoryDocument:
        """What it used, in at most `points` steps for each incarnation.

        Without a resolution the best is chosen: samples up to an hour, minutes up to a day, hours
        up to 30 days, then days; finer where `points` asks for it; coarser where the finer ones
        are no longer kept.
        """
        ...

    async def host_stats_history(
        self, host: str, span: Span, points: int, resolution: Resolution | None
    ) -> HostStatsHistoryDocument:
        """As `stats_history`, of a host's machine."""
        ...

    async def hosts_stats_history(
        self, hosts: Sequence[str], span: Span, points: int
    ) -> HostsStatsHistoryDocument:
        """What the machines of these hosts used, in at most `points` steps, none below a minute."""
        ...

    async def total_history(
        self, wanted: Labelled, span: Span, points: int, resolution: Resolution | None
    ) -> TotalHistoryDocument:
        """What all that are meant used together, in at most `points` steps."""
        ...

    async def top_consumers(
        self, wanted: Labelled, span: Span, sort: SortBy, limit: int
    ) -> ConsumersDocument:
        """Those of the containers meant that used the most."""
        ...

    async def health_history(
        self, host: str, start: datetime, end: datetime, points: int
    ) -> Sequence[HealthPointDocument]:
        """Health of one host in [start, end), at most `points` observations, oldest first."""
        ...

    async def availability(self, host: str, span: Span) -> AvailabilityDocument:
        """How much of the span a host was up, and each of its outages."""
        ...

    async def uptime(self, container: Recorded, span: Span) -> UptimeDocument:
        """How much of the span it ran, and each of its runs."""
        ...

    async def container_events(
        self, container: Recorded, span: Span, limit: int
    ) -> ContainerEventsDocument:
        """The newest `limit` events of the span."""
        ...

    async def logs(
        self,
        wanted: LogFilter,
        span: Span,
        limit: int,
        direction: Direction,
        beyond: LogPlace | None,
    ) -> LogsDocument:
        """At most `limit` lines: the newest (`backward`) or the oldest of the span.

        `beyond` a place, those next to it in that direction.
        """
        ...

    async def image_history(
        self, host: str | None, ref: str, hosts: Sequence[str] | None = None
    ) -> ImageHistoryDocument:
        """What an image's id (or its beginning) or a reference meant and who used it.

        `hosts` as above.
        """
        ...

    async def route_changes(self, wanted: RouteChangeFilter, limit: int) -> Sequence[Change]:
        """The last `limit` stored changes of routes that match, newest first."""
        ...
