"""How `fleet status` looks: the table of hosts and the lines below it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from fleet.cli.errors import CommandError
from fleet.cli.format import ago, milliseconds, percent, size
from fleet.cli.live import Screen
from fleet.cli.output import write, write_json_line
from fleet.cli.summary import Summary
from fleet.cli.table import Cell, Column, Table, Tone, cell, write_lines, write_table
from fleet.verdict import Verdict
from web.documents import HostDocument, RouteCountsDocument, StorageDocument

COLUMNS = (
    Column("HOST", least=12),
    Column("STATE"),
    Column("CONNECTION", rank=5),
    Column("ENGINE", rank=3),
    Column("UP/ALL", right=True),
    Column("UNHEALTHY", rank=1, right=True),
    Column("CPU", rank=4, right=True),
    Column("MEMORY", rank=4, right=True),
    Column("RESPONSE", rank=6, right=True),
    Column("SINCE", rank=2, right=True),
    Column("ERROR", least=16),
)
STATE_TONES: dict[str, Tone] = {"up": "good", "connecting": "warn", "down": "bad"}
VERDICT_TONES: dict[str, Tone] = {"ok": "good", "degraded": "warn", "down": "bad"}


def hosts_table(summary: Summary) -> Table:
    """One row a host; figures of a host that is not up are marked as stale by their colour."""
    rows = [_row(host) for host in summary.hosts]
    if summary.source == "fleet":
        return Table(COLUMNS, rows)
    kept = [at for at, column in enumerate(COLUMNS) if column.title != "SINCE"]  # one look: no past
    return Table([COLUMNS[at] for at in kept], [[row[at] for at in kept] for row in rows])


def _row(host: HostDocument) -> list[Cell]:
    counts, known = host.containers, host.engine is not None or host.status == "up"
    stale: Tone = "" if host.status == "up" else "dim"
    unhealthy: Tone = "warn" if counts.unhealthy else stale
    via = f" ({host.via})" if host.via not in ("", "direct") else ""
    return [
        cell(host.name, "strong"),
        cell(host.status, STATE_TONES.get(host.status, "dim")),
        cell(host.connection + via, "dim"),
        cell(host.engine and host.engine.version, stale),
        cell(f"{counts.running}/{counts.total}" if known else None, stale),
        cell(counts.unhealthy if known else None, unhealthy),
        cell(percent(host.cpu_percent), stale),
        cell(size(host.memory_used), stale),
        cell(milliseconds(host.response_ms), stale),
        cell(ago(host.since), stale),
        cell(_error(host), "bad" if host.error else "dim"),
    ]


def _error(host: HostDocument) -> str:
    parts = []
    if host.error is not None:
        at = f" ({ago(host.error.at)} ago)" if host.error.at and host.status == "up" else ""
        parts.append(host.error.message + at)
    if host.stale_since is not None:
        parts.append(f"figures are {ago(host.stale_since)} old")
    return "; ".join(parts)


def lines(summary: Summary) -> Iterator[Cell]:
    """What stands below the table: hints, the program's own state, the verdict."""
    for host in summary.hosts:
        if host.status != "up" and host.error is not None and host.error.hint:
            yield cell(f"{host.name}: {host.error.message}")
            yield cell(f"  next: {host.error.hint}", "dim")
    yield from _fleet_lines(summary)
    for warning in summary.warnings:
        yield cell(f"warning: {warning}", "warn")
    up = sum(host.status == "up" for host in summary.hosts)
    enabled = sum(host.status != "disabled" for host in summary.hosts)
    told = f"the running fleet at {summary.where} told"
    asked = f"asked {summary.where} directly"
    source = told if summary.source == "fleet" else asked
    reasons = f": {'; '.join(summary.reasons)}" if summary.reasons else ""
    yield Cell(f"{up} of {enabled} hosts up ({source})", "dim")
    yield cell(f"{summary.verdict}{reasons}", VERDICT_TONES[summary.verdict])


def _fleet_lines(summary: Summary) -> Iterator[Cell]:
    if summary.fleet is None:
        return
    config, storage = summary.fleet.config, summary.fleet.storage
    if config.error:
        since = f" {ago(config.error_since)} ago" if config.error_since else ""
        yield Cell(f"configuration: the changed file was refused{since}:", "warn")
        for line in config.error.splitlines():
            yield cell(f"  {line}")
        yield Cell("  next: correct it; the one before keeps running", "dim")
    yield from _storage_lines(storage)
    routes = summary.fleet.routes
    if routes is not None and (routes.total or routes.errors or routes.warnings):
        yield _routes_line(routes)


def _routes_line(routes: RouteCountsDocument) -> Cell:
    """`routes: 12 of 14 up, 1 degraded, 1 down; 2 errors, 1 conflict`."""
    parts = [f"{routes.up} of {routes.total} up"]
    parts += [
        f"{n} {word}" for word in ("degraded", "down", "held") if (n := getattr(routes, word))
    ]
    counted = (
        ("error", routes.errors),
        ("warning", routes.warnings),
        ("conflict", routes.conflicts),
    )
    wrong = [f"{count} {word}{'s' * (count > 1)}" for word, count in counted if count]
    text = f"routes: {', '.join(parts)}" + f"; {', '.join(wrong)}" * bool(wrong)
    return cell(text, "warn" if routes.errors or len(parts) > 1 else "dim")


def _storage_lines(storage: StorageDocument) -> Iterator[Cell]:
    if storage.state in ("spooling", "waiting"):
        since = f" since {ago(storage.since)}" if storage.since else ""
        told = f"{'database away, ' * (storage.state == 'spooling')}{storage.error or 'no answer'}"
        yield cell(f"storage: {storage.state}{since}: {told}", "warn")
    else:
        kind = f" to {storage.kind}" if storage.kind else ""
        yield Cell(f"storage: {storage.state}{kind}", "dim")
    spool = storage.spool
    if spool.rows:
        oldest = f", the oldest {ago(spool.oldest)} old" if spool.oldest else ""
        rate = f", {spool.replayed_per_second:.0f} rows/s" if spool.replayed_per_second else ""
        yield Cell(f"  on disk: {spool.rows} rows, {size(spool.bytes)}{oldest}{rate}", "dim")
    if storage.state == "waiting":
        yield Cell(f"  in memory: {storage.queued} rows", "dim")
    if dropped := sum(storage.dropped.values()):
        yield Cell(f"  dropped since the start: {dropped} rows", "dim")
    if spool.damaged_bytes:
        rows = f" with at least {spool.damaged_rows} rows" if spool.damaged_rows else ""
        lost = f"{size(spool.damaged_bytes)}{rows}"
        yield Cell(f"  damaged on disk: {lost}; copies are in spool/damaged", "warn")


def show(summary: Summary) -> None:
    """Write the summary to stdout."""
    write_table(hosts_table(summary))
    write("")
    write_lines(lines(summary))


def watch_status(look: Callable[[], Summary], interval: float, *, as_json: bool) -> Verdict:
    """Show fresh summaries until Ctrl-C; returns the last verdict.

    A look that fails (the fleet restarts, the file is being edited) is shown and tried again.
    """
    last: Verdict = "ok"
    with Screen() as screen:
        while True:
            try:
                summary = look()
            except CommandError as error:
                screen.say(f"{error.message}\n{error.hint}")
            else:
                last = summary.verdict
                if as_json:
                    write_json_line(summary)
                else:
                    screen.table(hosts_table(summary), lines(summary))
            time.sleep(interval)
    return last
