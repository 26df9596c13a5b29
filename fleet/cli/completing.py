"""What the shell's completion asks for: fast, quiet, and empty when in doubt."""

from __future__ import annotations

import os
from pathlib import Path

from fleet.cli.api import NotRunningError
from fleet.cli.errors import CommandError
from fleet.cli.settings import Settings


def containers(config: Path | None, incomplete: str) -> list[str]:
    """`HOST/NAME` of all containers that the running fleet knows; hosts alone without one."""
    from fleet.cli.view import Source

    settings = Settings(config, os.environ.get("FLEET_URL", ""), os.environ.get("FLEET_TOKEN", ""))
    source = Source(settings)
    try:
        running = source.running()
        if running is None:
            found = [f"{name}/" for name in source.config.hosts]
        else:
            found = [f"{each.host}/{each.name}" for each in running[0].containers()]
    except (CommandError, NotRunningError):
        return []
    return [name for name in found if name.startswith(incomplete)]
