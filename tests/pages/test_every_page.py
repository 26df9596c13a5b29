"""What holds for every page: any width, light and dark, without a mouse, without complaints."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import Page

from tests.pages.browsing import wait_for
from tests.pages.conftest import Visiting
from tests.pages.site import Site

PAGES = (
    "/",
    "/containers",
    "/hosts/edge-1",
    "/hosts/edge-1/containers/crasher",
    "/hosts/db-1/containers/queue",
    "/logs",
    "/routes",
    "/routes/shop.demo.example",
    "/events",
    "/images",
    "/settings",
    "/nowhere",
)
WINDOWS: tuple[tuple[int, Literal["dark", "light"]], ...] = (
    (360, "dark"),
    (1280, "light"),
    (1920, "dark"),
)
# What a page still reads when it is loaded: charts their samples, the list of lines its own.
READING = "fleet-charts[aria-busy], fleet-log [aria-busy=true]"


def judge(visiting: Visiting, path: str, **cookies: str) -> Page:
    """Look at a page in all windows; it is resized as a window is, without being loaded again."""
    width, colours = WINDOWS[0]
    visit = visiting(width=width, dark=colours == "dark")
    visit.expected += ["404"] if path == "/nowhere" else []
    visit.page.context.add_cookies(
        [
            {"name": f"fleet-{name}", "value": value, "url": visit.origin}
            for name, value in cookies.items()
        ]
    )
    page = visit.go(path)
    wait_for(page, "wanted => !document.querySelector(wanted)", READING)
    for width, colours in WINDOWS:
        page.emulate_media(color_scheme=colours)
        page.set_viewport_size({"width": width, "height": 900})
        visit.settle()
        assert visit.overflow() <= 0, f"at {width} px"
        if width < 1920:  # what is wrong there is wrong in a narrower window as well
            assert visit.faults() == [], f"at {width} px, {colours}"
    return page


@pytest.mark.parametrize("path", PAGES)
def test_anybody_can_use_it_in_any_window(visiting: Visiting, path: str) -> None:
    page = judge(visiting, path)
    assert page.inner_text("h1")
    live = page.query_selector("[data-liveness]")
    if live is not None:
        page.wait_for_selector("[data-liveness=live]")


def test_anybody_can_use_the_table_of_hosts(visiting: Visiting) -> None:
    page = judge(visiting, "/", view="table")
    assert page.get_attribute("html", "data-view") == "table"


@pytest.mark.parametrize("path", ["/hosts/nowhere", "/hosts/edge-1/containers/gone"])
def test_what_is_not_there_is_told_as_a_page(visiting: Visiting, path: str) -> None:
    visit = visiting()
    visit.expected.append("404")
    page = visit.go(path)
    assert page.inner_text("main .notice")
    assert page.query_selector("main a[href]") is not None  # it leads on


@pytest.mark.parametrize("path", ["/", "/hosts/edge-1", "/hosts/edge-1/containers/crasher"])
def test_it_tells_all_without_scripts(site: Site, path: str) -> None:
    told = site.asked(path).decode()
    assert "edge-1" in told
    assert "crasher" in told
    assert "restarting" in told or "looping" in told


def test_the_palette_leads_to_a_host_without_a_mouse(visiting: Visiting) -> None:
    page = visiting().go("/")
    page.keyboard.press("Control+k")
    page.wait_for_selector("#palette[open]")
    page.keyboard.type("edge")
    page.wait_for_selector("#palette-hits [data-path='/hosts/edge-1'][aria-selected=true]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/hosts/edge-1")


def test_the_chosen_colours_are_there_at_once_the_next_time(visiting: Visiting) -> None:
    page = visiting(dark=True).go("/")
    page.click("[data-theme-switch]")  # system to light
    page.reload()
    assert page.get_attribute("html", "data-theme") == "light"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(245, 246, 248)"
