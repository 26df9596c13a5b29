"""`fleet user`: accounts of people, who log in with a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

import click

from fleet.cli.options import config_option, json_option
from web.access.model import ROLES, Role

_PASSWORD = "Read it from this file, or from stdin (-). [default: ask at the terminal]"  # noqa: S105 - help


def _label_option(function: click.decorators.FC) -> click.decorators.FC:
    return click.option(
        "--label",
        "labels",
        multiple=True,
        metavar="KEY[=VALUE]",
        help="They see only hosts with this label; repeat it, all must match. For viewers.",
    )(function)


def _password_option(function: click.decorators.FC) -> click.decorators.FC:
    return click.option("--password-file", type=click.File(), metavar="FILE", help=_PASSWORD)(
        function
    )


def _yes_option(function: click.decorators.FC) -> click.decorators.FC:
    return click.option("--yes", "-y", is_flag=True, help="Do not ask.")(function)


def _folded(_ctx: click.Context, _param: click.Parameter, name: str | None) -> str | None:
    return name and name.strip().lower()


@click.group(
    "user",
    epilog="""\b
Examples:
  fleet user add ada --role admin       asks for a password
  fleet user add bob --link             prints a link with which bob sets one
  fleet user link                       a link that makes the first account
  fleet user logout ada                 ends all sessions
  fleet user list

They act on the database of hosts.toml, also beside a running fleet: it follows within seconds.""",
)
@config_option
@click.pass_context
def command(ctx: click.Context, config: Path | None) -> None:
    """Make and change accounts of people: what they may, their passwords and sessions."""
    ctx.obj = config


@command.command(
    "add",
    epilog="""\b
Examples:
  fleet user add ada --role admin
  fleet user add berlin --label site=berlin
  fleet user add bob --link
  pass show fleet/bob | fleet user add bob --password-file -""",
)
@click.argument("name", callback=_folded)
@click.option(
    "--role",
    type=click.Choice(ROLES),
    default="viewer",
    show_default=True,
    help="What they may: read, also reload the configuration, or also make tokens.",
)
@_label_option
@click.option("--link", "by_link", is_flag=True, help="They set the password, by a one-time link.")
@_password_option
@config_option
@click.pass_obj
def add_command(
    outer: Path | None,
    name: str,
    role: Role,
    labels: tuple[str, ...],
    by_link: bool,
    password_file: TextIO | None,
    config: Path | None,
) -> None:
    """Make an account."""
    from fleet.cli.user_work import add

    add(config or outer, name, role, labels, password_file, by_link=by_link)


@command.command(
    "list",
    epilog="""\b
Examples:
  fleet user list
  fleet user list --json | jq '.users[] | select(.role == "admin") | .name'""",
)
@json_option
@config_option
@click.pass_obj
def list_command(outer: Path | None, as_json: bool, config: Path | None) -> None:
    """List accounts: what they may, and when they last logged in."""
    from fleet.cli.user_work import show_all

    show_all(config or outer, as_json=as_json)


@command.command("passwd")
@click.argument("name", callback=_folded)
@_password_option
@config_option
@click.pass_obj
def passwd_command(
    outer: Path | None,
    name: str,
    password_file: TextIO | None,
    config: Path | None,
) -> None:
    """Set another password; all sessions of the account end."""
    from fleet.cli.user_work import passwd

    passwd(config or outer, name, password_file)


@command.command(
    "role",
    epilog="""\b
Examples:
  fleet user role ada admin
  fleet user role berlin viewer --label site=berlin""",
)
@click.argument("name", callback=_folded)
@click.argument("role", type=click.Choice(ROLES))
@_label_option
@_yes_option
@config_option
@click.pass_obj
def role_command(
    outer: Path | None,
    name: str,
    role: Role,
    labels: tuple[str, ...],
    yes: bool,
    config: Path | None,
) -> int:
    """Set what an account may, and which hosts it sees (without --label: all).

    It asks before the last admin is none any more.
    """
    from fleet.cli.user_work import set_role

    return set_role(config or outer, name, role, labels, yes=yes)


@command.command("link")
@click.argument("name", required=False, callback=_folded)
@config_option
@click.pass_obj
def link_command(outer: Path | None, name: str | None, config: Path | None) -> None:
    """Print a link that sets a password, once within an hour.

    Without NAME it makes the first account, an admin's.
    """
    from fleet.cli.user_work import link

    link(config or outer, name)


@command.command("logout")
@click.argument("name", callback=_folded)
@config_option
@click.pass_obj
def logout_command(outer: Path | None, name: str, config: Path | None) -> None:
    """End all sessions of an account."""
    from fleet.cli.user_work import logout

    logout(config or outer, name)


@command.command("disable")
@click.argument("name", callback=_folded)
@_yes_option
@config_option
@click.pass_obj
def disable_command(outer: Path | None, name: str, yes: bool, config: Path | None) -> int:
    """Let nobody log in with an account, and end its sessions.

    It asks before the last admin is shut out.
    """
    from fleet.cli.user_work import disable

    return disable(config or outer, name, yes=yes)


@command.command("enable")
@click.argument("name", callback=_folded)
@config_option
@click.pass_obj
def enable_command(outer: Path | None, name: str, config: Path | None) -> None:
    """Undo `disable`."""
    from fleet.cli.user_work import enable

    enable(config or outer, name)


@command.command("remove")
@click.argument("name", callback=_folded)
@_yes_option
@config_option
@click.pass_obj
def remove_command(outer: Path | None, name: str, yes: bool, config: Path | None) -> int:
    """Remove an account and its sessions, once that was agreed to."""
    from fleet.cli.user_work import remove

    return remove(config or outer, name, yes=yes)
