"""`fleet routes apply`: keep the file of a proxy that cannot ask for its routes by itself."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fleet.cli.errors import OK, USAGE, CommandError
from fleet.cli.options import fleet_options, host_options, json_option
from fleet.cli.settings import Settings

if TYPE_CHECKING:
    from fleet.cli.apply_round import Applied, Order
    from fleet.cli.errors import CommandError as Failure

FORMS = ("nginx", "haproxy")


@click.command(
    "apply",
    epilog="""\b
Examples:
  fleet routes apply nginx --to /etc/nginx/conf.d/fleet.conf --reload 'nginx -s reload'
  fleet routes apply haproxy --to /etc/haproxy/haproxy.cfg \\
      --reload 'systemctl reload haproxy' --set certificate=/etc/haproxy/certs --follow

\b
Exit codes: 0 the file is right (or, with --follow, it was stopped), 1 failed: the proxy runs with
what it had, 2 wrong usage.""",
)
@click.argument("form", metavar="nginx|haproxy", type=click.Choice(FORMS))
@click.option(
    "--to",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The file to keep: one that nginx includes in http, or HAProxy's configuration.",
)
@click.option(
    "--map",
    "map_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="HAProxy's map of domains. [default: hosts.map beside FILE]",
)
@click.option("--reload", required=True, metavar="COMMAND", help="Makes the proxy read it anew.")
@click.option(
    "--check",
    default="",
    metavar="COMMAND",
    help="Checks it where it is. [default: nginx -t; haproxy -c -f FILE]",
)
@click.option(
    "--set", "options", multiple=True, metavar="KEY=VALUE", help="An option of the document."
)
@click.option(
    "--domain", "domains", multiple=True, metavar="NAME", help="Only this domain; repeat it."
)
@click.option("--follow", "-f", is_flag=True, help="Go on with every change, until stopped.")
@host_options
@json_option
@fleet_options
def command(
    settings: Settings,
    form: str,
    to: Path,
    map_path: Path | None,
    reload: str,
    check: str,
    options: tuple[str, ...],
    domains: tuple[str, ...],
    follow: bool,
    hosts: tuple[str, ...],
    labels: tuple[str, ...],
    as_json: bool,
) -> int:
    """Write a proxy's file, have the proxy check it, and reload it.

    The file is replaced as a whole, and only if it changes. If the proxy refuses it, or cannot be
    reloaded, the old one comes back. While fleet does not know all routes, nothing is changed. The
    commands are run without a shell.
    """
    from fleet.cli import apply_follow
    from fleet.cli.apply_round import fetch, put
    from fleet.cli.view import Source

    order = _order(form, to, map_path, check, reload, options, (hosts, labels, domains))
    api = Source(settings).api()

    def tell(found: Applied | Failure) -> None:
        _tell(found, order, as_json=as_json)

    with order.files.locked():
        with apply_follow.Stop().received():
            _recover(order)
        if follow:
            apply_follow.follow(api, order, tell)
        else:
            fetched = fetch(api, order)
            with apply_follow.Stop().received():  # what was begun is ended
                applied = put(order, fetched)
            tell(applied)
    return OK


def _order(
    form: str,
    to: Path,
    map_path: Path | None,
    check: str,
    reload: str,
    options: tuple[str, ...],
    filters: tuple[tuple[str, ...], ...],
) -> Order:
    from fleet.cli.apply_programs import words_of
    from fleet.cli.apply_round import Order
    from fleet.cli.route_sources import parse_options

    to = to.absolute()
    query = {name: list(values) for name, values in parse_options(options).items()}
    query |= {
        name: list(values)
        for name, values in zip(("host", "label", "domain"), filters, strict=True)
        if values
    }
    if form == "nginx":
        if map_path is not None:
            raise CommandError("nginx has no map", "leave --map out", USAGE)
        default = "nginx -t"
    else:
        if "map" in query:
            raise CommandError("--set map=: the map is written, too", "name it with --map", USAGE)
        map_path = (map_path or to.with_name("hosts.map")).absolute()
        query["map"] = [str(map_path)]
        default = "haproxy -c -f " + shlex.quote(str(to))
        if query.get("mode") == ["backends"] and not check:
            raise CommandError(
                "with mode=backends HAProxy can only check it with your other files",
                f"add --check 'haproxy -c -f YOUR.cfg -f {to}'",
                USAGE,
            )
    return Order(
        form,
        to,
        map_path,
        query,
        words_of("--check", check or default),
        words_of("--reload", reload),
    )


def _recover(order: Order) -> None:
    """Undo what an earlier run was stopped in the middle of."""
    from fleet.cli.apply_programs import run_program
    from fleet.cli.output import note

    if order.files.restore():
        note(f"fleet: an earlier run was cut short: {order.to} is as it was before")
        if said := run_program(order.reload):
            note(f"fleet: {said}")


def _tell(found: Applied | Failure, order: Order, *, as_json: bool) -> None:
    from fleet.cli.output import complain, note, write_json_line

    if isinstance(found, CommandError):
        complain(found.message, found.hint)
        return
    if as_json:
        write_json_line(found)
        return
    verb = "written and loaded" if found.changed else "is up to date"
    note(f"fleet: {order.to}: {verb}, revision {found.revision}")
    if found.without:
        names = ", ".join(found.without)
        note(f"fleet: these names do not resolve here, their backends are left out: {names}")
    if found.issues:
        what = "issue" if found.issues == 1 else "issues"
        note(f"  {found.issues} {what}: `fleet routes --issues --format {order.form}` lists them")
