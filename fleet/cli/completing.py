"""What the shell's completion asks for: fast, quiet, and empty when in doubt."""

from __future__ import annotations

import os
from pathlib import Path

from fleet.cli.errors import CommandError
from fleet.cli.settings import Settings


def containers(config: Path | None, incomplete: str) -> list[str]:
    """`HOST/NAME` of all containers that the running fleet knows; hosts alone without one."""
    from fleet.cli.view import Source

    source = Source(_settings(config))
    try:
        running = source.running()
        if running is None:
            found = [f"{name}/" for name in source.config.hosts]
        else:
            found = [f"{each.host}/{each.name}" for each in running[0].containers()]
    except CommandError:
        return []
    return [name for name in found if name.startswith(incomplete)]


def images(config: Path | None, incomplete: str) -> list[str]:
    """Tags of all images that the running fleet knows; none without one."""
    from fleet.cli.image_sources import every_image
    from fleet.cli.view import Source

    try:
        running = Source(_settings(config)).running()
        known = [] if running is None else every_image(running[0])
    except CommandError:
        return []
    return sorted({tag for image in known for tag in image.tags if tag.startswith(incomplete)})


def domains(config: Path | None, incomplete: str) -> list[str]:
    """Domains of the running fleet's routes that begin so; none without one."""
    from fleet.cli.api import PAGE
    from fleet.cli.view import Source
    from web.route_documents import RoutesDocument

    query = {"domain": f"{incomplete}*", "limit": str(PAGE)}
    try:
        running = Source(_settings(config)).running()
        if running is None:
            return []
        found = running[0].read("/api/revp/routes", RoutesDocument, query).routes
    except CommandError:
        return []
    return sorted({route.domain for route in found if route.domain.startswith(incomplete)})


def _settings(config: Path | None) -> Settings:
    return Settings(config, os.environ.get("FLEET_URL", ""), os.environ.get("FLEET_TOKEN", ""))
