"""`fleet check`: is hosts.toml right?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fleet.cli.errors import FAILED, OK
from fleet.cli.options import config_option, json_option

if TYPE_CHECKING:
    from config.models import Config
    from config.problems import ConfigError


@click.command(
    "check",
    epilog="""\b
Examples:
  fleet check                  the file that fleet would use
  fleet check new-hosts.toml   this one, before it is put in place
  fleet check --json | jq -r '.problems[] | "\\(.line): \\(.found)"'

No host is connected to; `fleet doctor` does that. Exit code 1: the file has mistakes.""",
)
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@config_option
@json_option
def command(file: Path | None, config: Path | None, as_json: bool) -> int:
    """Check hosts.toml and report every mistake in it, with line, key and what would be right."""
    from config.load import load
    from config.locate import find
    from config.problems import ConfigError
    from fleet.cli.output import complain, write_json
    from fleet.cli.settings import without_any_file

    found: Config | None = None
    error: ConfigError | None = None
    try:
        path = find(file or config, os.environ, "--config" if file is None else None)
        found = load(path) if path is not None else without_any_file()
    except ConfigError as mistakes:
        error = mistakes
    if as_json:
        write_json(_document(found, error))
    elif error is not None:
        complain(str(error), "correct the file, then check again")
    elif found is not None:
        _tell(found)
    return OK if error is None else FAILED


def _document(config: Config | None, error: ConfigError | None) -> dict[str, object]:
    source = config.source if config is not None else error.path if error is not None else None
    return {
        "file": str(source) if source else None,
        "valid": error is None,
        "problems": error.problems if error is not None else (),
        "warnings": _warnings(config) if config is not None else (),
        "hosts": list(config.hosts) if config is not None else [],
    }


def _tell(config: Config) -> None:
    from fleet.cli.output import write

    kinds = [host.__struct_config__.tag for host in config.hosts.values()]
    parts = [f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)]
    off = sum(not host.enabled for host in config.hosts.values())
    disabled = f", {off} of them disabled" if off else ""
    source = str(config.source) if config.source else "no hosts.toml anywhere: the local Engine"
    many = "host" if len(kinds) == 1 else "hosts"
    write(f"{source}: right, {len(kinds)} {many} ({', '.join(parts) or 'none'}){disabled}")
    for warning in _warnings(config):
        write(f"warning: {warning}")


def _warnings(config: Config) -> tuple[str, ...]:
    """Those of the file, and what the start would miss on this machine, which may be another."""
    from fleet.tracing import TracingError, check_tracing

    try:
        check_tracing(config.tracing, os.environ)
    except TracingError as error:
        return (*config.warnings, f"fleet would not start here: {error}")
    return config.warnings
