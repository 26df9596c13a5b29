"""`fleet routes drift`: what a running proxy serves, set against what it should."""

from __future__ import annotations

import click

from fleet.cli.errors import FAILED, OK
from fleet.cli.options import fleet_options, json_option
from fleet.cli.routes import running_api
from fleet.cli.settings import Settings

KINDS = ("traefik", "caddy", "haproxy")


@click.command(
    "drift",
    epilog="""\b
Examples:
  fleet routes drift traefik http://127.0.0.1:8081     Traefik's API
  fleet routes drift caddy http://127.0.0.1:2019       Caddy's admin endpoint
  fleet routes drift haproxy unix:///run/haproxy/admin.sock   listed in [revp] proxies
  fleet routes drift caddy http://edge-1:2019 --json   edge-1 is in [revp] proxies

The running fleet asks, from where it runs: on its loopback, or what begins with a URL of [revp]
proxies. nginx does not tell what it serves.

Exit code 1: the proxy serves something else, or could not be asked.""",
)
@click.argument("proxy", type=click.Choice(KINDS))
@click.argument("admin", metavar="URL")
@json_option
@fleet_options
def command(settings: Settings, proxy: str, admin: str, as_json: bool) -> int:
    """Show which routes a proxy lacks, has besides, or has otherwise.

    URL is that of the proxy's admin interface.
    """
    from fleet.cli.output import write, write_json
    from fleet.cli.route_drift import drift_lines, drift_table
    from fleet.cli.table import write_lines, write_table
    from web.route_documents import DriftDocument

    query = {"proxy": proxy, "url": admin}
    found = running_api(settings).read("/api/revp/drift", DriftDocument, query)
    if as_json:
        write_json(found)
    else:
        if found.drifted:
            write_table(drift_table(found))
            write("")
        write_lines(drift_lines(found))
    return FAILED if found.drifted else OK
