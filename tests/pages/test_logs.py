"""The log viewer in a browser: it never jumps, says what is new, and is operated by its keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Page

from tests.lab.waiting import wait_until
from tests.pages.browsing import PATIENCE, wait_for
from tests.pages.conftest import Visiting
from tests.pages.many_lines import HOSTILE, serving_lines

STORED = 5_000
AT_TOP = """() => {
  const list = document.querySelector('.log-scroll').getBoundingClientRect().top;
  for (const row of document.querySelectorAll('.log-window .log-row')) {
    const { top, bottom } = row.getBoundingClientRect();
    if (bottom > list + 1) return [row.id, Math.round(top - list)];
  }
}"""
COUNT = "Number(document.querySelector('.log-scroll').getAttribute('aria-rowcount'))"
ELEMENTS = "document.querySelectorAll('.log-window .log-row').length"
SELECTED = ".log-row[aria-selected=true]"


class Served(NamedTuple):
    origin: str


@pytest.fixture(scope="module")
def site() -> Iterator[Served]:
    with serving_lines(STORED, 5) as origin:
        yield Served(origin)


def opened(visiting: Visiting, path: str = "/logs", *, width: int = 1280) -> Page:
    page = visiting(width=width).go(path)
    page.wait_for_selector(".log-window .log-row")
    return page


def grown(page: Page, lines: int) -> None:
    wait_for(page, f"wanted => {COUNT} > wanted", lines)


def read_on(page: Page) -> None:
    """Go up from the newest line, until those that come are counted and not shown."""

    def is_away() -> bool:
        page.keyboard.press("PageUp")
        page.wait_for_timeout(500)
        return page.is_visible(".log-more")

    wait_until(is_away, "new lines are counted", PATIENCE / 1000)


def test_what_is_read_stays_in_place_while_lines_come_before_and_after_it(
    visiting: Visiting,
) -> None:
    page = opened(visiting)
    page.wait_for_selector(".log-state[data-state=live]")
    read_on(page)
    place, count = page.evaluate(AT_TOP), page.evaluate(COUNT)
    grown(page, count + 3)
    assert page.evaluate(AT_TOP) == place
    page.keyboard.press("g")
    grown(page, 1_100)  # older ones were read
    assert page.evaluate("document.querySelector('.log-scroll').scrollTop") > 10_000
    for wrapped in (True, False):
        before = page.evaluate(AT_TOP)[0]
        page.keyboard.press("w")
        page.wait_for_selector(f".log-bar button[aria-pressed={str(wrapped).lower()}]")
        wait_for(page, f"() => {ELEMENTS} > 10")
        assert page.evaluate(AT_TOP)[0] == before
    assert page.evaluate(ELEMENTS) < 120
    page.click(".log-more")
    page.wait_for_selector(".log-more", state="hidden")
    newest = page.evaluate(COUNT)
    grown(page, newest)  # it goes on


def test_json_is_unfolded_by_keys_with_all_its_digits(visiting: Visiting) -> None:
    page = opened(visiting)
    page.keyboard.press("Space")
    page.wait_for_selector(".log-pause.primary")
    for _ in range(4):
        page.keyboard.press("ArrowUp")
        page.wait_for_selector(SELECTED)
        if page.query_selector(f"{SELECTED} .log-fold"):
            break
    page.keyboard.press("Enter")
    tree = page.wait_for_selector(f"{SELECTED} .log-tree")
    assert tree is not None
    assert "trace: 900719925474" in tree.inner_text()
    page.focus(f"{SELECTED} .log-tree details details summary")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{SELECTED} .log-tree .log-string >> text=b")
    page.focus(".log-scroll")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{SELECTED} .log-tree", state="detached")


def test_while_paused_lines_wait_and_are_counted(visiting: Visiting) -> None:
    page = opened(visiting)
    page.wait_for_selector(".log-state[data-state=live]")
    page.keyboard.press("Space")
    count = page.evaluate(COUNT)
    page.wait_for_selector(".log-more >> text=/^[2-9] new lines/")
    assert page.evaluate(COUNT) == count
    page.keyboard.press("Space")
    grown(page, count + 1)


def test_a_search_is_counted_marked_and_stepped_through(visiting: Visiting) -> None:
    page = opened(visiting, "/logs?text=request")
    page.keyboard.press("Space")
    page.wait_for_selector(".log-text mark >> text=request")  # what the filter found
    page.keyboard.press("/")
    page.keyboard.type("took 4")
    page.wait_for_selector(".log-hits >> text=/lines$/")
    page.keyboard.press("Enter")
    page.wait_for_selector(".log-hits >> text=/^[0-9,]+ of/")
    first = page.get_attribute(SELECTED, "id")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    wait_for(
        page,
        "before => document.querySelector('.log-row[aria-selected=true]')?.id !== before",
        first,
    )
    assert "took 4" in page.inner_text(f"{SELECTED} mark >> nth=-1")


def test_a_log_never_becomes_a_page(visiting: Visiting) -> None:
    page = opened(visiting, "/logs?text=onerror")
    assert HOSTILE in page.inner_text(".log-text >> nth=-1")
    assert page.title() == "Logs · fleet"
    assert page.query_selector(".log img, .log script") is None
    page = opened(visiting, "/logs?container=worker&text=job")
    page.wait_for_selector(".log-text .ansi-own-fg")
    assert "\x1b" not in page.inner_text(".log-window")


def test_filters_are_in_the_address_and_a_line_has_its_own(visiting: Visiting) -> None:
    page = opened(visiting, "/logs?host=one&last=6h")
    page.fill("#logs-text", "took 77")
    page.wait_for_url("**/logs?host=one&text=took%2077&last=6h")
    page.wait_for_selector(".log-text mark >> text='took 77'")
    page.click(".logs-picker > summary")
    page.check("input[value='one/web']")
    page.wait_for_url("**container=one%2Fweb**")
    address = page.get_attribute(".log-window .log-row >> nth=3 >> .log-time a", "href")
    assert address is not None
    page = opened(visiting, address)
    page.wait_for_selector(SELECTED)
    assert str(page.get_attribute(SELECTED, "id"))[1:] in address
    assert page.inner_text(".log-state") == "Not live"


def test_nothing_grave_is_found(visiting: Visiting) -> None:
    visit = visiting()
    page = visit.go("/logs")
    page.wait_for_selector(".log-window .log-row")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_selector(".log-whole")
    assert visit.faults() == []
    page.set_viewport_size({"width": 360, "height": 800})
    assert visit.overflow() <= 0
