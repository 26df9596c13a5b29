"""`fleet events`: what happened on the hosts, and what is happening."""

from __future__ import annotations

from datetime import datetime

import click

from fleet.cli.options import host_options, json_option, source_options
from fleet.cli.settings import Settings
from fleet.cli.times import Point


@click.command(
    "events",
    epilog="""\b
Examples:
  fleet events                             the last hour
  fleet events -f                          recent ones, then live until Ctrl-C
  fleet events --since 15m --type container --action die
  fleet events -f --host db-1 --container web --json

With --json every event is one line.""",
)
@host_options
@click.option("--type", "kind", default="", help="container, image, network, volume, ...")
@click.option("--action", default="", help="start, die, health_status, ...")
@click.option("--container", default="", metavar="NAME", help="A name, or an id's beginning.")
@click.option(
    "--since",
    type=Point(),
    metavar="TIME",
    help="From then on: 15m, 2h, 2026-01-31T12:00Z. [default: 1h; with --follow what is kept]",
)
@click.option("--follow", "-f", is_flag=True, help="Go on live, until Ctrl-C.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=200, show_default=True, help="Past events."
)
@json_option
@source_options
def command(
    settings: Settings,
    hosts: tuple[str, ...],
    labels: tuple[str, ...],
    kind: str,
    action: str,
    container: str,
    since: datetime | None,
    follow: bool,
    limit: int,
    as_json: bool,
) -> None:
    """Show events of all hosts, oldest first.

    The running fleet tells them, past a lost connection too. Where none is running, the Engines do:
    each keeps its last 256.
    """
    from fleet.cli.event_sources import Wanted, show_direct, show_running
    from fleet.cli.event_text import writer
    from fleet.cli.view import Choice, Source

    source, choice = Source(settings), Choice(hosts, labels)
    wanted = Wanted(
        kind=kind, action=action, container=container, since=since, limit=limit, follow=follow
    )
    running = source.running()
    if running is None:
        show_direct(source.config, choice, wanted, writer(as_json=as_json))
    else:
        show_running(running[0], choice, wanted, writer(as_json=as_json))
