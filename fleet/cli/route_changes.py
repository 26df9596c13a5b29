"""How changes of routes are read, followed, and look."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

import msgspec

from fleet.cli.api import Api, NotRunningError
from fleet.cli.errors import CommandError
from fleet.cli.output import note, write_json_line
from fleet.cli.route_issues import indented
from fleet.cli.route_tables import address
from fleet.cli.table import Cell, Tone, write_lines
from fleet.client.messages import Message
from web.route_documents import RouteChangeDocument

RECONNECT = 2.0  # seconds
GIVE_UP = 300.0  # seconds without a running fleet until following it ends
STREAM = "/api/revp/stream"
KIND_TONES: dict[str, Tone] = {"added": "good", "removed": "bad"}

Write = Callable[[RouteChangeDocument], None]


def writer(*, as_json: bool) -> Write:
    """What writes a change to stdout, at once."""
    return write_json_line if as_json else write_change


def write_change(change: RouteChangeDocument) -> None:
    """Write a change as one line for people."""
    write_lines(change_lines(change))
    sys.stdout.flush()


def change_lines(change: RouteChangeDocument) -> Iterator[Cell]:
    """When, what, of which route, and because of whom."""
    cause = change.cause
    who = "/".join(filter(None, (cause.host, cause.container)))
    because = f"{cause.event}{f' of {who}' if who else ''}"
    when = f"{change.time.astimezone():%Y-%m-%d %H:%M:%S}"
    route = address(change.domain, change.path)
    text = f"{when}  {change.kind:<7}  {route}  {change.summary} ({because})"
    yield from indented(text, "", KIND_TONES.get(change.kind, ""), hang=len(when) + 2)


def follow(api: Api, query: dict[str, str], revision: int, write: Write) -> None:
    """Show changes above a revision, live; after a lost connection from where it stood.

    Raises:
        CommandError: Nothing answered for minutes.
    """
    last_id, heard = str(revision), time.monotonic()
    while True:
        try:
            for message in api.follow(query, last_id, STREAM):
                heard = time.monotonic()
                last_id = message.id or last_id
                _take(message, write)
        except NotRunningError as error:
            if time.monotonic() - heard > GIVE_UP:
                raise CommandError(str(error), "is it still running? see `fleet status`") from error
            note(f"fleet: {error}; trying again")
            time.sleep(RECONNECT)


def _take(message: Message, write: Write) -> None:
    if message.event == "gap":
        note(f"fleet: changes are missing here: {message.data}")
        return
    write(msgspec.json.decode(message.data, type=RouteChangeDocument))
