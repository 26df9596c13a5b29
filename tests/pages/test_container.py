"""A container in a browser: what went wrong first, charts by mouse and keys, and live."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.lab.containers import remove_container
from tests.pages.browsing import PATIENCE
from tests.pages.conftest import Visiting
from tests.pages.site import Site

BURNER = "/hosts/local/containers/burner"
SPOKEN = "fleet-charts .sr-only"


def drawn(page: Page) -> None:
    """Wait until the charts have something to show, which takes two samples."""
    page.wait_for_selector("fleet-chart[data-title=CPU] .chart-legend li")
    page.evaluate("window.notLoadedAgain = true")


def test_a_crash_loop_comes_first_with_its_last_words(visiting: Visiting) -> None:
    visit = visiting(width=360, dark=True)
    page = visit.live("/hosts/edge-1/containers/crasher")
    trouble = page.locator("#container-trouble")
    expect(trouble).to_contain_text(
        re.compile(r"in the last 10 minutes \(restart loop\), .*with exit code 3"), timeout=PATIENCE
    )
    expect(trouble).to_contain_text("cannot reach the queue", timeout=PATIENCE)
    expect(page.locator("#container-log")).to_contain_text("starting")
    assert visit.overflow() <= 0
    assert visit.faults() == []


def test_charts_are_read_and_zoomed_by_keys(visiting: Visiting) -> None:
    page = visiting().go(f"{BURNER}?range=15m")
    drawn(page)
    chart = page.locator("fleet-chart[data-title=CPU]")
    chart.focus()
    page.keyboard.press("End")
    expect(page.locator(SPOKEN)).to_have_text(re.compile(r"\d\d:\d\d: CPU of one core [\d.]+%"))
    page.keyboard.press("+")
    expect(page.locator(".chart-bar")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".chart-bar")).to_be_hidden()
    page.keyboard.press("Home")
    first = page.locator(SPOKEN).inner_text()
    page.keyboard.press("ArrowRight")
    expect(page.locator(SPOKEN)).not_to_have_text(first)


def test_ranges_zooms_and_the_table_need_no_other_page(visiting: Visiting) -> None:
    page = visiting(width=1920).go(f"{BURNER}?range=15m")
    drawn(page)
    page.click("a[data-range='6h']")
    page.wait_for_url("**range=6h")
    expect(page.locator("a[data-range][aria-current]")).to_have_text("6h")
    page.go_back()
    expect(page.locator("a[data-range][aria-current]")).to_have_text("15m")
    over = page.locator("fleet-chart[data-kind=memory] .u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 40, steps=4)
    page.mouse.up()
    expect(page.locator(".chart-bar")).to_be_visible()
    page.click(".chart-bar button")
    expect(page.locator(".chart-bar")).to_be_hidden()
    page.click(".chart-figures summary")
    expect(page.locator(".chart-figures th").filter(has_text="CPU, of one core")).to_be_visible()
    assert page.evaluate("window.notLoadedAgain")


def test_one_that_is_removed_is_told_so_while_somebody_looks(
    visiting: Visiting, site: Site
) -> None:
    page = visiting().live("/hosts/local/containers/nightly-job")
    expect(page.locator("#container-head")).to_contain_text("exited")
    remove_container(site.demo.engines["local"].sdk(), "nightly-job")
    head = page.locator("#container-head")
    expect(head).to_contain_text("It is not there any more.", timeout=PATIENCE)
    expect(page.locator("#container-events")).to_contain_text("destroy", timeout=PATIENCE)
    page.reload()
    expect(head).to_contain_text("removed")
