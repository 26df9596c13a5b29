"""The log viewer in a real Chromium: 100,000 lines scrolled through, and 1,000 lines a second live.

`python -m bench.page_logs` serves lines from memory in a process of its own: plain ones, coloured
ones, JSON, and some as long as a screen is wide three times. It loads 100,000 of them into the
page, scrolls through all, wraps them, searches them, and then lets lines come. Frames are as the
page's own `requestAnimationFrame` tells them, and what the page's thread used for each is CPU time,
which others on the machine do not lengthen. Memory is of the JavaScript heap after a collection,
and of all processes of the browser; CPU is of these together.
"""

from __future__ import annotations

import argparse
import bisect
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import trio
from playwright.sync_api import Page

from bench.processes import cpu_seconds, descendants, memory_bytes
from storage.queries_logs import LogPlace
from tests.lab.ports import accepts, free_port
from tests.lab.waiting import wait_until
from tests.pages.browsing import open_browser
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

STORED = 120_000
LOADED = 100_000
GAP_NS = 5_000_000  # between two stored lines
PERIOD = 0.05  # seconds between two handfuls of live lines
NAMES = ("web", "api", "worker")
LATE = 50  # ms: a frame that somebody sees

WATCH = """() => {
  window.frames_ = [];
  let last = performance.now();
  const tick = now => {
    window.frames_.push(now - last);
    last = now;
    window.tick_ = requestAnimationFrame(tick);
  };
  window.tick_ = requestAnimationFrame(tick);
}"""
WATCHED = "() => { cancelAnimationFrame(window.tick_); return window.frames_; }"
SCROLL = """async () => {
  const list = document.querySelector('.log-scroll');
  const end = list.scrollHeight;
  for (let top = end; top >= 2000; top -= 6000) {
    list.scrollTop = top;
    await new Promise(requestAnimationFrame);
  }
}"""


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
    """Lines in memory, found quickly."""

    def __init__(self) -> None:
        super().__init__()
        now = time.time_ns()
        self.lines = [make_line(n, now - (STORED - n) * GAP_NS) for n in range(STORED)]

    async def logs(
        self,
        wanted: LogFilter,
        span: Span,
        limit: int,
        direction: Direction,
        beyond: LogPlace | None,
    ) -> LogsDocument:
        """Those of the span: of filters it has the text alone."""
        lines = self.lines
        begin = bisect.bisect_left(lines, span.start, key=_time)
        end = bisect.bisect_left(lines, span.end, key=_time)
        if beyond is not None and direction == "backward":
            end = bisect.bisect_left(lines, beyond.time_nano, key=_nano)
        elif beyond is not None:
            begin = bisect.bisect_right(lines, beyond.time_nano, key=_nano)
        if wanted.text is not None:
            lines = [line for line in lines[begin:end] if wanted.text in line.line]
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


def _time(line: LogLineDocument) -> datetime:
    return line.time


def _nano(line: LogLineDocument) -> int:
    return line.time_nano


async def serve_lines(port: int, rate: int) -> None:
    """Serve stored lines, and so many a second that come."""
    fleet, live, logs, history = FleetInMemory(), LiveInMemory(), LogsInMemory(), ManyLines()
    fleet.add_host("one")
    for name in NAMES:
        fleet.add_container("one", name, id=container_id(name))
        live.container(name)
    app = create_app(Shown(fleet, history, logs, live=live), serving=Serving(settle=0.5))
    async with trio.open_nursery() as nursery:
        await nursery.start(_serve, app, port)
        number, next_time, due = STORED, trio.current_time(), 0.0
        while True:
            next_time += PERIOD
            await trio.sleep_until(next_time)
            due += rate * PERIOD
            came = [make_line(number + n, time.time_ns() + n) for n in range(int(due))]
            due -= len(came)
            number += len(came)
            if len(history.lines) > 2 * STORED:
                del history.lines[:STORED]
            history.lines.extend(came)
            for line in came:
                follower = logs.followers.get((line.host, line.container_id))
                if follower is not None:
                    follower.put(line)


async def _serve(app: Application, port: int, task_status: trio.TaskStatus[str]) -> None:
    await serve(app, f"127.0.0.1:{port}", limits=Limits(), task_status=task_status)


@contextmanager
def serving(rate: int) -> Iterator[str]:
    """Serve in another process; where."""
    port = free_port()
    command = [sys.executable, "-m", "bench.page_logs", "--serve", str(port), "--rate", str(rate)]
    with subprocess.Popen(command) as process:
        try:
            wait_until(lambda: accepts("127.0.0.1", port), "it listens")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


