"""Questions about the past: samples, logs, events, uptime, health, sums. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from fleet.client.asking import Ask, Length, PageAsk, Query, When
from fleet.client.asks_live import get
from web.documents import HealthHistoryDocument
from web.health_documents import AvailabilityDocument
from web.history_documents import (
    ConsumersDocument,
    ContainerEventsDocument,
    Direction,
    HostsStatsHistoryDocument,
    HostStatsHistoryDocument,
    LogLineDocument,
    LogsDocument,
    Resolution,
    StatsHistoriesDocument,
    StatsHistoryDocument,
    TotalDocument,
    TotalHistoryDocument,
    UptimeDocument,
)

SortBy = Literal["cpu", "memory", "network", "block"]


def _span(
    start: When | None, end: When | None, last: Length | None
) -> dict[str, When | Length | None]:
    return {"start": start, "end": end, "last": last}


def host_health_history(
    host: str,
    *,
    start: When | None = None,
    end: When | None = None,
    last: Length | None = None,
    points: int | None = None,
) -> Ask[HealthHistoryDocument]:
    """Stored health of a host."""
    query: Query = {**_span(start, end, last), "points": points}
    return get(HealthHistoryDocument, "/api/hosts/{host}/health/history", {"host": host}, query)


def host_availability(
    host: str,
    *,
    start: When | None = None,
    end: When | None = None,
    last: Length | None = None,
) -> Ask[AvailabilityDocument]:
    """How much of a span a host was up, and its outages."""
    query = _span(start, end, last)
    return get(AvailabilityDocument, "/api/hosts/{host}/availability", {"host": host}, query)


def host_stats_history(
    host: str,
    *,
    start: When | None = None,
    end: When | None = None,
    last: Length | None = None,
    points: int | None = None,
    resolution: Resolution | None = None,
) -> Ask[HostStatsHistoryDocument]:
    """Stored samples of a host's machine."""
    query: Query = {**_span(start, end, last), "points": points, "resolution": resolution}
    return get(HostStatsHistoryDocument, "/api/hosts/{host}/stats/history", {"host": host}, query)


def stats_history(
    ref: str,
    host: str | None = None,
    *,
    start: When | None = None,
    end: When | None = None,
    last: Length | None = None,
    points: int | None = None,
    resolution: Resolution | None = None,
) -> Ask[StatsHistoryDocument]:
    """Stored samples of a container, removed or not, in steps."""
    query: Query = {**_span(start, end, last), "points": points, "resolution": resolution}
    if host is None:
        template, within = "/api/containers/{ref}/stats/history", {"ref": ref}
    else:
        template = "/api/containers/{host}/{ref}/stats/history"
        within = {"host": host, "ref": ref}
    return get(StatsHistoryDocument, template, within, query)


def stats_histories(
    id: Sequence[str],  # noqa: A002 - the API's own word
    *,
    start: When | None = None,
    end: When | None = None,
    last: Length | None = None,
    points: int | None = None,
    resolution: Resolution | None = None,
) -> Ask[StatsHistoriesDocument]:
    """Stored samples of up to 50 containers, by ids or `HOST/NAME`."""
    query: Query = {
        "id": id,
        **_span(start, end, last),
        "points": points,
        "resolution": resolution,
    }
    return get(StatsHistoriesDocument, "/api/metrics/containers/history", query=query)


def container_events(
    host: str,
    ref: str,
    *,
    start: When | None = None,
    end: When | None = None,
    last: Length | None = None,
    limit: int | None = None,
) -> Ask[ContainerEventsDocument]:
    """Stored events of a container."""
    query: Query = {**_span(start, end, last), "limit": limit}
    template = "/api/containers/{host}/{ref}/events"
    return get(ContainerEventsDocument, template, {"host": host, "ref": ref}, query)


def uptime(
    host: str,
    ref: str,
    *,
    start: When | None = None,
    end: When | None = None,
    last: Length | None = None,
) -> Ask[UptimeDocument]:
    """How much of a span a container ran."""
    query = _span(start, end, last)
    template = "/api/containers/{host}/{ref}/uptime"
    return get(UptimeDocument, template, {"host": host, "ref": ref}, query)


