"""History as far as somebody sees its hosts: of those that are configured now, as they are now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec.structs import replace

from labels.model import Change
from storage.queries_logs import LogPlace
from web.access.scope import Sight
from web.documents import EventDocument, HealthPointDocument, StatsDocument
from web.health_documents import AvailabilityDocument
from web.history import (
    EventFilter,
    History,
    Labelled,
    LogFilter,
    Recorded,
    RouteChangeFilter,
    SortBy,
    Span,
)
from web.history_documents import (
    ConsumersDocument,
    ContainerEventsDocument,
    Direction,
    HostsStatsHistoryDocument,
    HostStatsHistoryDocument,
    ImageHistoryDocument,
    LogsDocument,
    Resolution,
    StatsHistoryDocument,
    TotalHistoryDocument,
    UptimeDocument,
)
from web.problems import Problem

NO_HOST = ("",)  # no host is called so; nothing at all would mean any


class ScopedHistory:
    """Implements `web.history.History` over another one.

    Of one host, or one container, that is not seen there is nothing: all raise a `Problem` (404).

    Args:
        history: All there is.
        sight: Who looks.
        scoped: What is seen of a change of routes, None for nothing.
    """

    def __init__(
        self, history: History, sight: Sight, scoped: Callable[[Change], Change | None]
    ) -> None:
        self._history = history
        self._sight = sight
        self._scoped = scoped

    async def recent_events(self, wanted: EventFilter, limit: int) -> Sequence[EventDocument]:
        """Of hosts that are seen."""
        return await self._history.recent_events(replace(wanted, seen=self._seen()), limit)

    async def recorded(
        self, host: str | None, ref: str, hosts: Sequence[str] | None = None
    ) -> Sequence[Recorded]:
        """Those on hosts that are seen."""
        seen = self._seen()
        among = seen if hosts is None else tuple(name for name in hosts if name in seen)
        return await self._history.recorded(host, ref, among)

    async def latest_stats(self, container: Recorded) -> StatsDocument | None:
        """Of one that is seen."""
        return await self._history.latest_stats(self._checked(container))

    async def stats_history(
        self, container: Recorded, span: Span, points: int, resolution: Resolution | None
    ) -> StatsHistoryDocument:
        """Of one that is seen."""
        seen = self._checked(container)
        return await self._history.stats_history(seen, span, points, resolution)

    async def host_stats_history(
        self, host: str, span: Span, points: int, resolution: Resolution | None
    ) -> HostStatsHistoryDocument:
        """Of a host that is seen."""
        self._check(host)
        return await self._history.host_stats_history(host, span, points, resolution)

    async def hosts_stats_history(
        self, hosts: Sequence[str], span: Span, points: int
    ) -> HostsStatsHistoryDocument:
        """Of those that are seen."""
        seen = sorted(self._sight.hosts().intersection(hosts))
        return await self._history.hosts_stats_history(seen, span, points)

    async def total_history(
        self, wanted: Labelled, span: Span, points: int, resolution: Resolution | None
    ) -> TotalHistoryDocument:
        """Over hosts that are seen."""
        return await self._history.total_history(self._labelled(wanted), span, points, resolution)

    async def top_consumers(
        self, wanted: Labelled, span: Span, sort: SortBy, limit: int
    ) -> ConsumersDocument:
        """Among hosts that are seen."""
        return await self._history.top_consumers(self._labelled(wanted), span, sort, limit)

    async def health_history(
        self, host: str, start: datetime, end: datetime, points: int
    ) -> Sequence[HealthPointDocument]:
        """Of a host that is seen."""
        self._check(host)
        return await self._history.health_history(host, start, end, points)

    async def availability(self, host: str, span: Span) -> AvailabilityDocument:
        """Of a host that is seen."""
        self._check(host)
        return await self._history.availability(host, span)

    async def uptime(self, container: Recorded, span: Span) -> UptimeDocument:
        """Of one that is seen."""
        return await self._history.uptime(self._checked(container), span)

    async def container_events(
        self, container: Recorded, span: Span, limit: int
    ) -> ContainerEventsDocument:
        """Of one that is seen."""
        return await self._history.container_events(self._checked(container), span, limit)

    async def logs(
        self,
        wanted: LogFilter,
        span: Span,
        limit: int,
        direction: Direction,
        beyond: LogPlace | None,
    ) -> LogsDocument:
        """Of hosts that are seen."""
        of_seen = replace(wanted, hosts=self._among(wanted.hosts))
        return await self._history.logs(of_seen, span, limit, direction, beyond)

    async def image_history(
        self, host: str | None, ref: str, hosts: Sequence[str] | None = None
    ) -> ImageHistoryDocument:
        """On hosts that are seen."""
        seen = self._seen()
        among = seen if hosts is None else tuple(name for name in hosts if name in seen)
        return await self._history.image_history(host, ref, among)

    async def route_changes(self, wanted: RouteChangeFilter, limit: int) -> Sequence[Change]:
        """That concern hosts that are seen."""
        found = await self._history.route_changes(replace(wanted, hosts=self._seen()), limit)
        scoped = (self._scoped(change) for change in found)
        return [change for change in scoped if change is not None]

    def _seen(self) -> tuple[str, ...]:
        return tuple(sorted(self._sight.hosts()))

    def _among(self, hosts: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the hosts that are seen, all of these where any are meant."""
        seen = self._sight.hosts()
        return tuple(sorted(seen.intersection(hosts) if hosts else seen)) or NO_HOST

    def _labelled(self, wanted: Labelled) -> Labelled:
        return replace(wanted, hosts=self._among(wanted.hosts))

    def _checked(self, container: Recorded) -> Recorded:
        self._check(container.host)
        return container

    def _check(self, host: str) -> None:
        if not self._sight.sees(host):
            raise Problem("unknown-host", f"No host is called {host!r} in the configuration.")
