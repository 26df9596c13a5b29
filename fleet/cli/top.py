"""`fleet top`: the containers that use the most, now or over a past span."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fleet.cli.errors import FAILED, OK, CommandError
from fleet.cli.options import HOUR, Seconds, complete_host, json_option, source_options
from fleet.cli.periods import Period, period_options
from fleet.cli.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet.cli.table import Table
    from fleet.cli.top_sources import Ranking, Wanted
    from web.history import SortBy

SORTS: tuple[SortBy, ...] = ("cpu", "memory", "network", "block")
KEYS: dict[str, SortBy] = {sort[0]: sort for sort in SORTS}


@click.command(
    "top",
    epilog="""\b
Examples:
  fleet top                                  live on a terminal, once in a pipe
  fleet top --sort memory --host db-1
  fleet top --last 1h                        what used most CPU in the last hour
  fleet top --last 7d --sort network --label site=fra -n 5
  fleet top --last 1d --json | jq -r '.containers[] | [.host, .name, .cpu_seconds] | @tsv'

\b
Keys while it is live: c CPU, m memory, n network, b block I/O first; q leaves.
CPU is in percent of one core, as in `docker stats`. Live, network and block I/O are per second;
with --once they are counted since each container's start; over a span they are what was moved in
it. A past span needs a running fleet.""",
)
@click.option("--sort", type=click.Choice(SORTS), default="cpu", help="What comes first.")
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_host,
    help="Only this host; repeat it for several.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="KEY[=VALUE]",
    help="Only with this label, of the container or its host; repeat it, all must match.",
)
@period_options
@click.option(
    "--limit", "-n", type=click.IntRange(1, 100), default=20, show_default=True, help="How many."
)
@click.option(
    "--watch/--once", "-w", default=None, help="Refresh until q or Ctrl-C. [default: on terminals]"
)
@click.option(
    "--interval",
    type=Seconds(min=0.2, max=HOUR),
    default=2.0,
    show_default=True,
    help="Seconds between refreshes.",
)
@json_option
@source_options
def command(
    settings: Settings,
    sort: SortBy,
    hosts: tuple[str, ...],
    labels: tuple[str, ...],
    period: Period,
    limit: int,
    watch: bool | None,
    interval: float,
    as_json: bool,
) -> int:
    """Show the containers that use the most CPU, memory, network or block I/O.

    Without a span (or with --last now) it is what they use now.
    """
    from fleet.cli.output import is_terminal, write_json
    from fleet.cli.table import write_table
    from fleet.cli.top_sources import Wanted

    wanted = Wanted(hosts=hosts, labels=labels, limit=limit, period=period)
    live = is_terminal() and not as_json and not period if watch is None else watch
    if live:
        _watch(settings, wanted, sort, interval, as_json=as_json)
        return OK
    ranking = _look(settings, wanted, quiet=False)(sort)
    if as_json:
        write_json(ranking.document)
    else:
        write_table(ranking.table)
    return OK if ranking.complete else FAILED


def _look(settings: Settings, wanted: Wanted, *, quiet: bool) -> Callable[[SortBy], Ranking]:
    from fleet.cli.top_sources import Live, over_span

    if not wanted.period:
        return Live(settings, wanted, quiet=quiet).look
    return lambda sort: over_span(settings, wanted, sort)


def _cut(table: Table) -> Table:
    """As many rows as leave room for the heading and what stands below."""
    from fleet.cli.output import height, is_terminal
    from fleet.cli.table import Table

    rows = max(1, height() - 5) if is_terminal() else len(table.rows)
    return Table(table.columns, table.rows[:rows])


def _watch(
    settings: Settings, wanted: Wanted, sort: SortBy, interval: float, *, as_json: bool
) -> None:
    from fleet.cli.keys import Keys
    from fleet.cli.live import Screen
    from fleet.cli.output import write_json_line
    from fleet.cli.table import cell

    look = _look(settings, wanted, quiet=True)
    with Screen() as screen, Keys() as keys:
        while True:
            try:
                ranking = look(sort)
            except CommandError as error:
                screen.say(f"{error.message}\n{error.hint}")
            else:
                if as_json:
                    write_json_line(ranking.document)
                else:
                    hint = "; keys: c m n b sort, q quit" if keys.taken else ""
                    below = cell(f"{ranking.summary}, most {sort} first{hint}", "dim")
                    screen.table(_cut(ranking.table), [below])
            key = keys.wait(interval)
            if key in ("q", "Q", "\x04"):
                return
            sort = KEYS.get(key, sort)
