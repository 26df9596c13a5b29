"""Which file is the configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import platformdirs

from config.problems import ConfigError, Problem

FILE_NAME = "hosts.toml"
VARIABLE = "FLEET_CONFIG"


def find(
    explicit: Path | None, environ: Mapping[str, str], by: str | None = "--config"
) -> Path | None:
    """Find the configuration file: the explicit one, else the first of `candidates()`.

    Args:
        explicit: What `--config` named.
        environ: Where FLEET_CONFIG is looked up; empty counts as unset.
        by: What named `explicit`, to tell of it where it does not exist; None: it stood alone.

    Returns:
        The file, or None if there is none anywhere.

    Raises:
        ConfigError: The file that was named does not exist.
    """
    if explicit is not None:
        return _named(explicit, by)
    if from_environment := environ.get(VARIABLE):
        return _named(Path(from_environment).expanduser(), VARIABLE)
    return next((path for path in candidates() if path.exists()), None)


def candidates() -> Iterator[Path]:
    """Where a file is looked for when none is named: here, then the user's and system's folders."""
    yield Path.cwd() / FILE_NAME
    yield platformdirs.user_config_path("fleet", appauthor=False) / FILE_NAME
    folders = platformdirs.site_config_dir("fleet", appauthor=False, multipath=True)
    for folder in folders.split(":"):
        yield Path(folder) / FILE_NAME
    yield Path("/etc/fleet") / FILE_NAME


def _named(path: Path, by: str | None) -> Path:
    if not path.exists():
        found = "does not exist" if by is None else f"does not exist, though {by} names it"
        problem = Problem(key="", found=found, right="correct the path or leave it out")
        raise ConfigError([problem], path)
    return path.absolute()
