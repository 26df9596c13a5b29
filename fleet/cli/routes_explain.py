"""`fleet routes explain`: why a domain answers as it does."""

from __future__ import annotations

import click

from fleet.cli.errors import FAILED, OK
from fleet.cli.options import fleet_options, json_option
from fleet.cli.routes import complete_domain, running_api
from fleet.cli.settings import Settings


@click.command(
    "explain",
    epilog="""\b
Examples:
  fleet routes explain shop.example.com
  fleet routes explain https://shop.example.com/cart   a pasted address will do
  fleet routes explain shop.example.com --json

It tells what proxies are given, not what they made of it: `fleet routes drift` asks them.

Exit code 1: requests to it are not answered by a backend.""",
)
@click.argument("domain", shell_complete=complete_domain)
@json_option
@fleet_options
def command(settings: Settings, domain: str, as_json: bool) -> int:
    """Tell why a domain answers as it does.

    Shows its routes; each backend's state, its endpoint, and every way to it that was tried; what
    waits, who lost a conflict, what is wrong with the labels, and the latest changes. Of a domain
    that has no route: what covers it, and whose labels speak of it.
    """
    from fleet.cli.output import write_json
    from fleet.cli.route_explain import explain, lines, place_of
    from fleet.cli.table import write_lines

    found = explain(running_api(settings), *place_of(domain))
    if as_json:
        write_json(found)
    else:
        write_lines(lines(found))
    return FAILED if found.is_bad else OK
