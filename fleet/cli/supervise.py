"""`fleet supervise`: the main job without its API."""

from __future__ import annotations

from pathlib import Path

import click

from fleet.cli.options import config_option


@click.command(
    "supervise",
    epilog="""\b
Examples:
  fleet supervise --config /etc/fleet/hosts.toml
  fleet serve --config /etc/fleet/hosts.toml --workers 4

\b
What is live goes to the database about once a second, and `fleet serve` answers from there, on
this machine or on others. One supervisor does so for a database; another one waits for its end.""",
)
@config_option
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the embedded database, instead of `data_dir`.",
)
def command(config: Path | None, data_dir: Path | None) -> None:
    """Watch all hosts and keep history, without the API, until stopped."""
    from fleet.cli.main_job import run_fleet
    from fleet.cli.settings import load_config

    run_fleet(load_config(config), None, data_dir, serves=False)
