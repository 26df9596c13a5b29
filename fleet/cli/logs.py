"""`fleet logs`: containers' logs, straight from their Engines or from what is kept of them."""

from __future__ import annotations

from datetime import datetime

import click

from fleet.cli.errors import OK
from fleet.cli.options import complete_host, json_option, source_options
from fleet.cli.periods import check_order
from fleet.cli.settings import Settings
from fleet.cli.times import Point
from web.expectations import LEVELS


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
  fleet logs db-1/postgres edge-1/web  two together, by time
  fleet logs web --grep timeout        search what is kept, of removed containers too
  fleet logs --level error --since 1h  errors of all containers
  fleet logs db-1/postgres --json | jq -r .line

\b
What the container wrote to stderr goes to stderr. --grep, --regex, --level, --stored and --host
read what the running fleet keeps: lines of containers with the label fleet.logs=true, or of all
with logs = "all" in [defaults.monitoring].""",
)
@click.argument("containers", nargs=-1, metavar="[[HOST/]NAME]...", shell_complete=_complete)
@click.option("--follow", "-f", is_flag=True, help="Go on as long as the container runs.")
@click.option(
    "--tail", "-n", type=click.IntRange(0), help="Only so many last lines of each container."
)
@click.option("--since", type=Point(), metavar="TIME", help="From then on: 15m, 2h, a time.")
@click.option("--until", type=Point(), metavar="TIME", help="Until then.")
@click.option("--timestamps", "-t", is_flag=True, help="Begin each line with its time.")
@click.option("--grep", "text", default="", metavar="TEXT", help="Kept lines with it, in any case.")
@click.option("--regex", default="", metavar="REGEX", help="Kept lines that match (PostgreSQL's).")
@click.option(
    "--level",
    "levels",
    multiple=True,
    type=click.Choice(LEVELS),
    help="Kept lines of this level; repeat it for several.",
)
@click.option("--stored", is_flag=True, help="Read what is kept, not the Engine.")
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_host,
    help="Search this host's containers; repeat it for several.",
)
@json_option
@source_options
def command(
    settings: Settings,
    containers: tuple[str, ...],
    follow: bool,
    tail: int | None,
    since: datetime | None,
    until: datetime | None,
    timestamps: bool,
    text: str,
    regex: str,
    levels: tuple[str, ...],
    stored: bool,
    hosts: tuple[str, ...],
    as_json: bool,
) -> int:
    """Print containers' logs, follow them, or search those that are kept.

    From the Engines; lines of earlier, removed containers from what the running fleet keeps.
    """
    from fleet.cli.log_output import LogWriter
    from fleet.cli.log_sources import Asked, show

    searching = bool(text or regex or levels or stored or hosts)
    _check(containers, hosts, searching=searching, settings=settings)
    check_order(since, until)
    if follow and until is not None:
        raise click.UsageError("--follow has no end: not together with --until")
    if follow and regex:
        raise click.UsageError("--follow goes with --grep and --level, not with --regex")
    asked = Asked(
        containers=containers,
        follow=follow,
        tail=tail,
        since=since,
        until=until,
        text=text,
        regex=regex,
        levels=levels,
        hosts=hosts,
        searching=searching,
    )
    named = len(containers) != 1
    show(settings, asked, LogWriter(timestamps=timestamps, named=named, as_json=as_json))
    return OK


def _check(
    containers: tuple[str, ...], hosts: tuple[str, ...], *, searching: bool, settings: Settings
) -> None:
    """Refuse what contradicts itself."""
    if not all(part for name in containers for part in name.split("/", 1)):
        raise click.UsageError("write a container as HOST/NAME or NAME")
    if not containers and not searching:
        raise click.UsageError("name a container, or search all with --grep, --level or --stored")
    if containers and hosts:
        raise click.UsageError("--host is for searching all containers; write HOST/NAME for one")
    if searching and settings.direct:
        raise click.UsageError("only the running fleet keeps lines: not with --direct")
