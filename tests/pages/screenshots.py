"""Pictures of the pages for the docs: `make screenshots`, about eight minutes.

Runs the demo's fleet, lets it live for a while so that charts have something to show, cuts a host
off and lets it come back, and writes the pictures into `docs/screenshots`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from playwright.sync_api import Browser

from tests.pages.browsing import PATIENCE, open_browser
from tests.pages.site import Site, open_site

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
MOST_BYTES = 150_000
QUALITY = 80  # of a JPEG, where a PNG is larger than that
OUTAGE = 20.0  # seconds
SOON = "\n[hosts.db-1.monitoring]\nping_interval = 2\nrequest_timeout = 3\n"


class Picture(NamedTuple):
    """One picture: `wanted` is waited for, then `keys` are pressed with the focus on a chart."""

    name: str
    path: str
    wanted: str
    colours: Literal["light", "dark"] = "light"
    view: str = "cards"
    width: int = 1280
    height: int = 860
    keys: tuple[str, ...] = ()


CRASHER = "/hosts/edge-1/containers/crasher"
BURNER = "/hosts/local/containers/burner"
CHART = "fleet-chart[data-title=CPU]"
DRAWN = f"{CHART} .chart-legend li"
PICTURES = (
    Picture("fleet", "/", "#hosts .unit"),
    Picture("fleet-dark", "/", "#hosts .unit", colours="dark"),
    Picture("fleet-table", "/?group=site", "#hosts .unit", view="table", height=620),
    Picture("host", "/hosts/db-1", "#host-availability .timeline"),
    Picture("container", f"{CRASHER}?range=15m", "#container-trouble .said"),
    Picture("charts", f"{BURNER}?range=15m#charts", DRAWN, height=760, keys=("End", "+")),
    Picture("logs", "/logs?text=shipped", ".log-window .log-row mark", colours="dark"),
    Picture("events", "/events", "main a[href^='/hosts/']"),
    Picture("routes", "/routes", "main a[href^='/routes/']", height=620),
    Picture("phone", "/", "#hosts .unit", width=390, height=844),
)


def take(browser: Browser, origin: str, picture: Picture) -> Path:
    """Take a picture; as a PNG, unless that is too large."""
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        color_scheme=picture.colours,
        reduced_motion="reduce",
        timezone_id="Europe/Berlin",
    )
    context.add_cookies(
        [
            {"name": "fleet-view", "value": picture.view, "url": origin},
            {"name": "fleet-zone", "value": "Europe%2FBerlin", "url": origin},
        ]
    )
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(origin + picture.path)
        page.wait_for_selector(picture.wanted)
        if picture.keys:
            page.focus(CHART)
        for key in picture.keys:
            page.keyboard.press(key)
        page.wait_for_timeout(1500)  # the streams have told what they have, the charts are drawn
        body, suffix = page.screenshot(), "png"
        if len(body) > MOST_BYTES:
            body, suffix = page.screenshot(type="jpeg", quality=QUALITY), "jpg"
    finally:
        context.close()
    for old in FOLDER.glob(f"{picture.name}.*"):
        old.unlink()
    file = FOLDER / f"{picture.name}.{suffix}"
    file.write_bytes(body)
    return file


def live(site: Site, seconds: float) -> None:
    """Let the fleet have a past, with an outage in it."""
    time.sleep(seconds / 2)
    with site.cut_off("db-1"):
        time.sleep(OUTAGE)
    time.sleep(seconds / 2)


def main(words: Sequence[str] | None = None) -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="how long the fleet lives")
    parser.add_argument("names", nargs="*", help="of pictures; all unless told")
    given = parser.parse_args(words)
    FOLDER.mkdir(exist_ok=True)
    with open_site(more=SOON) as site:
        live(site, given.seconds)
        with open_browser() as browser:
            for picture in PICTURES:
                if not given.names or picture.name in given.names:
                    file = take(browser, site.origin, picture)
                    print(f"{file.name}: {file.stat().st_size / 1000:.0f} KB", flush=True)


if __name__ == "__main__":
    main()
