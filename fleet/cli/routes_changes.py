"""`fleet routes changes`: what changed of the routes, when, and because of whom."""

from __future__ import annotations

from datetime import datetime

import click

from fleet.cli.errors import OK
from fleet.cli.options import fleet_options, host_options, json_option
from fleet.cli.routes import domain_option, running_api
from fleet.cli.settings import Settings
from fleet.cli.times import Point


@click.command(
    "changes",
    epilog="""\b
Examples:
  fleet routes changes                            the last hundred
  fleet routes changes --domain shop.example.com --since 7d
  fleet routes changes --host edge-1 -n 20 --json""",
)
@host_options
@domain_option
@click.option("--since", type=Point(), help="From when on: 15m, 2h, 7d (ago), or a time.")
@click.option(
    "-n", "--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many."
)
@json_option
@fleet_options
def command(
    settings: Settings,
    hosts: tuple[str, ...],
    labels: tuple[str, ...],
    domains: tuple[str, ...],
    since: datetime | None,
    limit: int,
    as_json: bool,
) -> int:
    """List changes of routes with their causes, newest last, also those of long ago."""
    from fleet.cli.output import note, write_json
    from fleet.cli.route_tables import changes_table
    from fleet.cli.table import write_table
    from web.route_documents import RouteChangesDocument

    if labels or len(hosts) > 1 or len(domains) > 1:
        raise click.UsageError("changes are of one --host and one --domain, or of all")
    query = {"limit": str(limit)}
    if hosts:
        query["host"] = hosts[0]
    if domains:
        query["domain"] = domains[0]
    if since is not None:
        query["since"] = since.isoformat()
    found = running_api(settings).read("/api/revp/changes", RouteChangesDocument, query)
    if as_json:
        write_json(found)
    elif found.changes:
        write_table(changes_table(found.changes))
    else:
        note("fleet: no route changed")
    if found.note:
        note(f"fleet: {found.note}")
    return OK
