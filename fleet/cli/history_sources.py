"""What `fleet history` reads, and how it goes to spreadsheets."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from fleet.cli.api import Api, RefusedError
from fleet.cli.output import note
from fleet.cli.past import container_path
from web.history_documents import (
    HostStatsHistoryDocument,
    HostStatsPointDocument,
    StatsHistoryDocument,
    StatsPointDocument,
    UptimeDocument,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

SPAN = ("last", "start", "end")


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """The document of `fleet history --json`. `uptime` is None for a host, or where not known."""

    stats: StatsHistoryDocument | HostStatsHistoryDocument
    uptime: UptimeDocument | None = None


def read(api: Api, subject: str, query: Mapping[str, str]) -> Past:
    """Read the past of `HOST/NAME`, of a container by its name alone, or of a host.

    Raises:
        CommandError: There is none of this name, several are meant, or history is not available.
    """
    if any(host.name == subject for host in api.hosts()):
        path = f"/api/hosts/{quote(subject, safe='')}/stats/history"
        return Past(stats=api.read(path, HostStatsHistoryDocument, query))
    stats = api.read(container_path(subject, "stats/history"), StatsHistoryDocument, query)
    span = {name: value for name, value in query.items() if name in SPAN}
    try:
        # Only one host has it, or the samples would have been refused; uptime wants it named.
        named = subject if "/" in subject else f"{stats.host}/{subject}"
        uptime = api.read(container_path(named, "uptime"), UptimeDocument, span)
    except RefusedError as error:
        note(f"fleet: when it ran is not known: {error.message}")
        uptime = None
    return Past(stats=stats, uptime=uptime)


def write_csv(stats: StatsHistoryDocument | HostStatsHistoryDocument) -> None:
    """Write one row a step, in the API's own names; what is not known is empty."""
    of_container = isinstance(stats, StatsHistoryDocument)
    kind = StatsPointDocument if of_container else HostStatsPointDocument
    names = [field for field in kind.__struct_fields__ if field != "time"]
    whose = [stats.host, stats.name] if isinstance(stats, StatsHistoryDocument) else [stats.host]
    sheet = csv.writer(sys.stdout, lineterminator="\n")
    sheet.writerow(["time", "host", *(["name"] if of_container else []), *names])
    for point in stats.points:
        time = point.time.isoformat().replace("+00:00", "Z")
        sheet.writerow([time, *whose, *(getattr(point, name) for name in names)])
