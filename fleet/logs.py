"""The logs of a host's containers: followed as far as there are streams, the others in turn.

Reading stops while what was read waits for the database: logs are on disk where they are written.
"""

from __future__ import annotations

import logging
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta

import trio

from connectors.errors import ApiStatusError, EngineError, NotFoundError
from connectors.follow import LogStream
from connectors.models import LogFrame
from fleet.backoff import Backoff
from fleet.connected import Connected
from fleet.limits import Limits
from fleet.log_lines import LineMaker, LogCursor, Run, is_wanted
from fleet.model import Container, LogLine
from fleet.tracker import Tracker, now

log = logging.getLogger(__name__)

TAIL = 1000  # lines of a container that is new to us
POLL_SECONDS = 5.0  # between two looks at a log that cannot be followed
AGAIN_SECONDS = 1.0  # before a log is opened again that ended while its container runs
UNREADABLE_SECONDS = 300.0  # before a log is tried again that its driver does not tell
SILENCE_SECONDS = 3600.0  # after which a followed log is opened anew, to be sure
GRACE_SECONDS = 10.0  # that a followed log has to end when its container has
GAP_SECONDS = 1.0  # of silence, after which a gap is told without a line behind it
EMPTY_NANOS = 5 * 10**9  # that a log is open without a line before it is taken to have none
PASS_SECONDS = 0.1  # between two looks at all containers: changes come by the hundred
TURN = 256  # lines of a log that are taken before others have their turn
RUNNING = ("running", "paused", "restarting")
CONFLICT = 409


@dataclass
class _Reading:
    """What is known of reading one container's log during one connection."""

    cursor: LogCursor
    backoff: Backoff
    due: float = 0.0  # when to open it (again), by trio's clock
    seen: tuple[str, Run] | None = None  # state and run of the container when it was opened last
    scope: trio.CancelScope | None = field(default=None, repr=False)  # while it is open
    is_followed: bool = False

    def needs(self, container: Container) -> bool:
        """Whether there may be lines to read, now or later."""
        if container.state in RUNNING:
            return True
        return container.started is not None and self.cursor.read_out != run_of(container)

    def is_due(self, container: Container, at: float) -> bool:
        """Whether to open it now: it is time, or the container ended or began meanwhile."""
        if self.backoff.attempts or self.seen == (container.state, run_of(container)):
            return at >= self.due
        return True


