"""What holds for every page: any width, light and dark, without a mouse, without complaints."""

from __future__ import annotations

import pytest

from tests.pages.conftest import Visiting

PAGES = ("/",)


@pytest.mark.parametrize("path", PAGES)
def test_nothing_grave_is_found_and_nothing_is_wider_than_the_window(
    visiting: Visiting, path: str
) -> None:
    for width, dark in ((360, True), (1280, False), (1920, True)):
        visit = visiting(width=width, dark=dark)
        visit.go(path)
        assert visit.overflow() <= 0, f"at {width} px"
        assert visit.faults() == []


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
