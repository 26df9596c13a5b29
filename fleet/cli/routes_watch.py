"""`fleet routes --watch`: what is wanted, shown anew at every change of the table."""

from __future__ import annotations

import time

from fleet.cli.api import Api, NotRunningError
from fleet.cli.live import Screen
from fleet.cli.output import write_json_line
from fleet.cli.route_sources import Wanted, look
from fleet.cli.route_tables import shown
from fleet.cli.table import Cell

REFRESH = "10s"  # ages of what is shown grow without a change
AGAIN = 1.0  # seconds before a fleet that is away is asked again


def watch_routes(api: Api, wanted: Wanted, *, as_json: bool) -> None:
    """Show what is wanted until Ctrl-C. A fleet that is away is waited for."""
    revision: int | None = None
    with Screen() as screen:
        while True:
            try:
                found = look(api, wanted, revision, REFRESH)
            except NotRunningError as error:
                screen.say(f"{error.message}\nasked again every second")
                revision = None
                time.sleep(AGAIN)
                continue
            if as_json:
                if found.revision != revision:
                    write_json_line(found)
            else:
                table, below = shown(found)
                screen.table(table, [*below, Cell("Ctrl-C ends", "dim")])
            revision = found.revision
