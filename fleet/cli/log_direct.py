"""Containers' logs straight from their Engines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import msgspec
import trio

from config.models import Config, Host
from connectors.errors import NotFoundError
from connectors.models import LogFrame
from fleet.cli.containers import NoContainerError
from fleet.cli.log_output import Line, LogWriter
from fleet.cli.times import nanoseconds
from fleet.connected import open_connected
from fleet.limits import Limits
from fleet.log_lines import nanos_of


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines of each container, as the options say it."""

    follow: bool
    tail: int | None
    since: datetime | None
    until: datetime | None


class Frame(msgspec.Struct, frozen=True):
    """One line and whose it is."""

    line: Line
    raw: bytes
    nanos: int  # 0 where the Engine told no time


async def print_logs(
    config: Config, meant: Sequence[tuple[Host, str]], wanted: Wanted, writer: LogWriter
) -> None:
    """Print until the logs, or following them, end; of several together in the order of time.

    Args:
        config: For the limits of connections.
        meant: Hosts, each with what its Engine knows the container by.
        wanted: Which lines.
        writer: Where to.

    Raises:
        NoContainerError: A host has no such container.
        EngineError: A host cannot be connected.
    """
    timed = writer.timed or len(meant) > 1
    if wanted.follow or len(meant) == 1:

        async def write(frame: Frame) -> None:
            writer.write(frame.line, frame.raw)

        async with trio.open_nursery() as nursery:
            for host, reference in meant:
                nursery.start_soon(_read, config, host, reference, wanted, timed, write)
        return
    async with trio.open_nursery() as nursery:
        logs = []
        for host, reference in meant:
            sending, receiving = trio.open_memory_channel[Frame](100)
            nursery.start_soon(_send, config, host, reference, wanted, sending)
            logs.append(receiving)
        await _merge(logs, writer)


async def _send(
    config: Config,
    host: Host,
    reference: str,
    wanted: Wanted,
    sending: trio.MemorySendChannel[Frame],
) -> None:
    async with sending:
        await _read(config, host, reference, wanted, True, sending.send)


async def _merge(logs: Sequence[trio.MemoryReceiveChannel[Frame]], writer: LogWriter) -> None:
    """Write the earliest of the next lines, until all logs have ended."""
    heads: dict[int, Frame] = {}
    ended: set[int] = set()
    while True:
        for place, log in enumerate(logs):
            if place not in heads and place not in ended:
                try:
                    heads[place] = await log.receive()
                except trio.EndOfChannel:
                    ended.add(place)
        if not heads:
            return
        first = min(heads, key=lambda place: (heads[place].nanos, place))
        frame = heads.pop(first)
        writer.write(frame.line, frame.raw)


async def _read(
    config: Config,
    host: Host,
    reference: str,
    wanted: Wanted,
    timed: bool,
    take: Callable[[Frame], Awaitable[None]],
) -> None:
    async with open_connected(host, Limits.of(config.fleet)) as connected:
        try:
            inspected = await connected.engine.inspect(reference)
        except NotFoundError as error:
            raise NoContainerError(
                f"{host.name} has no container {reference!r}",
                f"`fleet ps -a --host {host.name}` lists them",
            ) from error
        name = inspected.name.removeprefix("/")
        async with connected.engine.logs(
            inspected.id,
            tty=inspected.config.tty,
            follow=wanted.follow,
            since=nanoseconds(wanted.since),
            until=nanoseconds(wanted.until),
            tail=wanted.tail,
            timestamps=timed,
        ) as log:
            async for frame in log:
                line = _line(frame, host.name, name, inspected.id)
                await take(Frame(line, frame.line, nanos_of(frame.time) or 0))


def _line(frame: LogFrame, host: str, container: str, container_id: str) -> Line:
    return Line(
        host=host,
        container=container,
        container_id=container_id,
        stream=frame.stream,
        time=frame.time,
        line=frame.line.decode("utf-8", "replace"),
    )
