"""The page of one host, in a browser, while the host is cut off and comes back."""

from __future__ import annotations

from tests.pages.browsing import PATIENCE
from tests.pages.conftest import Visiting
from tests.pages.site import Site

CUT = 4 * PATIENCE  # an Engine that is silent is given time to answer


def test_being_cut_off_and_coming_back_needs_no_reload(visiting: Visiting, site: Site) -> None:
    visit = visiting()
    page = visit.live("/hosts/edge-1")
    page.evaluate("window.loadedOnce = true")
    head, log = page.locator("#host-head"), page.locator("#host-connections")
    with site.cut_off("edge-1"):
        head.locator(".state", has_text="down").wait_for(timeout=CUT)
        assert "fleet doctor edge-1" in head.inner_text()
        log.get_by_text("so far").first.wait_for()
        page.locator("#host-machine.stale").wait_for()
        page.locator("#host-containers.stale").wait_for()
        assert visit.faults() == []
    head.locator('.state:not([data-tone="bad"])').wait_for(timeout=CUT)
    log.get_by_text("then reconnected").first.wait_for()
    assert page.locator("#host-containers.stale").count() == 0
    assert page.evaluate("window.loadedOnce") is True


def test_it_can_be_used_at_any_width_and_printed(visiting: Visiting) -> None:
    for width, dark in ((360, True), (1280, False)):
        visit = visiting(width=width, dark=dark)
        visit.live("/hosts/edge-1?span=30d")
        assert visit.overflow() <= 0, f"at {width} px"
        assert visit.faults() == []
    page = visit.page
    page.emulate_media(media="print")
    assert not page.locator("header.top").is_visible()
    assert page.locator(".host-report").is_visible()
    assert page.locator("#host-connections").is_visible()
