"""One event as one line."""

from __future__ import annotations

import sys
from collections.abc import Callable

from fleet.cli.output import colours, safe, write_json_line
from web.documents import EventDocument

_COLOURS = {"die": "31", "oom": "31", "destroy": "33", "kill": "33", "stop": "33", "start": "32"}


def writer(*, as_json: bool) -> Callable[[EventDocument], None]:
    """What writes an event to stdout, at once."""
    if as_json:
        return write_json_line
    paint = colours()

    def write(event: EventDocument) -> None:
        sys.stdout.write(line(event, paint=paint) + "\n")
        sys.stdout.flush()

    return write


def line(event: EventDocument, *, paint: bool = False) -> str:
    """Time, host, type, action and whom it is about; labels are left to --json."""
    time = event.time.astimezone().isoformat(sep=" ", timespec="milliseconds")
    subject = event.name or event.actor_id[:19]
    details = []
    if event.exit_code is not None:
        details.append(f"exit code {event.exit_code}")
    if image := event.attributes.get("image"):
        details.append(image)
    if event.type == "network" and (member := event.attributes.get("container")):
        details.append(f"container {member[:12]}")
    about = f" ({', '.join(details)})" if details else ""
    action = f"{safe(event.action):<14}"
    if paint and (code := _COLOURS.get(event.action)):
        action = f"\x1b[{code}m{action}\x1b[0m"
    return f"{time}  {event.host:<12}  {safe(event.type):<9}  {action}  {safe(subject + about)}"
