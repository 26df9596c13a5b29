"""One host as the fleet's page shows it, drawn anew only when it tells something else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from web.documents import ContainerDocument, HostDocument
from web.pages.fleet_asked import used_cpu, used_disk, used_memory
from web.pages.shell import Viewer, render
from web.pages.sparklines import Spark, polyline
from web.pages.states import Condition, ailment, beyond_loops, condition
from web.pages.wording import element_id
from web.sources import Sources

MOST_AILING = 5
GRAVITY = ("looping", "unhealthy", "restarting", "dead", "out of memory", "crashed")
CRASHED = GRAVITY[3:]
ALMOST_FULL = 90.0  # percent of a disk


@dataclass(frozen=True, kw_only=True)
class HostRow:
    """A host with what is wrong with its containers, the gravest first."""

    host: HostDocument
    condition: Condition
    ailing: Sequence[tuple[ContainerDocument, str]]
    crashed: int


def host_row(source: Sources, host: HostDocument) -> HostRow:
    """A host; of one that is not up the containers are not looked at, as they tell of the past."""
    ailing = []
    if host.status == "up":
        said = ((one, ailment(one)) for one in source.model.containers(host.name))
        ailing = sorted(
            ((one, word) for one, word in said if word),
            key=lambda pair: (GRAVITY.index(pair[1]), pair[0].name),
        )
    return HostRow(
        host=host,
        condition=condition(host),
        ailing=ailing,
        crashed=sum(word in CRASHED for _, word in ailing),
    )


def host_id(name: str) -> str:
    """The id of its element."""
    return element_id("host", name)


def draw_host(row: HostRow, viewer: Viewer, spark: Spark | None) -> str:
    """Its element."""
    host, stale = row.host, row.host.stale_since is not None
    cpu, memory = used_cpu(host), used_memory(host)
    return render(
        "partials/host_row.html",
        viewer,
        row=row,
        host=host,
        stale=stale,
        ailing=row.ailing[:MOST_AILING],
        restarting=beyond_loops(host.containers),
        more=len(row.ailing) - MOST_AILING,
        cpu=cpu,
        memory=memory,
        disk=used_disk(host),
        almost_full=ALMOST_FULL,
        cpu_line=_line(spark.cpu if spark else (), None if stale else cpu, None),
        memory_line=_line(spark.memory if spark else (), None if stale else memory, 100.0),
    )


def _line(past: Sequence[float | None], now: float | None, scale: float | None) -> str:
    """The last hour with what is now at its end; no line where only that is known."""
    if not past:
        return ""
    # Of the minute that runs there may be no step yet.
    whole = past if past[-1] is not None else past[:-1]
    return polyline((*whole, now), scale)


def today(viewer: Viewer) -> str:
    """The viewer's date, which times without one are of."""
    return datetime.now(UTC).astimezone(viewer.zone).date().isoformat()
