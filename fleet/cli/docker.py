"""`fleet docker`: the machine's docker CLI against a host."""

from __future__ import annotations

from pathlib import Path

import click

from fleet.cli.options import complete_host, config_option


@click.command(
    "docker",
    context_settings={
        "ignore_unknown_options": True,
        "allow_interspersed_args": False,
        "help_option_names": ["-h", "--help"],
    },
    epilog="""\b
Examples:
  fleet docker db-1 ps -a
  fleet docker db-1 exec -it postgres sh
  fleet docker edge-1 compose -f shop.yml up -d
  fleet docker edge-1 load < image.tar

Everything after HOST goes to docker as it is; its exit code is this command's.""",
)
@click.argument("host", shell_complete=complete_host)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[DOCKER ARGUMENTS]...")
@config_option
def command(config: Path | None, host: str, arguments: tuple[str, ...]) -> int:
    """Run docker against a host.

    Through the running fleet's connection, or one of its own when none is running.
    """
    from fleet.cli.docker_run import run_docker
    from fleet.cli.settings import load_config, pick_host

    loaded = load_config(config)
    return run_docker(loaded, pick_host(loaded, host), list(arguments))
