"""`fleet up`: the main job."""

from __future__ import annotations

from pathlib import Path

import click

from fleet.cli.options import config_option


@click.command(
    "up",
    epilog="""\b
Examples:
  fleet up                                  the hosts of hosts.toml, or the local Engine
  fleet up --config /etc/fleet/hosts.toml
  fleet up --listen 127.0.0.1:9000

\b
Ctrl-C (or SIGTERM) stops it in order: hosts, then what is still to be written, then the database.
hosts.toml is read anew when it changes, and on SIGHUP.""",
)
@config_option
@click.option("--listen", metavar="HOST:PORT", help="Where the API answers, instead of `listen`.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the embedded database, instead of `data_dir`.",
)
def command(config: Path | None, listen: str | None, data_dir: Path | None) -> None:
    """Watch all hosts, keep history and serve the API, until stopped."""
    from fleet.cli.main_job import run_fleet
    from fleet.cli.settings import load_config

    run_fleet(load_config(config), listen, data_dir)
