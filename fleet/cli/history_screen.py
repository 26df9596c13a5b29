"""How `fleet history` looks: charts, and when the container ran."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from fleet.cli.chart import GAP, LABEL, Frame, bars, draw, plain
from fleet.cli.errors import CommandError
from fleet.cli.figures import CONTAINER, HOST, Figure, P, What, readings
from fleet.cli.format import ago, minute, percent, size
from fleet.cli.history_sources import Past
from fleet.cli.output import width, write
from fleet.cli.table import Cell, Column, Table, Tone, cell, write_lines, write_table
from web.history_documents import (
    HostStatsHistoryDocument,
    IncarnationDocument,
    StatsHistoryDocument,
    UptimeDocument,
)

WIDEST = 200
RESOLUTIONS = {"raw": "samples", "1m": "minutes", "1h": "hours", "1d": "days"}


def chart_columns() -> int:
    """How many columns a chart has here."""
    return max(10, min(width(), WIDEST) - LABEL)


def show(past: Past, whats: Sequence[What]) -> None:
    """Write all of it to stdout."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    lines = history_lines(past, whats, chart_columns())
    write_lines(Cell(plain(line.text, encoding), line.tone) for line in lines)
    if past.uptime is not None and len(past.uptime.incarnations) > 1:
        write("")
        write_table(incarnations_table(past.uptime.incarnations))


def history_lines(past: Past, whats: Sequence[What], columns: int) -> Iterator[Cell]:
    """The heading, a chart of each figure, and the summary of its runs.

    Raises:
        CommandError: A figure is wanted that there is none of.
    """
    stats = past.stats
    if isinstance(stats, StatsHistoryDocument):
        name = f"{stats.host}/{stats.name}"
        charts = _charts(stats, stats.points, _wanted(CONTAINER, whats, "a container"), columns)
    else:
        name = stats.host
        charts = _charts(stats, stats.points, _wanted(HOST, whats, "a host"), columns)
    span = f"{minute(stats.start)} to {minute(stats.end)}"
    every = length(stats.step_seconds)
    yield cell(f"{name}  {span}, {RESOLUTIONS[stats.resolution]} in steps of {every}", "strong")
    if past.uptime is not None:
        yield from uptime_lines(past.uptime)
    if stats.points:
        yield from charts


def _wanted(
    known: dict[What, list[Figure[P]]], whats: Sequence[What], whose: str
) -> list[Figure[P]]:
    if missing := [what for what in whats if what not in known]:
        raise CommandError(f"{whose} has no history of {missing[0]}", f"it has {', '.join(known)}")
    return [figure for what in whats or known for figure in known[what]]


def _charts(
    stats: StatsHistoryDocument | HostStatsHistoryDocument,
    points: Sequence[P],
    figures: Iterable[Figure[P]],
    columns: int,
) -> Iterator[Cell]:
    step = timedelta(seconds=stats.step_seconds)
    patience = 2.5 if stats.resolution == "raw" else 1.5  # samples jitter, rollups do not
    end = max(stats.end, stats.start + timedelta(seconds=1))
    frame = Frame(stats.start, end, step, columns, patience)
    gaps = False
    for figure in figures:
        known = readings(figure, points, step)
        yield cell(" ")
        if not known:
            yield Cell(f"{figure.title}: not known", "dim")
            continue
        row = bars(known, frame)
        gaps = gaps or None in row
        weight = sum(each.weight for each in known)
        values = {
            "min": min(each.least for each in known),
            "avg": sum(each.mean * each.weight for each in known) / weight,
            "max": max(each.most for each in known),
            "last": known[-1].mean,
        }
        told = [f"{key} {figure.unit(value)}" for key, value in values.items()]
        if figure.moved is not None:
            told.append(f"total {size(sum(figure.moved(point) or 0 for point in points))}")
        yield Cell(f"{figure.title}  {'  '.join(told)}", "strong")
        before = "" if figure.rows > 1 else " " * LABEL
        yield from (Cell(before + line) for line in draw(row, figure.rows, figure.unit))
    yield Cell(" " * LABEL + scale(stats.start, end, columns), "dim")
    if gaps:
        yield Cell(f"{' ' * LABEL}{GAP} no samples", "dim")


def scale(start: datetime, end: datetime, columns: int) -> str:
    """The times below the charts: the first and the last, and the middle where there is room."""
    form = "%H:%M" if end - start <= timedelta(days=1) else "%m-%d %H:%M"
    first, middle, last = (
        time.astimezone().strftime(form) for time in (start, start + (end - start) / 2, end)
    )
    if columns < 3 * len(first) + 4:
        both = first + last.rjust(columns - len(first))
        return both if columns > 2 * len(first) else first[:columns]
    left = (columns - len(middle)) // 2
    line = first.ljust(left) + middle
    return line + last.rjust(columns - len(line))


def uptime_lines(uptime: UptimeDocument) -> Iterator[Cell]:
    """When it ran, and how its runs ended."""
    down = [f"down {length(uptime.down_seconds)}"] if uptime.down_seconds else []
    if uptime.unknown_seconds:
        down.append(f"not known for {length(uptime.unknown_seconds)}")
    parts = [f"{uptime.state}", f"up {percent(uptime.up_percent) or 'not known'}"]
    if down:
        parts[-1] += f" ({', '.join(down)})"
    parts.append(_many(uptime.restarts, "restart"))
    if len(uptime.incarnations) > 1:
        parts.append(f"{len(uptime.incarnations)} containers one after another")
    bad = uptime.oom_kills > 0 or bool(uptime.unhealthy_seconds)
    if uptime.oom_kills:
        parts.append(_many(uptime.oom_kills, "OOM kill"))
    if uptime.last_exit_codes:
        parts.append(f"last exit codes {', '.join(map(str, uptime.last_exit_codes))}")
    if uptime.health is not None:
        ill = uptime.unhealthy_seconds
        parts.append(uptime.health + (f", unhealthy for {length(ill)}" if ill else ""))
    if uptime.truncated:
        parts.append("the oldest runs are left out: choose a shorter span")
    tone: Tone = "bad" if bad else "warn" if uptime.restarts or uptime.down_seconds else "good"
    yield cell("; ".join(parts), tone)


def incarnations_table(incarnations: Sequence[IncarnationDocument]) -> Table:
    """One row for each container that had the name, newest first."""
    columns = (
        Column("ID"),
        Column("NAME", rank=1, least=12),
        Column("IMAGE", least=12),
        Column("FIRST SEEN", rank=2, right=True),
        Column("REMOVED", right=True),
    )
    rows = [
        [
            cell(each.id[:12], "strong"),
            cell(each.name),
            cell(each.image),
            cell(f"{ago(each.first)} ago" if each.first else None),
            cell(f"{ago(each.last)} ago" if each.last else None, "dim"),
        ]
        for each in incarnations
    ]
    return Table(columns, rows)


def length(seconds: float) -> str:
    """How long: `12s`, `5m`, `2h 30m`, `4d 2h`."""
    if seconds < 60:
        return f"{seconds:.3g}s"
    left, parts = round(seconds), []
    for unit, size_of in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size_of)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def _many(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")