def browser_pids() -> list[int]:
    """Of the browser that this process started."""
    return descendants(os.getpid())


def frames(page: Page, script: str | None, seconds: float = 0.0) -> dict[str, float]:
    """How long frames took, in ms, while a script ran or so many seconds went by."""
    page.evaluate(WATCH)
    thread = Thread(page)
    begun, used = time.monotonic(), cpu_seconds(browser_pids())
    if script is not None:
        page.evaluate(script)
    page.wait_for_timeout(seconds * 1000)
    lasted = time.monotonic() - begun
    taken = sorted(page.evaluate(WATCHED)[1:])
    return {
        "frames": len(taken),
        "median": taken[len(taken) // 2],
        "p99": taken[len(taken) * 99 // 100],
        "worst": taken[-1],
        "late": sum(one > LATE for one in taken),
        "own": thread.seconds() * 1000 / max(1, len(taken)),
        "cpu": (cpu_seconds(browser_pids()) - used) / lasted,
        "seconds": lasted,
    }


class Thread:
    """CPU time of a page's main thread, since this was made."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._begun = self._told()

    def seconds(self) -> float:
        """So many were used."""
        return self._told() - self._begun

    def _told(self) -> float:
        found: dict[str, Any] = self._session.send("Performance.getMetrics")
        return float(next(m["value"] for m in found["metrics"] if m["name"] == "TaskDuration"))


def load_all(page: Page) -> float:
    """Scroll up until 100,000 lines are there; the seconds it took."""
    begun = time.monotonic()
    page.evaluate(
        """async (wanted) => {
          const list = document.querySelector('.log-scroll');
          const count = () => Number(list.getAttribute('aria-rowcount'));
          while (count() < wanted) { list.scrollTop = 0; await new Promise(requestAnimationFrame); }
        }""",
        LOADED - 1_000,
    )
    return time.monotonic() - begun


def heap(page: Page) -> int:
    """Bytes of the JavaScript heap, after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    found: dict[str, Any] = session.send("Runtime.getHeapUsage")
    return int(found["usedSize"])


def show(name: str, found: dict[str, float]) -> None:
    """Print a line of figures."""
    told = "".join(f"{found[each]:>9.1f}" for each in ("median", "p99", "worst"))
    print(f"{name:<34}{int(found['frames']):>7}{told}{int(found['late']):>6}", end="")
    print(f"{found['own']:>9.1f}{found['cpu'] * 100:>7.0f}%{found['seconds']:>8.1f} s", flush=True)


def measure(rate: int, seconds: float) -> None:
    """Print all figures."""
    print(f"{'ms':<34}{'frames':>7}{'median':>9}{'p99':>9}{'worst':>9}{'>50':>6}", end="")
    print(f"{'thread':>9}{'CPU':>8}{'lasted':>10}")
    with open_browser() as browser:
        with serving(0) as origin:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(f"{origin}/logs?last=1d")
            page.wait_for_selector(".log-scroll .log-row")
            empty = heap(page)
            lasted = load_all(page)
            page.wait_for_timeout(1000)
            rows = page.evaluate("document.querySelectorAll('.log-row').length")
            used = sum(memory_bytes(pid)["Pss"] for pid in browser_pids())
            print(f"100,000 lines loaded in {lasted:.1f} s; {rows} rows are elements")
            full = heap(page)
            print(f"heap {empty / 2**20:.0f} MiB with 200 lines, {full / 2**20:.0f} MiB with all")
            print(f"the whole browser {used / 2**20:.0f} MiB")
            page.keyboard.press("Shift+G")
            show("scrolled up through all", frames(page, SCROLL))
            page.keyboard.press("w")
            show("wrapped, scrolled up through all", frames(page, SCROLL))
            page.locator(".log-find input").fill("request 9")
            show("searched in all", frames(page, None, 2.0))
            page.close()
        for live in (10, rate):
            with serving(live) as origin:
                page = browser.new_page(viewport={"width": 1280, "height": 900})
                page.goto(f"{origin}/logs?last=1d")
                page.wait_for_selector(".log-scroll .log-row")
                page.wait_for_timeout(3000)
                show(f"{live} lines a second", frames(page, None, seconds))
                page.close()


def main() -> None:
    """Measure, or serve for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        trio.run(serve_lines, options.serve, options.rate)
        return
    measure(options.rate, options.seconds)


if __name__ == "__main__":
    main()