class LogCollector:
    """Reads the logs of one host during one connection.

    Args:
        connected: The host and its Engine.
        tracker: Where the lines go, and whose containers are read.
        limits: Whether there is room for more, and how old a line may be.
        ahead: Nanoseconds by which the Engine's clock is ahead of ours.
    """

    def __init__(
        self, connected: Connected, tracker: Tracker, limits: Limits, ahead: int = 0
    ) -> None:
        self._host = connected.name
        self._engine = connected.engine
        self._monitoring = connected.host.monitoring
        self._retry = connected.host.retry
        self._tracker = tracker
        self._limits = limits
        self._ahead = ahead
        self._has_tails = not connected.version.is_podman
        self._pollers = 1 if connected.log_streams < 4 else 2
        self._followers = connected.log_streams - self._pollers
        self._readings: dict[str, _Reading] = {}
        self._wake = trio.Event()

    async def run(self) -> None:
        """Read until cancelled; returns at once where no logs are wanted."""
        if self._monitoring.logs == "none":
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._heed_changes)
            while True:
                due = self._start_due(nursery)
                await trio.sleep(PASS_SECONDS)
                with trio.move_on_at(due):
                    await self._wake.wait()
                self._wake = trio.Event()

    async def _heed_changes(self) -> None:
        while True:
            await self._tracker.container_change(self._host).wait()
            self._wake.set()

    def _start_due(self, nursery: trio.Nursery) -> float:
        """Open what is due, as far as there are places; returns when the next one is."""
        at, next_due = trio.current_time(), float("inf")
        wanted = self._wanted()
        self._let_go(wanted, at)
        idle: list[tuple[float, Container]] = []
        for container in wanted.values():
            reading = self._reading(container.id)
            if reading.scope is not None or not reading.needs(container):
                continue
            if reading.is_due(container, at):
                idle.append((reading.due, container))
            else:
                next_due = min(next_due, reading.due)
        places = {kind: most - self._open(kind) for kind, most in self._most.items()}
        for _, container in sorted(idle, key=lambda entry: entry[0]):
            follow = container.state in RUNNING and places[True] > 0
            if places[follow] > 0:
                places[follow] -= 1
                reading = self._readings[container.id]
                reading.scope, reading.is_followed = trio.CancelScope(), follow
                nursery.start_soon(self._read, container, reading, reading.scope)
        return next_due

    @property
    def _most(self) -> dict[bool, int]:
        return {True: self._followers, False: self._pollers}

    def _open(self, followed: bool) -> int:
        return sum(
            reading.scope is not None and reading.is_followed is followed
            for reading in self._readings.values()
        )

    def _wanted(self) -> dict[str, Container]:
        """The containers whose logs are kept, but for those that ended too long ago."""
        oldest = now() - self._limits.log_age
        return {
            container.id: container
            for container in self._tracker.containers(self._host).values()
            if is_wanted(container, self._monitoring)
            and (container.state in RUNNING or (container.finished or now()) > oldest)
        }

    def _reading(self, container_id: str) -> _Reading:
        known = self._readings.get(container_id)
        if known is None:
            cursor = self._tracker.log_cursors.of(self._host, container_id)
            known = self._readings[container_id] = _Reading(cursor, Backoff(self._retry))
        return known

    def _let_go(self, wanted: dict[str, Container], at: float) -> None:
        """Forget what is gone; what is still being followed of it has a while to come to an end."""
        for container_id, reading in list(self._readings.items()):
            container = wanted.get(container_id)
            if container is None and reading.scope is None:
                del self._readings[container_id]
            elif reading.scope and not (container and container.state in RUNNING):
                limit = GRACE_SECONDS if reading.is_followed else SILENCE_SECONDS
                reading.scope.deadline = min(reading.scope.deadline, at + limit)

    async def _read(self, container: Container, reading: _Reading, scope: trio.CancelScope) -> None:
        """Open a log once and read it to its end."""
        reading.seen = (container.state, run_of(container))
        delay = AGAIN_SECONDS if reading.is_followed else POLL_SECONDS
        try:
            with scope:
                await self._read_to_end(container, reading)
            reading.backoff.reset()
        except NotFoundError:
            pass  # the list will tell that it is gone
        except EngineError as error:
            delay = self._failed(container, reading, error)
        finally:
            reading.scope = None
            reading.due = trio.current_time() + delay
            self._wake.set()

    async def _read_to_end(self, container: Container, reading: _Reading) -> None:
        cursor, follow = reading.cursor, reading.is_followed
        since, tail = self._begin_at(container, cursor)
        maker = LineMaker(cursor, self._monitoring.log_lines_per_second)
        async with AsyncExitStack() as stack:
            stack.callback(self._tell_gap, container, maker)
            opened = time.time_ns() + self._ahead
            stack.callback(self._note_empty, cursor, opened)
            stream = await stack.enter_async_context(
                self._engine.logs(
                    container.id,
                    tty=container.tty,
                    follow=follow,
                    since=since,
                    tail=tail,
                    line_bytes=self._monitoring.log_line_bytes,
                )
            )
            while frames := await self._next(stream, container, maker):
                await self._take(container, maker, frames)
            if not (follow or cursor.places):
                cursor.empty_at = opened
            if container.state not in RUNNING:
                # Only what has ended for good has a last line without an end: of others, the rest
                # of the line is still to come.
                await self._take(container, maker, stream.rest())
                cursor.read_out = run_of(container)

    def _begin_at(self, container: Container, cursor: LogCursor) -> tuple[int, int | None]:
        """Nanoseconds to ask from, and how many lines; None is all, also of a new container."""
        if not (self._has_tails or cursor.places):
            cursor.is_unknown = True  # Podman mixes up long lines in a tail: all of the last hour
        at = time.time_ns() + self._ahead
        age = self._limits.log_age // timedelta(microseconds=1) * 1000
        since, is_first = cursor.since(at, at - age)
        began = self._tracker.log_cursors.began + timedelta(microseconds=self._ahead // 1000)
        is_new = container.created is not None and container.created > began
        return since, TAIL if is_first and not is_new else None

    async def _next(
        self, stream: LogStream, container: Container, maker: LineMaker
    ) -> list[LogFrame]:
        """What came next, none at the end or after a long silence."""
        if maker.gap:
            with trio.move_on_after(GAP_SECONDS):
                return await stream.batch()
            self._tell_gap(container, maker)
        with trio.move_on_after(SILENCE_SECONDS):
            return await stream.batch()
        return []

    async def _take(self, container: Container, maker: LineMaker, frames: list[LogFrame]) -> None:
        for begin in range(0, len(frames), TURN):
            before = maker.dropped
            # It may have been renamed meanwhile.
            known = self._tracker.containers(self._host).get(container.id, container)
            lines = maker.lines(known, frames[begin : begin + TURN])
            self._put(container, lines, maker.dropped - before)
            await trio.lowlevel.checkpoint()
        await self._limits.room()

    def _note_empty(self, cursor: LogCursor, opened: int) -> None:
        """Note a log that was open for a while without a line: what comes from then on is new."""
        if not cursor.places and time.time_ns() + self._ahead - opened > EMPTY_NANOS:
            cursor.empty_at = opened

    def _tell_gap(self, container: Container, maker: LineMaker) -> None:
        if maker.gap:
            self._put(container, [maker.note(container)], 0)

    def _put(self, container: Container, lines: list[LogLine], dropped: int) -> None:
        self._tracker.put_lines(self._host, container.id, tuple(lines), dropped)

    def _failed(self, container: Container, reading: _Reading, error: EngineError) -> float:
        """Seconds until it is tried again; one log that cannot be read holds up no other."""
        delay = reading.backoff.next_delay()
        if reading.backoff.attempts == 1:
            # A conflict is a container that is being removed: the list will tell.
            is_going = isinstance(error, ApiStatusError) and error.status == CONFLICT
            level = logging.DEBUG if is_going else logging.WARNING
            log.log(level, "log of %s is not read, trying again: %s", container.name, error)
        return UNREADABLE_SECONDS if isinstance(error, ApiStatusError) else delay


def run_of(container: Container) -> Run:
    """Which run of a container it is."""
    return container.started, container.finished