def logs(
    *,
    host: Sequence[str] = (),
    container: Sequence[str] = (),
    label: Sequence[str] = (),
    text: str | None = None,
    regex: str | None = None,
    level: Sequence[str] = (),
    stream: Sequence[str] = (),
    start: When | None = None,
    end: When | None = None,
    last: Length | None = None,
    limit: int = 100,
    direction: Direction = "backward",
    cursor: str | None = None,
) -> PageAsk[LogsDocument, LogLineDocument]:
    """Stored lines of any containers; the page after goes on in the direction."""
    lines = _lines(text, regex, level, stream, limit, direction, cursor)
    meant: Query = {"host": host, "container": container, "label": label}
    query: Query = {**meant, **_span(start, end, last), **lines}
    return _log_page("/api/logs", {}, query, direction)


def container_logs(
    host: str,
    ref: str,
    *,
    text: str | None = None,
    regex: str | None = None,
    level: Sequence[str] = (),
    stream: Sequence[str] = (),
    start: When | None = None,
    end: When | None = None,
    last: Length | None = None,
    limit: int = 100,
    direction: Direction = "backward",
    cursor: str | None = None,
) -> PageAsk[LogsDocument, LogLineDocument]:
    """Stored lines of one container; `follow_logs` also has those that come."""
    lines = _lines(text, regex, level, stream, limit, direction, cursor)
    query: Query = {**_span(start, end, last), **lines}
    template = "/api/containers/{host}/{ref}/logs"
    return _log_page(template, {"host": host, "ref": ref}, query, direction)


def _lines(
    text: str | None,
    regex: str | None,
    level: Sequence[str],
    stream: Sequence[str],
    limit: int,
    direction: Direction,
    cursor: str | None,
) -> Query:
    return {
        "text": text,
        "regex": regex,
        "level": level,
        "stream": stream,
        "limit": limit,
        "direction": direction,
        "cursor": cursor,
    }


def _log_page(
    template: str, within: dict[str, str], query: Query, direction: Direction
) -> PageAsk[LogsDocument, LogLineDocument]:
    def following(page: LogsDocument) -> Query | None:
        after = page.newer if direction == "forward" else page.older
        return {"cursor": after} if after is not None and page.lines else None

    return PageAsk(
        template=template,
        kind=LogsDocument,
        within=within,
        query=query,
        items=lambda page: page.lines,
        following=following,
    )


def total(*, host: Sequence[str] = (), label: Sequence[str] = ()) -> Ask[TotalDocument]:
    """CPU and memory of all containers meant, as of now."""
    return get(TotalDocument, "/api/metrics/total", query={"host": host, "label": label})


def total_history(
    *,
    host: Sequence[str] = (),
    label: Sequence[str] = (),
    start: When | None = None,
    end: When | None = None,
    last: Length | None = None,
    points: int | None = None,
    resolution: Resolution | None = None,
) -> Ask[TotalHistoryDocument]:
    """The same in the past, and what was moved."""
    query: Query = {
        "host": host,
        "label": label,
        **_span(start, end, last),
        "points": points,
        "resolution": resolution,
    }
    return get(TotalHistoryDocument, "/api/metrics/total/history", query=query)


def hosts_stats_history(
    *,
    host: Sequence[str] = (),
    label: Sequence[str] = (),
    start: When | None = None,
    end: When | None = None,
    last: Length | None = None,
    points: int | None = None,
) -> Ask[HostsStatsHistoryDocument]:
    """What the machines of several hosts used, all of them unless some are named."""
    query: Query = {"host": host, "label": label, **_span(start, end, last), "points": points}
    return get(HostsStatsHistoryDocument, "/api/metrics/hosts/history", query=query)


def consumers(
    *,
    sort: SortBy = "cpu",
    host: Sequence[str] = (),
    label: Sequence[str] = (),
    start: When | None = None,
    end: When | None = None,
    last: Length | None = None,
    limit: int = 10,
) -> Ask[ConsumersDocument]:
    """The containers that used most of something."""
    query: Query = {
        "sort": sort,
        "host": host,
        "label": label,
        **_span(start, end, last),
        "limit": limit,
    }
    return get(ConsumersDocument, "/api/metrics/containers", query=query)
