"""`fleet routes`: which domain leads to which container, and what keeps one from being served."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from fleet.cli.errors import FAILED, OK
from fleet.cli.options import fleet_options, host_options, json_option
from fleet.cli.settings import Settings

if TYPE_CHECKING:
    from fleet.cli.api import Api
    from fleet.cli.route_sources import Kind

FORMATS = ("traefik", "caddy", "haproxy", "haproxy-map", "nginx", "prometheus")

# Sub-command: (module, one line of help), so that `fleet routes --help` imports none of them.
PARTS = {
    "explain": ("fleet.cli.routes_explain", "Tell why a domain answers as it does."),
    "preview": ("fleet.cli.routes_preview", "Show what labels would make, before anything runs."),
    "changes": ("fleet.cli.routes_changes", "List what changed, when, and because of whom."),
    "drift": ("fleet.cli.routes_drift", "Compare what a running proxy has with what it should."),
    "apply": ("fleet.cli.routes_apply", "Keep a proxy's file up to date, and reload it."),
}


class Routes(click.Group):
    """The group, whose sub-commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the sub-commands in the order of the help page."""
        return list(PARTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the sub-command, or answer None when there is none of this name."""
        if cmd_name not in PARTS:
            return None
        from importlib import import_module

        command: Any = import_module(PARTS[cmd_name][0]).command
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the sub-command; who names a domain instead is told which one takes it."""
        name = args[0]
        if "." in name and name not in PARTS:
            ctx.fail(
                f"{name!r} is no command: `fleet routes explain NAME` tells all of a domain,"
                " `fleet routes --domain NAME` lists its routes"
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the sub-commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in PARTS.items()])


def complete_domain(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Domains of the running fleet's routes."""
    from fleet.cli.completing import domains

    return domains(ctx.params.get("config") or None, incomplete)


def domain_option(function: Any) -> Any:
    """Add `--domain`."""
    return click.option(
        "--domain",
        "domains",
        multiple=True,
        metavar="NAME",
        shell_complete=complete_domain,
        help="Only this domain, or a pattern with * and ?; repeat it for several.",
    )(function)


def _complete_option(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Options of the chosen format, as `KEY=`; with their values where these can be counted."""
    from labels.render.formats import FORMATS as MADE
    from labels.render.options import options_of

    made = MADE.get(ctx.params.get("form") or "")
    found = []
    for option in options_of(made.options) if made else ():
        values = [f"{option.name}={choice}" for choice in option.choices]
        found += values if "=" in incomplete and values else [f"{option.name}="]
    return [text for text in found if text.startswith(incomplete)]


@click.group(
    "routes",
    cls=Routes,
    commands={name: click.Command(name) for name in PARTS},  # for "did you mean" alone
    invoke_without_command=True,
    epilog="""\b
Examples:
  fleet routes                       every route, and the backends behind it
  fleet routes explain shop.example.com
                                     why it answers as it does, and what was tried
  fleet routes --issues              labels that are not as they should be, and what would be
  fleet routes --conflicts           who wants what another has
  fleet routes --watch               follow them
  fleet routes --format haproxy      what a proxy is given
  fleet routes --format caddy --set https=off
  fleet routes preview compose.yml   what labels would make, before anything runs
  fleet routes apply nginx --to /etc/nginx/conf.d/fleet.conf --reload 'nginx -s reload' --follow

\b
Exit code 1: a route is down, a domain that was named has none, not all hosts were heard of yet, or
an issue is an error.""",
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
    "--set",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=_complete_option,
    help="An option of the document.",
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
    if ctx.invoked_subcommand is not None:
        _refuse_options(ctx, ctx.invoked_subcommand)
        return OK
    from fleet.cli.output import write_json
    from fleet.cli.route_sources import Wanted, check_hosts, document, look
    from fleet.cli.route_tables import is_bad, write_found
    from fleet.cli.routes_watch import watch_routes

    kind = _kind(issues=issues, conflicts=conflicts, waiting=waiting)
    _check_format(form, kind, options, watch=watch, as_json=as_json)
    api = running_api(settings)
    check_hosts(api, hosts, labels)
    wanted = Wanted(kind, hosts, labels, domains, form if issues else None)
    if form is not None and not issues:
        sys.stdout.buffer.write(document(api, form, wanted, options))
        return OK
    if watch:
        watch_routes(api, wanted, as_json=as_json)
        return OK
    found = look(api, wanted)
    if as_json:
        write_json(found)
    else:
        write_found(found, wanted)
    return FAILED if is_bad(found, wanted) else OK


def running_api(settings: Settings) -> Api:
    """The running fleet's API."""
    from fleet.cli.past import need_running
    from fleet.cli.view import Source

    return need_running(Source(settings), "only a running fleet knows the routes")


def _refuse_options(ctx: click.Context, name: str) -> None:
    """No option before a sub-command means anything to it; passed over, it would mislead."""
    for parameter in ctx.command.params:
        source = ctx.get_parameter_source(parameter.name or "")
        if source is ParameterSource.COMMANDLINE:
            option = parameter.opts[0]
            raise click.UsageError(
                f"{option} stands before {name!r}: options come behind it, as in"
                f" `fleet routes {name} {option} ...`, if it has this one",
                ctx,
            )


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
