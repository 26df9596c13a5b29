"""Reads a container's log and writes it, each stream where it belongs."""

from __future__ import annotations

import re
import sys
from datetime import datetime

import msgspec

from config.models import Config, Host
from connectors.errors import NotFoundError
from connectors.models import LogFrame
from fleet.cli.errors import CommandError
from fleet.cli.times import nanoseconds
from fleet.connected import open_connected
from fleet.limits import Limits

# Control sequences (CSI) but for colours (ending in m), strings such as titles (OSC, DCS, APC), and
# lone control characters but for tab. A carriage return would let a line overwrite what it follows.
_DRIVING = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-ln-~]"
    rb"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"
    rb"|\x1b(?!\[[0-9;:]*m).?"
    rb"|[\x00-\x08\x0a-\x1a\x1c-\x1f\x7f]|\xc2[\x80-\x9f]"
)


class Printing(msgspec.Struct, frozen=True, kw_only=True):
    """What to print of which container, as the options say it."""

    container: str
    follow: bool
    tail: int | None
    since: datetime | None
    timestamps: bool
    as_json: bool


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `fleet logs --json`."""

    host: str
    container: str
    stream: str
    time: str
    line: str


async def print_log(config: Config, host: Host, printing: Printing) -> None:
    """Print until the log, or following it, ends.

    Raises:
        CommandError: The host has no such container.
        EngineError: The host cannot be connected.
    """
    async with open_connected(host, Limits.of(config.fleet)) as connected:
        try:
            inspected = await connected.engine.inspect(printing.container)
        except NotFoundError as error:
            raise CommandError(
                f"{host.name} has no container {printing.container!r}",
                f"`fleet ps -a --host {host.name}` lists them",
            ) from error
        name = inspected.name.removeprefix("/")
        wants_time = printing.timestamps or printing.as_json
        async with connected.engine.logs(
            inspected.id,
            tty=inspected.config.tty,
            follow=printing.follow,
            since=nanoseconds(printing.since),
            tail=printing.tail,
            timestamps=wants_time,
        ) as log:
            async for frame in log:
                _write(frame, host.name, name, printing)


def tame(line: bytes) -> bytes:
    """A container's line for a terminal: colours and tabs stay, what else could drive it goes."""
    return _DRIVING.sub(b"", line)


def _write(frame: LogFrame, host: str, container: str, printing: Printing) -> None:
    text = frame.line
    if printing.as_json:
        line = Line(
            host=host,
            container=container,
            stream=frame.stream,
            time=frame.time,
            line=text.decode("utf-8", "replace"),
        )
        sink, data = sys.stdout.buffer, msgspec.json.encode(line)
    else:
        sink = sys.stderr.buffer if frame.stream == "stderr" else sys.stdout.buffer
        if sink.isatty():
            text = tame(text)
        data = f"{frame.time} ".encode() + text if printing.timestamps else text
    sink.write(data + b"\n")
    sink.flush()
