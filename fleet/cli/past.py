"""Where the API has the past, for the commands that show it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from fleet.cli.errors import CommandError

if TYPE_CHECKING:
    from fleet.cli.api import Api
    from fleet.cli.view import Source


def need_running(source: Source, what: str) -> Api:
    """The running fleet's API, for what only a running fleet has.

    Raises:
        CommandError: None is running.
    """
    running = source.running()
    if running is None:
        raise CommandError(
            f"no fleet is running, and {what}",
            "start it with `fleet up`, or name a running one with --url",
        )
    return running[0]


def container_path(reference: str, last: str) -> str:
    """The path of `HOST/NAME`, or of a name or id alone, with `last` at its end."""
    parts = reference.split("/", 1)
    return "/".join(["/api/containers", *(quote(part, safe="") for part in parts), last])
