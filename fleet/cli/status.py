"""`fleet status`: every host's health at a glance, and the verdict as exit code."""

from __future__ import annotations

import click

from fleet.cli.errors import FAILED, OK, UNKNOWN, USAGE, CommandError
from fleet.cli.options import (
    HOUR,
    Seconds,
    complete_host,
    host_options,
    json_option,
    source_options,
)
from fleet.cli.settings import Settings

CODES = {"ok": OK, "degraded": FAILED, "down": USAGE}


@click.command(
    "status",
    epilog="""\b
Examples:
  fleet status                       all hosts
  fleet status --watch               live, until Ctrl-C
  fleet status db-1 edge-1           two hosts
  fleet status --label site=fra      the hosts of a site
  fleet status --direct --timeout 5  ask the hosts, give up after five seconds
  fleet status --json | jq -r '.hosts[] | select(.status != "up") | .name'

\b
Exit codes: 0 all well; 1 degraded: an unhealthy container, a refused configuration, the
database away; 2 an enabled host is not up; 3 cannot tell.""",
)
@click.argument("names", nargs=-1, metavar="[HOST]...", shell_complete=complete_host)
@host_options
@click.option("--watch", "-w", is_flag=True, help="Refresh until Ctrl-C.")
@click.option(
    "--interval",
    type=Seconds(min=0.2, max=HOUR),
    default=2.0,
    show_default=True,
    help="Seconds between refreshes with --watch.",
)
@click.option(
    "--timeout",
    type=Seconds(min=0.1, max=HOUR),
    help="Seconds for connecting when hosts are asked. [default: the host's connect_timeout]",
)
@click.option("--no-stats", is_flag=True, help="When hosts are asked, leave CPU and memory out.")
@json_option
@source_options
def command(
    settings: Settings,
    names: tuple[str, ...],
    hosts: tuple[str, ...],
    labels: tuple[str, ...],
    watch: bool,
    interval: float,
    timeout: float | None,
    no_stats: bool,
    as_json: bool,
) -> int:
    """Show every host's health.

    Asks the running fleet; where none is running, asks all hosts at once. It says which.
    """
    from fleet.cli.output import write_json
    from fleet.cli.status_screen import show, watch_status
    from fleet.cli.summary import Summary, summarise
    from fleet.cli.view import Choice, Source

    choice = Choice((*names, *hosts), labels)

    def look() -> Summary:
        view = Source(settings, quiet=watch).view(
            choice, containers=False, samples=not no_stats, timeout=timeout
        )
        return summarise(view)

    try:
        if watch:
            return CODES[watch_status(look, interval, as_json=as_json)]
        summary = look()
    except CommandError as error:
        raise CommandError(error.message, error.hint, UNKNOWN) from error
    if as_json:
        write_json(summary)
    else:
        show(summary)
    return CODES[summary.verdict]
