"""`fleet routes`: which domain leads to which container, and what keeps one from being served."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleet.cli.errors import FAILED, OK
from fleet.cli.options import fleet_options, host_options, json_option
from fleet.cli.settings import Settings

if TYPE_CHECKING:
    from fleet.cli.api import Api
    from fleet.cli.route_sources import Kind

FORMATS = ("traefik", "caddy", "haproxy", "haproxy-map", "nginx", "prometheus")


class Routes(click.Group):
    """The group, whose sub-commands are imported when they are asked for."""

    PARTS = {  # noqa: RUF012 - read only
        "preview": "fleet.cli.routes_preview",
        "changes": "fleet.cli.routes_changes",
        "drift": "fleet.cli.routes_drift",
        "apply": "fleet.cli.routes_apply",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the sub-commands in the order of the help page."""
        return list(self.PARTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the sub-command, or answer None when there is none of this name."""
        if cmd_name not in self.PARTS:
            return None
        from importlib import import_module

        command: Any = import_module(self.PARTS[cmd_name]).command
        return command if isinstance(command, click.Command) else None


def domain_option(function: Any) -> Any:
    """Add `--domain`."""
    return click.option(
        "--domain",
        "domains",
        multiple=True,
        metavar="NAME",
        help="Only this domain, or a pattern with * and ?; repeat it for several.",
    )(function)


@click.group(
    "routes",
    cls=Routes,
    invoke_without_command=True,
    epilog="""\b
Examples:
  fleet routes                       every route, and the backends behind it
  fleet routes --issues              labels that are not as they should be, and what would be
  fleet routes --conflicts           who wants what another has
  fleet routes --watch               follow them
  fleet routes --format haproxy      what a proxy is given
  fleet routes --format caddy --set https=off
  fleet routes preview compose.yml   what labels would make, before anything runs
  fleet routes apply nginx --to /etc/nginx/conf.d/fleet.conf --reload 'nginx -s reload' --follow

\b
Exit code 1: a route is down, or an issue is an error.""",
)
@host_options
@domain_option
@click.option("--issues", is_flag=True, help="List what is wrong with labels and endpoints.")
@click.option("--conflicts", is_flag=True, help="List domains that several want.")
@click.option("--waiting", is_flag=True, help="List what waits for its container to run.")
@click.option("--watch", "-w", is_flag=True, help="Show every change at once, until Ctrl-C.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="Write the document that a proxy is given. [with --issues: what it cannot express]",
)
@click.option(
    "--set", "options", multiple=True, metavar="KEY=VALUE", help="An option of the document."
)
@json_option
@fleet_options
@click.pass_context
def command(
    ctx: click.Context,
    settings: Settings,
    hosts: tuple[str, ...],
    labels: tuple[str, ...],
    domains: tuple[str, ...],
    issues: bool,
    conflicts: bool,
    waiting: bool,
    watch: bool,
    form: str | None,
    options: tuple[str, ...],
    as_json: bool,
) -> int:
    """List the routes that containers' labels and `[[routes]]` make, and their backends.

    A running fleet knows them: it needs one.
    """
    ctx.obj = settings
    if ctx.invoked_subcommand is not None:
        return OK
    from fleet.cli.route_sources import Wanted, document, look
    from fleet.cli.route_tables import write_found
    from fleet.cli.routes_watch import watch_routes

    kind = _kind(issues=issues, conflicts=conflicts, waiting=waiting)
    _check_format(form, kind, options, watch=watch, as_json=as_json)
    api = running_api(settings)
    wanted = Wanted(kind, hosts, labels, domains, form if issues else None)
    if form is not None and not issues:
        sys.stdout.buffer.write(document(api, form, wanted, options))
        return OK
    if watch:
        watch_routes(api, wanted, as_json=as_json)
        return OK
    found = look(api, wanted)
    return FAILED if write_found(found, as_json=as_json) else OK


def running_api(settings: Settings) -> Api:
    """The running fleet's API."""
    from fleet.cli.past import need_running
    from fleet.cli.view import Source

    return need_running(Source(settings), "only a running fleet knows the routes")


def _kind(**asked: bool) -> Kind:
    lists: list[Any] = [name for name, is_asked in asked.items() if is_asked]
    if len(lists) > 1:
        raise click.UsageError(f"--{lists[0]} and --{lists[1]} are two lists: ask for one")
    kind: Kind = lists[0] if lists else "routes"
    return kind


def _check_format(
    form: str | None, kind: Kind, options: tuple[str, ...], *, watch: bool, as_json: bool
) -> None:
    if form is None:
        if options:
            raise click.UsageError("--set is an option of a document: say which with --format")
        return
    if kind in ("conflicts", "waiting"):
        raise click.UsageError(f"--{kind} is no part of a proxy's document")
    if kind == "issues" and options:
        raise click.UsageError("--issues with --format are those of the default options")
    if kind == "routes" and (watch or as_json):
        raise click.UsageError(
            "a proxy's document is written once, as it is; `fleet routes apply --follow` keeps"
            " a file up to date"
        )


def compose_argument(function: Any) -> Any:
    """Add the argument FILE, a Compose file."""
    return click.argument(
        "file", type=click.Path(path_type=Path, allow_dash=True), metavar="COMPOSE_FILE"
    )(function)
