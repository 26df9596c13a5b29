"""`fleet logs`: a container's log, straight from its Engine."""

from __future__ import annotations

from datetime import datetime

import click

from fleet.cli.options import json_option, source_options
from fleet.cli.settings import Settings
from fleet.cli.times import Point


def _complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """`HOST/NAME` of the running fleet's containers, else `HOST/`."""
    from fleet.cli.completing import containers

    return containers(ctx.params.get("config") or None, incomplete)


@click.command(
    "logs",
    epilog="""\b
Examples:
  fleet logs db-1/postgres             all of it
  fleet logs db-1/postgres -f -n 20    the last 20 lines, then live
  fleet logs web --since 15m           the name is enough where only one host has it
  fleet logs db-1/postgres --json | jq -r .line

What the container wrote to stderr goes to stderr.""",
)
@click.argument("container", metavar="[HOST/]NAME", shell_complete=_complete)
@click.option("--follow", "-f", is_flag=True, help="Go on as long as the container runs.")
@click.option("--tail", "-n", type=click.IntRange(0), help="Only so many last lines.")
@click.option("--since", type=Point(), metavar="TIME", help="From then on: 15m, 2h, a time.")
@click.option("--timestamps", "-t", is_flag=True, help="Begin each line with its time.")
@json_option
@source_options
def command(
    settings: Settings,
    container: str,
    follow: bool,
    tail: int | None,
    since: datetime | None,
    timestamps: bool,
    as_json: bool,
) -> None:
    """Print a container's log, and follow it."""
    from fleet.cli.containers import resolve
    from fleet.cli.log_output import Printing, print_log
    from fleet.cli.running import run
    from fleet.cli.settings import pick_host
    from fleet.cli.view import Source

    source = Source(settings)
    host, reference = resolve(source, container)
    printing = Printing(
        container=reference,
        follow=follow,
        tail=tail,
        since=since,
        timestamps=timestamps,
        as_json=as_json,
    )
    run(print_log, source.config, pick_host(source.config, host), printing)
