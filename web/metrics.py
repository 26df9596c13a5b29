"""Many containers together: what they use now, what they used, and which used the most."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from litestar import get
from litestar.response.base import ASGIResponse

from web.answers import json_answer
from web.documents import ContainerDocument, HostDocument
from web.finding import check_host_filter
from web.history import Labelled, Span
from web.history_documents import (
    ConsumersDocument,
    HostsStatsHistoryDocument,
    TotalDocument,
    TotalHistoryDocument,
)
from web.parameters import (
    End,
    FewPoints,
    Hosts,
    Labels,
    Last,
    OneResolution,
    Points,
    Sort,
    Start,
    Top,
)
from web.problems import Problem
from web.read_model import ReadModel
from web.schema import answers
from web.selection import has_labels, parse_labels
from web.sources import WebRequest, require_history, sources
from web.times import window

MOST_POINTS = 100_000  # of all hosts together


@get("/api/metrics/total", responses=answers(TotalDocument))
async def show_total(request: WebRequest, host: Hosts = None, label: Labels = None) -> ASGIResponse:
    """What the fleet uses now, or those of its containers on the hosts and with the labels."""
    wanted = _wanted(request, host, label)
    return json_answer(total(sources(request).model, wanted, datetime.now(UTC)))


@get("/api/metrics/total/history", responses=answers(TotalHistoryDocument, 503))
async def show_total_history(
    request: WebRequest,
    host: Hosts = None,
    label: Labels = None,
    start: Start = None,
    end: End = None,
    last: Last = None,
    points: Points = 300,
    resolution: OneResolution = None,
) -> ASGIResponse:
    """What they used together, oldest first; the last hour unless said otherwise."""
    wanted = _wanted(request, host, label)
    span = Span(*window(start, end, last, datetime.now(UTC)))
    history = require_history(request)
    return json_answer(await history.total_history(wanted, span, points, resolution))


@get("/api/metrics/hosts/history", responses=answers(HostsStatsHistoryDocument, 503))
async def show_hosts_history(
    request: WebRequest,
    host: Hosts = None,
    label: Labels = None,
    start: Start = None,
    end: End = None,
    last: Last = None,
    points: FewPoints = 60,
) -> ASGIResponse:
    """What the machines of all hosts used, or of those with the labels; the last hour at first."""
    model = sources(request).model
    check_host_filter(model, host or ())
    span, pairs = Span(*window(start, end, last, datetime.now(UTC))), parse_labels(label or ())
    names = [
        name
        for name, labels in sorted(model.host_labels().items())
        if (not host or name in host) and has_labels(labels, pairs)
    ]
    if len(names) * points > MOST_POINTS:
        told = f"All {len(names)} hosts together may have {MOST_POINTS} points; ask for fewer."
        raise Problem("bad-parameter", told, parameter="points")
    return json_answer(await require_history(request).hosts_stats_history(names, span, points))


@get("/api/metrics/containers", responses=answers(ConsumersDocument, 503))
async def list_consumers(
    request: WebRequest,
    sort: Sort = "cpu",
    host: Hosts = None,
    label: Labels = None,
    start: Start = None,
    end: End = None,
    last: Last = None,
    limit: Top = 10,
) -> ASGIResponse:
    """The containers that used the most over a span, the most first."""
    wanted = _wanted(request, host, label)
    span = Span(*window(start, end, last, datetime.now(UTC)))
    return json_answer(await require_history(request).top_consumers(wanted, span, sort, limit))


def _wanted(request: WebRequest, host: list[str] | None, label: list[str] | None) -> Labelled:
    check_host_filter(sources(request).model, host or ())
    return Labelled(hosts=tuple(host or ()), labels=parse_labels(label or ()))


def total(model: ReadModel, wanted: Labelled, time: datetime) -> TotalDocument:
    """The containers that are meant, summed up as of their latest samples. Pure."""
    hosts = {host.name: host for host in model.hosts()}
    if wanted.hosts:
        hosts = {name: host for name, host in hosts.items() if name in wanted.hosts}
    meant = [
        container
        for container in model.containers()
        if container.host in hosts
        and has_labels({**hosts[container.host].labels, **container.labels}, wanted.labels)
    ]
    if wanted.labels:
        on = {container.host for container in meant}
        hosts = {
            name: host
            for name, host in hosts.items()
            if name in on or has_labels(host.labels, wanted.labels)
        }
    return _summed(list(hosts.values()), meant, time)


def _summed(
    hosts: Sequence[HostDocument], meant: Sequence[ContainerDocument], time: datetime
) -> TotalDocument:
    samples = [container.stats for container in meant if container.stats is not None]
    cpu = [sample.cpu_percent for sample in samples if sample.cpu_percent is not None]
    pids = [sample.pids for sample in samples if sample.pids is not None]
    return TotalDocument(
        time=time,
        hosts=len(hosts),
        hosts_up=sum(host.status == "up" for host in hosts),
        containers=len(meant),
        running=sum(container.state == "running" for container in meant),
        sampled=len(samples),
        stale=sum(
            container.stats is not None and container.stale_since is not None for container in meant
        ),
        cpu_percent=sum(cpu) if cpu else None,
        memory_used=sum(sample.memory_used for sample in samples) if samples else None,
        pids=sum(pids) if pids else None,
    )
