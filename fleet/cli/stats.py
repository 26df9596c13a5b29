"""`fleet stats`: what the running containers use."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from fleet.cli.errors import FAILED, OK, CommandError
from fleet.cli.options import HOUR, Seconds, container_options, json_option, source_options
from fleet.cli.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.cli.containers import Containers
    from fleet.cli.table import Table
    from fleet.cli.view import View
    from web.documents import ContainerDocument

SORTS = ("name", "cpu", "memory")


@click.command(
    "stats",
    epilog="""\b
Examples:
  fleet stats                      all running containers, once
  fleet stats --sort cpu --watch   the busiest first, live
  fleet stats --host db-1 --json

CPU is in percent of one core, as in `docker stats`: one busy core is 100%.""",
)
@container_options
@click.option("--sort", type=click.Choice(SORTS), default="name", help="What comes first.")
@click.option("--watch", "-w", is_flag=True, help="Refresh until Ctrl-C.")
@click.option(
    "--interval",
    type=Seconds(min=0.2, max=HOUR),
    default=2.0,
    show_default=True,
    help="Seconds between refreshes with --watch.",
)
@json_option
@source_options
def command(
    settings: Settings,
    hosts: tuple[str, ...],
    states: tuple[str, ...],
    healths: tuple[str, ...],
    labels: tuple[str, ...],
    name: str,
    sort: str,
    watch: bool,
    interval: float,
    as_json: bool,
) -> int:
    """Show CPU, memory, network and block I/O of running containers."""
    from fleet.cli.containers import Filters, look, tell_unreachable
    from fleet.cli.output import write_json
    from fleet.cli.table import write_table
    from fleet.cli.view import Source

    states = states or ("running", "paused")
    filters = Filters(hosts=hosts, states=states, healths=healths, labels=labels, name=name)

    def once() -> tuple[View, Containers]:
        view, found = look(Source(settings, quiet=watch), filters, samples=True)
        found.containers.sort(key=_order(sort))
        return view, found

    if watch:
        _watch(once, interval, as_json=as_json)
        return OK
    view, found = once()
    if as_json:
        write_json(found)
    else:
        write_table(stats_table(found.containers))
    return FAILED if tell_unreachable(view.hosts) else OK


def _order(sort: str) -> Callable[[ContainerDocument], tuple[float, str, str]]:
    def key(container: ContainerDocument) -> tuple[float, str, str]:
        stats = container.stats
        figure = 0.0
        if stats is not None and sort == "cpu":
            figure = stats.cpu_percent or 0.0
        elif stats is not None and sort == "memory":
            figure = float(stats.memory_used)
        return -figure, container.host, container.name

    return key


def stats_table(containers: list[ContainerDocument]) -> Table:
    """One row a container; a dash where nothing was measured."""
    from fleet.cli.format import ago, percent, size
    from fleet.cli.table import Cell, Column, Table, cell

    columns = (
        Column("HOST", least=8),
        Column("NAME", least=16),
        Column("CPU", right=True),
        Column("MEMORY", right=True),
        Column("LIMIT", rank=3, right=True),
        Column("MEM %", rank=2, right=True),
        Column("NET IN/OUT", rank=4, right=True),
        Column("BLOCK IN/OUT", rank=5, right=True),
        Column("PIDS", rank=6, right=True),
        Column("AGE", rank=7, right=True),
    )

    def both(first: int | None, second: int | None) -> str:
        return "" if first is None and second is None else f"{size(first)}/{size(second)}"

    def row(container: ContainerDocument) -> list[Cell]:
        names = [cell(container.host), cell(container.name, "strong")]
        stats = container.stats
        if stats is None:
            return names + [cell(None)] * (len(columns) - 2)
        return [
            *names,
            cell(percent(stats.cpu_percent)),
            cell(size(stats.memory_used)),
            cell(size(stats.memory_limit)),
            cell(percent(stats.memory_percent)),
            cell(both(stats.network_rx, stats.network_tx)),
            cell(both(stats.block_read, stats.block_write)),
            cell(stats.pids),
            cell(ago(stats.time), "bad" if container.stale_since else "dim"),
        ]

    return Table(columns, [row(container) for container in containers])


def _watch(once: Callable[[], tuple[View, Containers]], interval: float, *, as_json: bool) -> None:
    from fleet.cli.live import Screen
    from fleet.cli.output import write_json_line

    with Screen() as screen:
        while True:
            try:
                _, found = once()
            except CommandError as error:
                screen.say(f"{error.message}\n{error.hint}")
            else:
                if as_json:
                    write_json_line(found)
                else:
                    screen.table(stats_table(found.containers))
            time.sleep(interval)
