"""`fleet routes --watch`: what is wanted, shown anew at every change of the table."""

from __future__ import annotations

import time
from contextlib import suppress

from fleet.cli.api import Api
from fleet.cli.errors import CommandError
from fleet.cli.live import Screen
from fleet.cli.output import note, write_json_line
from fleet.cli.route_sources import Found, Wanted, look
from fleet.cli.route_tables import shown
from fleet.cli.table import Cell

REFRESH = "10s"  # ages of what is shown grow without a change
AGAIN = 1.0  # seconds before a fleet that is away is asked again


def watch_routes(api: Api, wanted: Wanted, *, as_json: bool) -> None:
    """Show what is wanted until Ctrl-C; with JSON one document a line for each revision.

    A fleet that is away, or cannot answer now, is asked again; but the first look must succeed.
    """
    found = look(api, wanted)
    if as_json:
        with suppress(KeyboardInterrupt):
            _write_lines(api, wanted, found)
        return
    with Screen() as screen:
        while True:
            table, below = shown(found, wanted)
            screen.table(table, [*below, Cell("Ctrl-C ends", "dim")])
            found = _next(api, wanted, found.revision, screen)


def _next(api: Api, wanted: Wanted, revision: int, screen: Screen) -> Found:
    while True:
        try:
            return look(api, wanted, revision, REFRESH)
        except CommandError as error:
            screen.say(f"{error.message}\nasked again every second")
            time.sleep(AGAIN)


def _write_lines(api: Api, wanted: Wanted, found: Found) -> None:
    told = ""
    write_json_line(found)
    while True:
        try:
            latest = look(api, wanted, found.revision, REFRESH)
        except CommandError as error:
            if error.message != told:
                note(f"fleet: {error.message}; asked again every second")
            told = error.message
            time.sleep(AGAIN)
            continue
        told = ""
        if latest.revision != found.revision:
            write_json_line(latest)
        found = latest
