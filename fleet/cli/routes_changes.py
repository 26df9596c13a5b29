"""`fleet routes changes`: what changed of the routes, when, and because of whom."""

from __future__ import annotations

from datetime import datetime

import click

from fleet.cli.errors import OK
from fleet.cli.options import complete_host, fleet_options, json_option
from fleet.cli.routes import complete_domain, running_api
from fleet.cli.settings import Settings
from fleet.cli.times import Point


@click.command(
    "changes",
    epilog="""\b
Examples:
  fleet routes changes                            the last hundred
  fleet routes changes -f                         and those to come, until Ctrl-C
  fleet routes changes --domain shop.example.com --since 7d
  fleet routes changes --host edge-1 -n 20 --json

With --follow and --json every change is one line.""",
)
@click.option(
    "--host",
    metavar="NAME",
    shell_complete=complete_host,
    help="Only what happened because of this host, or to pools with members on it.",
)
@click.option(
    "--domain", metavar="NAME", shell_complete=complete_domain, help="Only of this domain."
)
@click.option("--since", type=Point(), metavar="TIME", help="From then on: 15m, 2h, 7d, or a time.")
@click.option("--follow", "-f", is_flag=True, help="Go on live, until Ctrl-C.")
@click.option(
    "-n", "--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many."
)
@json_option
@fleet_options
def command(
    settings: Settings,
    host: str | None,
    domain: str | None,
    since: datetime | None,
    follow: bool,
    limit: int,
    as_json: bool,
) -> int:
    """List changes of routes with their causes, newest last, also those of long ago."""
    from fleet.cli import route_changes
    from fleet.cli.output import note, write_json
    from web.route_documents import RouteChangesDocument

    named = {"host": host, "domain": domain}
    query = {name: text for name, text in named.items() if text}
    past = query | {"limit": str(limit)}
    if since is not None:
        past["since"] = since.isoformat().replace("+00:00", "Z")
    api = running_api(settings)
    found = api.read("/api/revp/changes", RouteChangesDocument, past)
    if found.note:
        note(f"fleet: {found.note}")
    if as_json and not follow:
        write_json(found)
        return OK
    write = route_changes.writer(as_json=as_json)
    for change in found.changes:
        write(change)
    if not found.changes:
        note("fleet: no route changed")
    if follow:
        route_changes.follow(api, query, found.revision, write)
    return OK
