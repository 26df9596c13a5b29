"""A real Chromium, and what it complains about: a page of ours has no reason for any of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, sync_playwright

from tests.lab.cache import program
from tests.lab.waiting import wait_until

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE = 60_000  # ms for whatever is waited for: the machine is small, and others use it
# What Chromium would ask the world on its own, and what a container without a screen lacks.
OPTIONS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
)
GRAVE = ("serious", "critical")


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Chromium without a window.

    Raises:
        MissingPartError: It is not installed.
    """
    path = program("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=[*OPTIONS],
        )
        try:
            yield browser
        finally:
            browser.close()


def wait_for(page: Page, function: str, argument: object = None) -> None:
    """Wait until a function is true in the page.

    It is asked from outside: where the page asks itself, its policy forbids to evaluate a text.
    """
    wait_until(lambda: page.evaluate(function, argument), function, PATIENCE / 1000)


class Visit:
    """Somebody at a page.

    Attributes:
        page: What they see.
        complaints: What the browser said of it, and requests that went elsewhere.
        expected: Parts of complaints that belong to what is tested.
    """

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.origin = origin
        self.complaints: list[str] = []
        self.expected: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", self._asked)
        page.on("response", self._answered)

    def go(self, path: str) -> Page:
        """Open a path of the site."""
        self.page.goto(self.origin + path, wait_until="load")
        return self.page

    def live(self, path: str) -> Page:
        """Open a path, and wait until its stream is open."""
        page = self.go(path)
        page.wait_for_selector('[data-liveness="live"]')
        return page

    def unexpected(self) -> list[str]:
        """Complaints that nobody expected."""
        return [c for c in self.complaints if not any(part in c for part in self.expected)]

    def faults(self) -> list[str]:
        """What axe finds that somebody could not use, as lines for people."""
        self.page.evaluate(AXE.read_text())
        found: Mapping[str, Any] = self.page.evaluate("axe.run({resultTypes: ['violations']})")
        return [
            f"{each['impact']}: {each['id']}: {node['html'][:160]}: {node['failureSummary']}"
            for each in found["violations"]
            if each["impact"] in GRAVE
            for node in each["nodes"][:3]
        ]

    def settle(self) -> None:
        """Wait until what a change of the window asked for is drawn."""
        self.page.evaluate(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        wide: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return wide

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text} ({message.location['url']})")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.origin, "data:")):
            self.complaints.append(f"asked elsewhere: {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"status {response.status}: {response.url}")
