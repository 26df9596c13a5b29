"""Answers without an end: events, logs that are followed, samples every second."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from itertools import chain
from typing import TYPE_CHECKING

from tests.lab.simulated import events, loglines
from tests.lab.simulated.answers import EventsFrom, LogOf, SamplesOf
from tests.lab.simulated.model import Happening
from tests.lab.simulated.times import SECOND

if TYPE_CHECKING:
    from tests.lab.simulated.connection import Connection
    from tests.lab.simulated.host import SimulatedHost


class Stream(ABC):
    """What is sent on one connection until either side ends it."""

    def __init__(self, host: SimulatedHost, connection: Connection) -> None:
        self._host = host
        self._connection = connection
        self._timer: asyncio.TimerHandle | None = None

    @abstractmethod
    def begin(self) -> None:
        """Send what is there, and go on by itself; the head is sent already."""

    def end(self) -> None:
        """Go on no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _wake_at(self, nano: int) -> None:
        """Have ``_woken`` called at some time of the host's clock."""
        seconds = max(nano - self._host.model.now(), 0) / SECOND
        self._timer = asyncio.get_running_loop().call_later(seconds, self._woken)

    @abstractmethod
    def _woken(self) -> None: ...


class EventsStream(Stream):
    """``/events``."""

    def __init__(self, host: SimulatedHost, connection: Connection, asked: EventsFrom) -> None:
        super().__init__(host, connection)
        self._asked = asked

    def begin(self) -> None:
        model, since, until = self._host.model, self._asked.since, self._asked.until
        if since is not None or until is not None:
            last = until or model.now()
            past = (one for one in list(model.happened) if (since or 0) <= one.nano <= last)
            lines = b"".join(chain.from_iterable(self._told(one) for one in past))
            if lines:
                self._connection.send_chunk(lines)
        if until is not None and until <= model.now():
            self._connection.end_stream()
            return
        model.listeners.add(self._happened)
        if until is not None:
            self._wake_at(until)

    def end(self) -> None:
        super().end()
        self._host.model.listeners.discard(self._happened)

    def _woken(self) -> None:
        self._connection.end_stream()

    def _happened(self, happening: Happening) -> None:
        for line in self._told(happening):
            self._connection.send_chunk(line)

    def _told(self, happening: Happening) -> list[bytes]:
        return events.told(self._host.kind, happening)


class LogStream(Stream):
    """``/containers/ID/logs``: what is there, then line by line while the container runs."""

    def __init__(self, host: SimulatedHost, connection: Connection, asked: LogOf) -> None:
        super().__init__(host, connection)
        self._asked = asked
        self._sent = 0

    def begin(self) -> None:
        asked, now = self._asked, self._host.model.now()
        self._sent = now
        self._send(loglines.lines(asked.container, now, asked.since, asked.until, asked.tail))
        if not asked.follow or not self._goes_on():
            self._connection.end_stream()
            return
        self._host.model.listeners.add(self._happened)
        self._wait()

    def end(self) -> None:
        super().end()
        self._host.model.listeners.discard(self._happened)

    def _goes_on(self) -> bool:
        until = self._asked.until
        is_over = until is not None and until <= self._host.model.now()
        return self._asked.container.has_processes and not is_over

    def _wait(self) -> None:
        coming = loglines.next_line(self._asked.container, self._sent)
        if coming is not None:
            self._wake_at(coming)

    def _woken(self) -> None:
        self._send_new()
        if self._goes_on():
            self._wait()
        else:
            self._connection.end_stream()

    def _send_new(self) -> None:
        now = self._host.model.now()
        if now > self._sent:
            since, self._sent = self._sent + 1, now
            self._send(loglines.lines(self._asked.container, now, since, self._asked.until))

    def _happened(self, happening: Happening) -> None:
        """Its end ends the log; after a pause there are lines again."""
        if happening.actor != self._asked.container.id:
            return
        if happening.action in ("die", "destroy"):
            self._send_new()
            self._connection.end_stream()
        elif happening.action == "unpause":
            super().end()
            self._wait()

    def _send(self, lines: list[loglines.Line]) -> None:
        asked = self._asked
        text = b"".join(
            loglines.written(
                line,
                tty=asked.container.made.tty,
                timestamps=asked.timestamps,
                is_podman=self._host.kind.is_podman,
            )
            for line in lines
            if line.stream in asked.streams or asked.container.made.tty
        )
        if text:
            self._connection.send_chunk(text)


class SamplesStream(Stream):
    """``/containers/ID/stats`` as it comes: one sample a second."""

    def __init__(self, host: SimulatedHost, connection: Connection, asked: SamplesOf) -> None:
        super().__init__(host, connection)
        self._container = asked.container

    def begin(self) -> None:
        self._woken()

    def _woken(self) -> None:
        if self._container.id not in self._host.model.containers:
            self._connection.end_stream()
            return
        self._connection.send_chunk(self._host.answers.double_sample(self._container).body)
        self._wake_at(self._host.model.now() + SECOND)
