"""`fleet token`: who may read the API, and act through it."""

from __future__ import annotations

from pathlib import Path

import click

from fleet.cli.options import config_option, json_option
from web.access.model import ROLES, Role


@click.group(
    "token",
    epilog="""\b
Examples:
  fleet token create traefik                       reads everything, for ever
  fleet token create berlin --label site=berlin    sees the hosts of one site
  fleet token create deploy --role operator --expires 90d
  fleet token list
  fleet token revoke traefik

They act on the database of hosts.toml, also beside a running fleet: it knows a new token at once,
and a revoked one ends within seconds, with all its live streams.""",
)
@config_option
@click.pass_context
def command(ctx: click.Context, config: Path | None) -> None:
    """Make, list and revoke tokens for the API: of proxies, Prometheus, scripts and people."""
    ctx.obj = config


@command.command(
    "create",
    epilog="""\b
Examples:
  fleet token create traefik > /etc/traefik/fleet.token
  fleet token create grafana --expires 365d --json | jq -r .token

The token is the only line on stdout. It is shown this once: fleet keeps a hash of it.""",
)
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(ROLES),
    default="viewer",
    show_default=True,
    help="What it may: read, also reload the configuration, or also make tokens.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="KEY[=VALUE]",
    help="It sees only hosts with this label; repeat it, all must match. For viewers.",
)
@click.option(
    "--expires",
    default="never",
    show_default=True,
    metavar="TIME",
    help="How long it is valid: 12h, 90d.",
)
@json_option
@config_option
@click.pass_obj
def create_command(
    outer: Path | None,
    name: str,
    role: Role,
    labels: tuple[str, ...],
    expires: str,
    as_json: bool,
    config: Path | None,
) -> None:
    """Make a token and print it, this once."""
    from fleet.cli.token_work import create

    create(config or outer, name, role, labels, expires, as_json=as_json)


@command.command(
    "list",
    epilog="""\b
Examples:
  fleet token list
  fleet token list --all          also those that were revoked or have expired
  fleet token list --json | jq '.tokens[] | select(.used == null) | .name'""",
)
@click.option("--all", "also_ended", is_flag=True, help="Also those that no longer hold.")
@json_option
@config_option
@click.pass_obj
def list_command(outer: Path | None, also_ended: bool, as_json: bool, config: Path | None) -> None:
    """List tokens: what they may, until when, and when they were last used."""
    from fleet.cli.token_work import show_all

    show_all(config or outer, also_ended=also_ended, as_json=as_json)


@command.command(
    "revoke",
    epilog="""\b
Examples:
  fleet token revoke traefik      by its name
  fleet token revoke k3v9x2mq7a   by its id""",
)
@click.argument("ref", metavar="NAME|ID")
@json_option
@config_option
@click.pass_obj
def revoke_command(outer: Path | None, ref: str, as_json: bool, config: Path | None) -> None:
    """Revoke a token: who has it is refused within seconds, and its live streams end."""
    from fleet.cli.token_work import revoke

    revoke(config or outer, ref, as_json=as_json)
