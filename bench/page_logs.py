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
import os
import time
from typing import Any

from playwright.sync_api import Page

from bench.processes import cpu_seconds, descendants, memory_bytes
from tests.pages.browsing import open_browser
from tests.pages.many_lines import serving_lines

STORED = 120_000
LOADED = 100_000
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
WHEEL = """async () => {
  const list = document.querySelector('.log-scroll');
  for (let turn = 0; turn < 400; turn += 1) {
    list.scrollTop -= 240;
    await new Promise(requestAnimationFrame);
  }
}"""
SCROLL = """async () => {
  const list = document.querySelector('.log-scroll');
  const end = list.scrollHeight;
  for (let top = end; top >= 2000; top -= 6000) {
    list.scrollTop = top;
    await new Promise(requestAnimationFrame);
  }
}"""


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
        with serving_lines(STORED, 0) as origin:
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
            show("scrolled up as by a wheel", frames(page, WHEEL))
            show("thrown up through all", frames(page, SCROLL))
            page.keyboard.press("w")
            page.keyboard.press("Shift+G")
            show("wrapped, as by a wheel", frames(page, WHEEL))
            show("wrapped, thrown up through all", frames(page, SCROLL))
            page.locator(".log-find input").fill("request 9")
            show("searched in all", frames(page, None, 2.0))
            page.close()
        for live in (10, rate):
            with serving_lines(STORED, live) as origin:
                page = browser.new_page(viewport={"width": 1280, "height": 900})
                page.goto(f"{origin}/logs?last=1d")
                page.wait_for_selector(".log-scroll .log-row")
                page.wait_for_timeout(3000)
                show(f"{live} lines a second", frames(page, None, seconds))
                page.close()


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    measure(options.rate, options.seconds)


if __name__ == "__main__":
    main()
