"""The command `fleet`: its sub-commands, loaded when they are used, and how failures end."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from fleet.cli.errors import BROKEN_PIPE, INTERRUPTED, UNKNOWN, CommandError
from fleet.cli.output import complain

# Command: (module, one line of help). The line stands here so that `fleet --help` imports nothing.
SECTIONS: dict[str, dict[str, str]] = {
    "Run": {
        "up": "Watch all hosts, keep history and serve the API, until stopped.",
        "supervise": "Watch all hosts and keep history, without the API.",
        "serve": "Serve the API alone, from the database, with several workers.",
        "check": "Check hosts.toml and report every mistake in it.",
    },
    "Look": {
        "status": "Show every host's health; the exit code tells the worst.",
        "ps": "List containers of all hosts.",
        "stats": "Show CPU, memory and I/O of running containers.",
        "top": "Show the containers that use the most, now or in the past.",
        "history": "Draw what a container or host used, and when it ran.",
        "events": "Show what happened on the hosts, and follow it.",
        "logs": "Print containers' logs; search those that are kept.",
        "images": "List images of all hosts; what a tag meant when, and who used it.",
    },
    "Route": {
        "routes": "List routes and their issues; preview labels; keep a proxy's file up to date.",
    },
    "Hosts": {
        "hosts": "List the configured hosts; import docker contexts, trust host keys.",
        "doctor": "Find out, step by step, why a host cannot be reached.",
        "env": "Print the address that any Docker tool reaches a host by.",
        "docker": "Run docker against a host, through fleet's own connection.",
    },
    "Allow": {
        "user": "Make and change accounts of people: what they may, passwords, sessions.",
        "token": "Make, list and revoke tokens for the API.",
        "audit": "Show what was done with tokens and accounts.",
    },
    "Keep": {
        "db": "Look after the database: status, backup, restore, upgrade, prune.",
    },
    "Shell": {
        "completion": "Print the shell's completion script.",
    },
}
COMMANDS = [name for section in SECTIONS.values() for name in section]

EPILOG = """\b
Start here:
  fleet hosts import --write   take over the hosts that `docker context ls` shows
  fleet check                  is hosts.toml right?
  fleet status                 how is the fleet?
  fleet up                     watch it, keep history, serve the API

\b
Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
`fleet status`: 0 all well, 1 degraded, 2 a host is down, 3 cannot tell."""


class ReaderGoneError(Exception):
    """Whoever read our output (`head`, `less`) has enough."""


class Commands(click.Group):
    """A group that imports a command's module only when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands in the order of the help page."""
        return COMMANDS

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the command, or answer None when there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"fleet.cli.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; click would make exit code 1, a failure, of a reader that left."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise ReaderGoneError from error
        return result

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the commands by section."""
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(section.items()), col_max=12)


def _print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from importlib.metadata import version

    click.echo(f"fleet {version('fleet')}")
    ctx.exit()


@click.group(
    cls=Commands,
    commands={name: click.Command(name) for name in COMMANDS},  # for "did you mean" alone
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and leave.",
)
def cli() -> None:
    """Watch and run a whole fleet of Docker hosts.

    The hosts are in hosts.toml, found by --config, FLEET_CONFIG, ./hosts.toml, then the user's and
    the system's configuration folder. Without a file, the local Engine is the fleet.
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line.

    Args:
        arguments: Without the program's own name.

    Returns:
        The exit code. Expected failures are one line on stderr, never a traceback.
    """
    try:
        result = cli.main(list(arguments), prog_name="fleet", standalone_mode=False)
    except CommandError as error:
        complain(error.message, error.hint)
        return error.code
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.UsageError as error:
        error.show()
        of_status = error.ctx is not None and error.ctx.info_name == "status"
        return UNKNOWN if of_status else error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except ReaderGoneError:
        # Python would complain at its own exit, when it flushes what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return result if isinstance(result, int) else 0
