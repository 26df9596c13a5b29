"""The tables of `fleet top`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from fleet.cli.format import ago, percent, size
from fleet.cli.table import Cell, Column, Table, Tone, cell
from web.documents import ContainerDocument
from web.history import SortBy
from web.history_documents import ConsumerDocument, ConsumersDocument

if TYPE_CHECKING:
    from fleet.cli.top_sources import Pace

TIGHT = 90.0  # percent of its memory limit: an OOM kill is near


@dataclass(frozen=True)
class Row:
    """One container as of now, and how fast it moves bytes where that is known."""

    container: ContainerDocument
    pace: Pace | None = None

    def figure(self, sort: SortBy) -> float:
        """What it is ranked by; below zero where that is not known."""
        stats = self.container.stats
        if stats is None:
            return -1.0
        figures: dict[SortBy, float | None] = {
            "cpu": stats.cpu_percent,
            "memory": stats.memory_used,
            "network": total(*self.network),
            "block": total(*self.block),
        }
        figure = figures[sort]
        return -1.0 if figure is None else float(figure)

    @property
    def network(self) -> tuple[float | None, float | None]:
        """Received and sent: in a second where that is known, else since the start."""
        if self.pace is not None:
            return self.pace.network_in, self.pace.network_out
        stats = self.container.stats
        return (None, None) if stats is None else (stats.network_rx, stats.network_tx)

    @property
    def block(self) -> tuple[float | None, float | None]:
        """The same of bytes read and written."""
        if self.pace is not None:
            return self.pace.block_in, self.pace.block_out
        stats = self.container.stats
        return (None, None) if stats is None else (stats.block_read, stats.block_write)


def total(first: float | None, second: float | None) -> float | None:
    """The sum of what is known."""
    return None if first is None and second is None else (first or 0) + (second or 0)


def both(first: float | None, second: float | None) -> str:
    """Two sizes in one cell."""
    if first is None and second is None:
        return ""
    return "/".join("?" if each is None else size(_rounded(each)) for each in (first, second))


def _rounded(count: float) -> float:
    return round(count) if count < 1024 else count


def now_table(rows: Sequence[Row], *, per_second: bool) -> Table:
    """One row a container, as of its latest sample."""
    pace = "/s" if per_second else ""
    columns = (
        Column("HOST", least=8),
        Column("NAME", least=16),
        Column("CPU", right=True),
        Column("MEMORY", right=True),
        Column("MEM %", rank=2, right=True),
        Column("NET IN/OUT" + pace, rank=3, right=True),
        Column("BLOCK IN/OUT" + pace, rank=4, right=True),
        Column("PIDS", rank=5, right=True),
        Column("AGE", rank=6, right=True),
    )

    def cells(row: Row) -> list[Cell]:
        container, stats = row.container, row.container.stats
        stale: Tone = "dim" if container.stale_since else ""
        names = [cell(container.host, stale), cell(container.name, stale or "strong")]
        if stats is None:
            return names + [cell(None)] * (len(columns) - 2)
        unknown = per_second and row.pace is None
        tight = stats.memory_percent is not None and stats.memory_percent >= TIGHT
        return [
            *names,
            cell(percent(stats.cpu_percent), stale),
            cell(size(stats.memory_used), stale),
            cell(percent(stats.memory_percent), stale or ("bad" if tight else "")),
            cell(None if unknown else both(*row.network), stale),
            cell(None if unknown else both(*row.block), stale),
            cell(stats.pids, stale),
            cell(ago(stats.time), "bad" if stale else "dim"),
        ]

    return Table(columns, [cells(row) for row in rows])


def span_table(found: ConsumersDocument) -> Table:
    """One row a container, over a span."""
    columns = (
        Column("HOST", least=8),
        Column("NAME", least=16),
        Column("CPU AVG", right=True),
        Column("CPU MAX", rank=2, right=True),
        Column("CPU TIME", rank=5, right=True),
        Column("MEM AVG", right=True),
        Column("MEM MAX", rank=1, right=True),
        Column("LIMIT", rank=6, right=True),
        Column("NET IN/OUT", rank=3, right=True),
        Column("BLOCK IN/OUT", rank=4, right=True),
    )
    return Table(columns, [_span_cells(each) for each in found.containers])


def _span_cells(each: ConsumerDocument) -> list[Cell]:
    tight = each.memory_limit > 0 and 100 * each.memory_used_max / each.memory_limit >= TIGHT
    return [
        cell(each.host),
        cell(each.name or each.id[:12], "strong"),
        cell(percent(each.cpu_percent)),
        cell(percent(each.cpu_percent_max)),
        cell(busy(each.cpu_seconds)),
        cell(size(each.memory_used)),
        cell(size(each.memory_used_max), "bad" if tight else ""),
        cell(size(each.memory_limit)),
        cell(both(each.network_rx, each.network_tx)),
        cell(both(each.block_read, each.block_write)),
    ]


def busy(seconds: float | None) -> str:
    """Time of CPU: `0.42s`, `12s`, then `1:02:03`."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.3g}s"
    return str(timedelta(seconds=round(seconds)))
