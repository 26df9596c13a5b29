"""Logs of containers: lines that follow from when a container was at work; none is ever stored."""

from __future__ import annotations

from typing import NamedTuple

from tests.lab.simulated.containers import Container, Span
from tests.lab.simulated.times import stamp, stamp_seconds

KEPT_LINES = 5000  # what is older was rotated away
_STDOUT, _STDERR = 1, 2
_END = ("\n", "\r\n")
_HARD = ("WARN slow answer of the database", "ERROR cannot reach the queue")


class Line(NamedTuple):
    """One line; ``nano`` is its time by the host's clock."""

    nano: int
    stream: int
    text: str


def lines(
    container: Container,
    now: int,
    since: int = 0,
    until: int | None = None,
    tail: int | None = None,
) -> list[Line]:
    """The lines from ``since`` on, before ``until``; of the last ``tail`` ones only."""
    left = KEPT_LINES if tail is None else min(tail, KEPT_LINES)
    end = now if until is None else min(now, until)
    found: list[Line] = []
    for span in reversed(container.spans):
        last = _last_number(container, span, now)
        first = max(0, last + 1 - left)
        left -= last + 1 - first
        period = container.made.line_nanos
        begin = max(first, -((span.began - since) // period)) if since > span.began else first
        latest = min(last, (end - span.began) // period)
        found += [_line(container, span, number) for number in range(latest, begin - 1, -1)]
        if left <= 0 or span.began < since:
            break
    return found[::-1]


def next_line(container: Container, after: int) -> int | None:
    """When the first line after some time comes; None while the container is not at work."""
    if not container.spans or container.spans[-1].ended is not None:
        return None
    began, period = container.spans[-1].began, container.made.line_nanos
    return began if after < began else began + ((after - began) // period + 1) * period


def _last_number(container: Container, span: Span, now: int) -> int:
    """The number of a span's last line; -1 while it has none."""
    end = now if span.ended is None else span.ended
    return int((end - span.began) // container.made.line_nanos)


def _line(container: Container, span: Span, number: int) -> Line:
    nano = span.began + number * container.made.line_nanos
    chance = (number * 2_654_435_761 + span.began) % 100
    if number == 0:
        return Line(nano, _STDOUT, f"INFO {container.made.command[0]} is at work")
    if chance < 5:
        return Line(nano, _STDERR, f"{_HARD[chance < 2]}, request {number}")
    return Line(nano, _STDOUT, f"INFO request {number} answered in {chance * 3} ms")


def written(line: Line, *, tty: bool, timestamps: bool, is_podman: bool) -> bytes:
    """A line as it is sent, in a frame unless there is a terminal; Podman stamps whole seconds."""
    time = f"{(stamp_seconds if is_podman else stamp)(line.nano)} " if timestamps else ""
    text = f"{time}{line.text}{_END[tty]}".encode()
    if tty:
        return text
    return bytes((line.stream, 0, 0, 0)) + len(text).to_bytes(4, "big") + text
