"""`fleet serve`: the API alone."""

from __future__ import annotations

from pathlib import Path

import click

from fleet.cli.options import config_option

MOST_WORKERS = 64


@click.command(
    "serve",
    epilog="""\b
Examples:
  fleet serve --workers 4                      beside `fleet supervise`, of the same hosts.toml
  fleet serve --listen 0.0.0.0:8080            for others; they need tokens
  fleet serve --listen unix:/run/fleet/api     behind a proxy on this machine

\b
It watches no hosts: it answers from the database of [storage], to which `fleet supervise` (or
`fleet up` with publish = true) writes what is live. Ctrl-C (or SIGTERM) stops it, SIGHUP reads the
configuration and the certificate anew, with other workers.""",
)
@config_option
@click.option("--listen", metavar="ADDRESS", help="HOST:PORT or unix:PATH, instead of `listen`.")
@click.option(
    "--workers",
    type=click.IntRange(1, MOST_WORKERS),
    default=2,
    show_default=True,
    help="Processes that answer; one that dies is started anew.",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the embedded database, instead of `data_dir`.",
)
def command(config: Path | None, listen: str | None, workers: int, data_dir: Path | None) -> None:
    """Serve the API alone, from the database, until stopped."""
    from fleet.cli.serving import serve

    serve(config, listen, workers, data_dir)
