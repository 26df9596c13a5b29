"""`fleet routes preview`: what labels would make, before anything runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fleet.cli.errors import FAILED, OK, USAGE, CommandError
from fleet.cli.options import complete_host, fleet_options, json_option
from fleet.cli.settings import Settings

if TYPE_CHECKING:
    from config.models import Config

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
MOST_BYTES = 4 * 1024 * 1024  # what is read of a file; Compose files are far smaller


@click.command(
    "preview",
    epilog="""\b
Examples:
  fleet routes preview                          the Compose file of this folder
  fleet routes preview shop/compose.yml --host edge-1
  docker compose config | fleet routes preview -
  fleet routes preview --label snadboy.revp.8080.domain=shop.example.com
  fleet routes preview compose.yml --json | jq '.routes[].domain'

Nothing needs to run. A running fleet is asked, and tells where the routes would meet those of now;
without one it is worked out here, with [revp] and the host of hosts.toml, if there is one.
`docker compose config` fills in variables, and what other files say.

\b
Exit code 1: an issue is an error, or the routes and those of now cannot both be served.""",
)
@click.argument(
    "file",
    required=False,
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="[COMPOSE_FILE]",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="KEY=VALUE",
    help="A label of one container, instead of a file; repeat it for several.",
)
@click.option(
    "--host",
    metavar="NAME",
    shell_complete=complete_host,
    help="Where it would run. [default: the only host]",
)
@json_option
@fleet_options
def command(
    settings: Settings, file: Path | None, labels: tuple[str, ...], host: str | None, as_json: bool
) -> int:
    """Show the routes that a Compose file, or labels, would make, and what is wrong with them."""
    from fleet.cli.output import write, write_json
    from fleet.cli.route_preview import Asked, ask, project_of, with_project, work_out
    from fleet.cli.route_preview_tables import is_bad, preview_lines, preview_table
    from fleet.cli.table import write_lines, write_table
    from fleet.cli.view import Source

    if labels and file is not None:
        raise click.UsageError("--label is instead of a Compose file: give one of the two")
    if labels:
        asked = Asked(labels=_pairs(labels))
    else:
        path = file or _found()
        asked = Asked(with_project(_read(path), project_of(path)))
    running = Source(settings).running()
    found = ask(running[0], asked, host) if running else None
    told_by = running[0].url if running and found else ""
    found = found or work_out(_config(settings.config), asked, host)
    if as_json:
        write_json(found)
    else:
        table = preview_table(found)
        if table.rows:
            write_table(table)
            write("")
        write_lines(preview_lines(found, told_by))
    return FAILED if is_bad(found) else OK


def _config(explicit: Path | None) -> Config | None:
    """The configuration, if there is a file: a preview needs neither one nor an Engine."""
    from config.load import load
    from config.locate import find
    from config.problems import ConfigError
    from fleet.cli.settings import config_failure

    try:
        path = find(explicit, os.environ)
        return None if path is None else load(path, check_files=False)
    except ConfigError as error:
        raise config_failure(error) from error


def _pairs(labels: tuple[str, ...]) -> dict[str, str]:
    pairs = dict(label.partition("=")[::2] for label in labels)
    if any("=" not in label for label in labels):
        raise click.UsageError("a label is written --label KEY=VALUE")
    return pairs


def _found() -> Path:
    """The Compose file of this folder, as docker would find it."""
    for name in NAMES:
        if Path(name).is_file():
            return Path(name)
    raise click.UsageError(
        f"there is no {NAMES[0]} in this folder: name a Compose file, or - for stdin, or --label"
    )


def _read(path: Path) -> str:
    try:
        if str(path) == "-":
            data = sys.stdin.buffer.read(MOST_BYTES)
        else:
            with path.open("rb") as file:
                data = file.read(MOST_BYTES)
        return data.decode()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}", code=USAGE) from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is no text: {error.reason} at byte {error.start}") from error
