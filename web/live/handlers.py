"""The live streams of hosts, containers and samples."""

from __future__ import annotations

from litestar import get
from litestar.openapi import ResponseSpec
from litestar.types import ASGIApp

from web.event_stream import run_of
from web.finding import check_host_filter
from web.live.filters import LiveFilter, live_filter, subject_test
from web.live.place import Resume
from web.live.source import LedgerName, LiveSource
from web.live.stream import LiveStream
from web.parameters import Containers, HostLabels, Hosts, Labels, SampleType, Snapshot
from web.problems import Problem
from web.schema import problems
from web.sources import WebRequest, sources


def _answers(document: str) -> dict[int, ResponseSpec]:
    told = ResponseSpec(
        bytes,
        description=f"Server-sent events; `data` is a {document}, `id` resumes",
        media_type="text/event-stream",
        generate_examples=False,
    )
    return {200: told, **problems(400, 503)}


@get("/api/stream/hosts", responses=_answers("HostDocument"))
async def stream_hosts(
    request: WebRequest, host: Hosts = None, label: HostLabels = None, snapshot: Snapshot = True
) -> ASGIApp:
    """Hosts as their health changes, after a snapshot of all; who is slow gets the newest."""
    return _stream(request, "hosts", live_filter(host, label), snapshot)


@get("/api/stream/containers", responses=_answers("ContainerDocument"))
async def stream_containers(
    request: WebRequest,
    host: Hosts = None,
    label: Labels = None,
    container: Containers = None,
    snapshot: Snapshot = True,
) -> ASGIApp:
    """Containers as they change and go, after a snapshot; who is slow gets the newest of each."""
    return _stream(request, "containers", live_filter(host, label, container), snapshot)


@get("/api/stream/stats", responses=_answers("SampleDocument"))
async def stream_stats(
    request: WebRequest,
    host: Hosts = None,
    label: Labels = None,
    container: Containers = None,
    kind: SampleType = None,
    snapshot: Snapshot = True,
) -> ASGIApp:
    """Samples of containers and hosts, after the newest ones; who is slow gets those of each."""
    return _stream(request, "stats", live_filter(host, label, container, kind), snapshot)


def _stream(
    request: WebRequest, name: LedgerName, wanted: LiveFilter, snapshot: bool
) -> LiveStream:
    source = sources(request)
    check_host_filter(source.model, wanted.host)
    place = request.headers.get("last-event-id") or None
    ledger = require_live(source.live).ledger(name)
    return LiveStream(
        ledger,
        source.streams,
        subject_test(wanted),
        Resume(place=place, snapshot=snapshot),
        run_of(source.model) + ledger.mark,
    )


def require_live(live: LiveSource | None) -> LiveSource:
    """The ledgers.

    Raises:
        Problem: None are kept (503).
    """
    if live is None:
        raise Problem("live-unavailable", "No ledgers of live changes are kept here.")
    return live
