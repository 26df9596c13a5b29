"""Many lines of logs in memory, served with the pages: for the viewer in a browser.

`python -m tests.pages.many_lines PORT --stored N --rate N` in a process of its own.
"""

from __future__ import annotations

import argparse
import bisect
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import trio

from storage.queries_logs import LogPlace
from tests.lab.ports import accepts, free_port
from tests.lab.waiting import wait_until
from tests.web.fleet_in_memory import FleetInMemory
from tests.web.history_in_memory import HistoryInMemory
from tests.web.live_in_memory import LiveInMemory, container_id
from tests.web.logs_in_memory import LogsInMemory
from web.app import Application, create_app
from web.history import LogFilter, Span
from web.history_documents import Direction, LogLineDocument, LogsDocument
from web.log_cursor import place_of, write_cursor
from web.parts import Serving, Shown
from web.server import Limits, serve

GAP_NS = 5_000_000  # between two stored lines
PERIOD = 0.05  # seconds between two handfuls of live lines
NAMES = ("web", "api", "worker")
HOSTILE = "<img src=x onerror=document.title=1><script>document.title=1</script>"


def make_line(number: int, time_nano: int) -> LogLineDocument:
    """A line of the kinds that containers write."""
    name = NAMES[number % len(NAMES)]
    level = "error" if number % 97 == 0 else "warning" if number % 31 == 0 else "info"
    text = f"request {number} took {number % 900} ms"
    if name == "api":
        fields = {"trace": 9007199254740993 + number, "user": {"id": number, "tags": ["a", "b"]}}
        text = json.dumps({"level": level, "msg": text, "path": "/cart", **fields})
    elif name == "worker":
        text = (
            f"\x1b[3{number % 8}m[{level}]\x1b[0m \x1b[38;5;{number % 256}mjob {number}\x1b[0m done"
        )
    elif number % 41 == 0:
        text += HOSTILE
    elif number % 50 == 0:
        text += " and went on" * 60
    return LogLineDocument(
        time=datetime.fromtimestamp(time_nano // 1000 / 1e6, UTC),
        time_nano=time_nano,
        host="one",
        container_id=container_id(name),
        name=name,
        identity=f"name:{name}",
        stream="stderr" if level == "error" else "stdout",
        sequence=number % 1_000_000,
        level=level,
        line=text,
    )


class ManyLines(HistoryInMemory):
    """So many lines in memory, found quickly."""

    def __init__(self, stored: int) -> None:
        super().__init__()
        now = time.time_ns()
        self.lines = [make_line(n, now - (stored - n) * GAP_NS) for n in range(stored)]

    async def logs(
        self,
        wanted: LogFilter,
        span: Span,
        limit: int,
        direction: Direction,
        beyond: LogPlace | None,
    ) -> LogsDocument:
        """Those of the span: of filters it has the text, and the names of containers."""
        lines = self.lines
        begin = bisect.bisect_left(lines, span.start, key=_time)
        end = bisect.bisect_left(lines, span.end, key=_time)
        if beyond is not None and direction == "backward":
            end = bisect.bisect_left(lines, beyond.time_nano, key=_nano)
        elif beyond is not None:
            begin = bisect.bisect_right(lines, beyond.time_nano, key=_nano)
        if wanted.text or wanted.containers:
            lines = [line for line in lines[begin:end] if _matches(line, wanted)]
            begin, end = 0, len(lines)
        backward = direction == "backward"
        kept = lines[max(begin, end - limit) : end] if backward else lines[begin : begin + limit]
        cut = end - begin > limit
        return LogsDocument(
            start=span.start,
            end=span.end,
            lines=tuple(kept),
            older=write_cursor(place_of(kept[0])) if cut and backward else None,
            newer=write_cursor(place_of(kept[-1])) if cut and not backward else None,
        )


def _matches(line: LogLineDocument, wanted: LogFilter) -> bool:
    named = {line.name, f"{line.host}/{line.name}"}
    return (wanted.text or "") in line.line and not (
        wanted.containers and named.isdisjoint(wanted.containers)
    )


def _time(line: LogLineDocument) -> datetime:
    return line.time


def _nano(line: LogLineDocument) -> int:
    return line.time_nano


async def serve_lines(port: int, stored: int, rate: float) -> None:
    """Serve stored lines, and so many a second that come."""
    fleet, live, logs = FleetInMemory(), LiveInMemory(), LogsInMemory()
    history = ManyLines(stored)
    fleet.add_host("one")
    for name in NAMES:
        fleet.add_container("one", name, id=container_id(name))
        live.container(name)
    app = create_app(Shown(fleet, history, logs, live=live), serving=Serving(settle=0.5))
    async with trio.open_nursery() as nursery:
        await nursery.start(_serve, app, port)
        number, next_time, due = stored, trio.current_time(), 0.0
        while True:
            next_time += PERIOD
            await trio.sleep_until(next_time)
            due += rate * PERIOD
            came = [make_line(number + n, time.time_ns() + n) for n in range(int(due))]
            due -= len(came)
            number += len(came)
            _take_in(came, history, logs)
            if len(history.lines) > 2 * stored:
                del history.lines[:stored]


def _take_in(came: list[LogLineDocument], history: ManyLines, logs: LogsInMemory) -> None:
    history.lines.extend(came)
    for line in came:
        follower = logs.followers.get((line.host, line.container_id))
        if follower is not None:
            follower.put(line)


async def _serve(app: Application, port: int, task_status: trio.TaskStatus[str]) -> None:
    await serve(app, f"127.0.0.1:{port}", limits=Limits(), task_status=task_status)


@contextmanager
def serving_lines(stored: int, rate: float) -> Iterator[str]:
    """Serve in another process; where."""
    port = free_port()
    command = [sys.executable, "-m", "tests.pages.many_lines", str(port)]
    command += ["--stored", str(stored), "--rate", str(rate)]
    with subprocess.Popen(command) as process:
        try:
            wait_until(lambda: accepts("127.0.0.1", port), "it listens", 60)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--stored", type=int, default=5_000)
    parser.add_argument("--rate", type=float, default=5.0)
    given = parser.parse_args()
    trio.run(serve_lines, given.port, given.stored, given.rate)


if __name__ == "__main__":
    main()
