"""What `fleet top` ranks: the samples of now, look by look, or what the database has of a span."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from fleet.cli.containers import Containers, tell_unreachable
from fleet.cli.format import minute, percent, size
from fleet.cli.past import need_running
from fleet.cli.periods import Period
from fleet.cli.settings import Settings
from fleet.cli.table import Table
from fleet.cli.top_tables import Row, now_table, span_table
from fleet.cli.view import Choice, Source, View
from web.documents import ContainerDocument, Page, StatsDocument
from web.history import SortBy
from web.history_documents import ConsumersDocument
from web.selection import ContainerFilter, container_test, parse_labels


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which containers and how many, as the options say it."""

    hosts: Sequence[str]
    labels: Sequence[str]
    limit: int
    period: Period

    def query(self, sort: SortBy) -> dict[str, str | Sequence[str]]:
        """As `/api/metrics/containers` takes it."""
        named = {"host": self.hosts, "label": self.labels}
        chosen = {name: values for name, values in named.items() if values}
        return chosen | self.period.query() | {"sort": sort, "limit": str(self.limit)}


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """One look. `complete` is False where a host could not be asked."""

    document: Containers | ConsumersDocument
    table: Table
    summary: str
    complete: bool = True


def over_span(settings: Settings, wanted: Wanted, sort: SortBy) -> Ranking:
    """Rank by what was used over a span.

    Raises:
        CommandError: No fleet is running, or it has no history.
    """
    api = need_running(Source(settings), "only a running fleet has the past")
    found = api.read("/api/metrics/containers", ConsumersDocument, wanted.query(sort))
    times = " to ".join(minute(time) for time in (found.start, found.end))
    return Ranking(document=found, table=span_table(found), summary=times)


class Pace(NamedTuple):
    """Bytes in a second."""

    network_in: float | None
    network_out: float | None
    block_in: float | None
    block_out: float | None


class Paces:
    """How fast counters grow from sample to sample of the containers that are shown."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[StatsDocument, Pace | None]] = {}

    def take(self, containers: Sequence[ContainerDocument]) -> dict[tuple[str, str], Pace | None]:
        """Take a look's samples; None for a container until its second one."""
        known: dict[tuple[str, str], tuple[StatsDocument, Pace | None]] = {}
        for container in containers:
            key, stats = (container.host, container.id), container.stats
            if stats is None:
                continue
            before, so_far = self._known.get(key, (stats, None))
            known[key] = (stats, pace(before, stats) if stats.time > before.time else so_far)
        self._known = known
        return {key: found for key, (_, found) in known.items()}


def pace(before: StatsDocument, after: StatsDocument) -> Pace:
    """What a second moved between two samples; None where a counter began anew."""
    seconds = (after.time - before.time).total_seconds()

    def each(old: int | None, new: int | None) -> float | None:
        return None if old is None or new is None or new < old else (new - old) / seconds

    return Pace(
        each(before.network_rx, after.network_rx),
        each(before.network_tx, after.network_tx),
        each(before.block_read, after.block_read),
        each(before.block_write, after.block_write),
    )


class Live:
    """Looks at the fleet again and again."""

    def __init__(self, settings: Settings, wanted: Wanted, *, quiet: bool) -> None:
        self._settings = settings
        self._wanted = wanted
        self._quiet = quiet
        self._paces = Paces()

    def look(self, sort: SortBy) -> Ranking:
        """Rank by what is used now; on a screen, bytes are per second."""
        source = Source(self._settings, quiet=self._quiet)
        view = source.view(Choice(self._wanted.hosts), containers=True, samples=True)
        running = of_labels(view, self._wanted.labels)
        paces = self._paces.take(running) if self._quiet else {}
        rows = ranked([Row(each, paces.get((each.host, each.id))) for each in running], sort)
        shown = rows[: self._wanted.limit]
        missing = tuple(host.name for host in view.hosts if host.status in ("down", "connecting"))
        page = Page(total=len(rows), offset=0, limit=self._wanted.limit)
        found = [row.container for row in shown]
        return Ranking(
            document=Containers(containers=found, page=page, unreachable=missing),
            table=now_table(shown, per_second=self._quiet),
            summary=_sums(rows, missing),
            complete=not missing if self._quiet else not tell_unreachable(view.hosts),
        )


def of_labels(view: View, labels: Sequence[str]) -> list[ContainerDocument]:
    """The running containers with all labels; as the API has it, those of the host are theirs."""
    of_hosts = {host.name: host.labels for host in view.hosts}
    test = container_test(ContainerFilter(labels=parse_labels(labels)))
    found = []
    for container in view.containers:
        every = of_hosts.get(container.host, {}) | container.labels
        if container.state in ("running", "paused") and test(
            msgspec.structs.replace(container, labels=every)
        ):
            found.append(container)
    return found


def ranked(rows: Sequence[Row], sort: SortBy) -> list[Row]:
    """The most first; what was not measured last."""
    return sorted(rows, key=lambda row: (-row.figure(sort), row.container.host, row.container.name))


def _sums(rows: Sequence[Row], missing: Sequence[str]) -> str:
    taken = [row.container.stats for row in rows if row.container.stats is not None]
    cpu = percent(sum(stats.cpu_percent or 0 for stats in taken))
    memory = size(sum(stats.memory_used for stats in taken))
    away = f", not up: {', '.join(missing)}" if missing else ""
    return f"{len(rows)} containers, CPU {cpu}, memory {memory}{away}"
