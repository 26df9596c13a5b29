"""`fleet audit`: what was done with tokens and accounts."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from fleet.cli.options import config_option, json_option
from fleet.cli.times import Point
from web.access.model import AUDIT_KINDS


@click.command(
    "audit",
    epilog="""\b
Examples:
  fleet audit                          the newest entries, oldest first
  fleet audit --kind token-refused     who tries what does not work
  fleet audit --who k3v9x2mq7a --since 7d
  fleet audit --limit 1000 --json | jq '.entries[] | select(.address == "10.0.0.9")'

A token's use is told once an hour for each address; what is refused, once a minute, counted.""",
)
@click.option(
    "--kind",
    type=click.Choice(AUDIT_KINDS),
    metavar="KIND",
    help="Only entries of this kind, such as token-used.",
)
@click.option("--who", help="Only of this token (by its id) or account.")
@click.option("--address", help="Only from this client.")
@click.option("--since", type=Point(), metavar="TIME", help="From this time on.")
@click.option("--until", type=Point(), metavar="TIME", help="Until just before this time.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most."
)
@json_option
@config_option
def command(
    kind: str | None,
    who: str | None,
    address: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    as_json: bool,
    config: Path | None,
) -> None:
    """Show what was done with tokens and accounts: made, used, refused, revoked.

    It acts on the database of hosts.toml, also beside a running fleet.
    """
    from fleet.cli.audit_work import show
    from web.access.desk import AuditFilter

    wanted = AuditFilter(kind=kind, who=who, address=address, since=since, before=until)
    show(config, wanted, limit, as_json=as_json)
