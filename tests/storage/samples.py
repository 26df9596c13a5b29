"""Rows to write."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from storage.recorder import Recorder
from storage.rows import (
    ContainerRow,
    EventRow,
    HealthRow,
    HostRow,
    LogRow,
    RouteChangeRow,
    Row,
    StatsRow,
)

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def stats(
    number: int, *, container: str = "c1", host: str = "h", rx: int | None = None
) -> StatsRow:
    return StatsRow(
        time=START + timedelta(seconds=number),
        host=host,
        container_id=container,
        name="web",
        identity="name:web",
        cpu_percent=float(number % 100),
        cpu_total=number,
        system_total=None,
        online_cpus=2,
        memory_used=1000 + number,
        memory_limit=2**33,
        network_rx=number if rx is None else rx,
        network_tx=None,
        block_read=0,
        block_write=0,
        pids=3,
    )


def event(number: int, *, host: str = "h", action: str = "start", actor: str = "c1") -> EventRow:
    time = START + timedelta(seconds=number)
    return EventRow(
        host=host,
        time=time,
        time_nano=int(time.timestamp()) * 1_000_000_000 + number,
        type="container",
        action=action,
        actor_id=actor,
        name="web",
        exit_code=None,
        attributes={"image": "nginx"},
    )


def line(number: int, text: str) -> LogRow:
    time = START + timedelta(seconds=number)
    return LogRow(
        time=time,
        time_nano=int(time.timestamp()) * 1_000_000_000,
        host="h",
        container_id="c1",
        name="web",
        identity="name:web",
        stream="stdout",
        sequence=0,
        level=None,
        line=text,
        truncated=False,
    )


def health(number: int) -> HealthRow:
    return HealthRow(
        time=START + timedelta(seconds=number),
        host="h",
        status="up",
        engine_version="28.5",
        running=1,
        total=2,
        unhealthy=0,
        response_seconds=0.01,
        error=None,
    )


def route_change(number: int, *, domain: str = "app.lan", path: str = "/") -> RouteChangeRow:
    return RouteChangeRow(
        time=START + timedelta(seconds=number),
        revision=number,
        kind="changed",
        domain=domain,
        path=path,
        status="degraded",
        before=["h/web 10.0.0.5:80", "other/web 10.0.0.6:80"],
        after=["other/web 10.0.0.6:80"],
        summary="h/web left the pool (unhealthy): 1 of 2 left",
        cause_event="health_status: unhealthy",
        cause_host="h",
        cause_container="web",
        cause_container_id="c1",
    )


def host(name: str = "h", *, seen: int = 0, target: str = "unix:///x") -> HostRow:
    return HostRow(
        name=name,
        connection="local",
        target=target,
        labels={"site": "fra"},
        seen=START + timedelta(seconds=seen),
    )


def container(
    name: str = "c1", *, seen: int = 0, state: str = "running", removed: datetime | None = None
) -> ContainerRow:
    return ContainerRow(
        host="h",
        id=name,
        name="web",
        identity="name:web",
        image="nginx",
        image_id="sha256:1",
        state=state,
        health="none",
        labels={"a": "b"},
        created=START,
        started=None,
        finished=None,
        exit_code=None,
        restart_count=0,
        seen=START + timedelta(seconds=seen),
        removed=removed,
    )


def offer_many(recorder: Recorder, rows: Iterable[Row]) -> None:
    for row in rows:
        recorder.offer(row)
