"""What people come for, from the first look to the answer, in a browser on three real Engines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Page, expect

from tests.lab.containers import ContainerSpec
from tests.lab.errors import MissingPartError
from tests.lab.fixtures import skip_or_fail
from tests.lab.workloads import WORKLOADS
from tests.pages.browsing import PATIENCE, wait_for
from tests.pages.conftest import Visiting
from tests.pages.site import Site, open_site

_CHAT = r"""n=0; while :; do n=$((n+1))
echo "{\"level\":\"info\",\"msg\":\"order $n stored\",\"user\":{\"id\":$n,\"tags\":[\"new\"]}}"
printf '\033[31mERROR\033[0m payment %s was refused\n' $n
echo "order $n shipped"; sleep 1; done"""
CHATTER = ContainerSpec(command=("sh", "-c", _CHAT))
# One host is soon found out, and soon back; the others keep their patience.
HASTY = """
[hosts.db-1.monitoring]
ping_interval = 1
connect_timeout = 5
request_timeout = 5
[hosts.db-1.retry]
maximum = 1
"""
FOCUS = "document.activeElement"
SELECTED = ".log-row[aria-selected=true]"
MOST_TABS = 150

pytestmark = pytest.mark.usefixtures("patient")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    workloads = {**WORKLOADS, "local": {**WORKLOADS["local"], "chatter": CHATTER}}
    with ExitStack() as stack:
        try:
            found = stack.enter_context(open_site(workloads, HASTY))
        except MissingPartError as error:
            skip_or_fail(str(error))
        yield found


@pytest.fixture
def patient() -> Iterator[None]:
    expect.set_options(timeout=PATIENCE)
    yield
    expect.set_options(timeout=5_000)


def keep(page: Page) -> None:
    """Mark a page: it is another one when it is loaded again."""
    page.evaluate("window.kept = true")


def is_kept(page: Page) -> bool:
    return bool(page.evaluate("window.kept === true"))


def tab_to(page: Page, selector: str) -> None:
    """Go by Tab alone to what is meant; wherever it stops the focus is to be seen."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate(f"{FOCUS} === document.body"):
            continue
        outline = page.evaluate(
            f"[getComputedStyle({FOCUS}).outlineStyle, {FOCUS}.outerHTML.slice(0, 200)]"
        )
        assert outline[0] != "none", f"the focus is not seen: {outline[1]}"
        if page.evaluate(f"wanted => {FOCUS}.matches(wanted)", selector):
            return
    raise AssertionError(f"{selector} is not reached by Tab")


def test_why_a_host_is_not_well_is_two_clicks_away(visiting: Visiting) -> None:
    page = visiting().live("/")
    expect(page.locator(".verdict")).to_contain_text("2 of 3 hosts need attention")
    first = page.locator("#hosts .unit").first
    expect(first).to_have_attribute("data-condition", "degraded")  # problems are on top
    page.click("a.unit-name[href='/hosts/db-1']")
    page.click("#host-containers a:text-is('queue')")
    expect(page.locator("#container-trouble")).to_contain_text("no /tmp/ok")


def test_from_a_crash_loop_to_the_line_that_tells_why(visiting: Visiting) -> None:
    page = visiting().live("/")
    page.click("#hosts a[href='/hosts/edge-1/containers/crasher']")
    expect(page.locator("#container-trouble")).to_contain_text("cannot reach the queue")
    line = page.locator("#container-log li").filter(has_text="cannot reach the queue").last
    line.locator("a").click()
    page.wait_for_selector(SELECTED)
    expect(page.locator(f"{SELECTED} .log-text")).to_contain_text("cannot reach the queue")
    # What was before and after it is there as well.
    expect(page.locator(".log-window .log-row").filter(has_text="starting").first).to_be_visible()


def test_a_search_is_an_address_and_is_there_again_on_the_way_back(visiting: Visiting) -> None:
    page = visiting().live("/containers")
    keep(page)
    page.locator("#search").press_sequentially("shop")
    page.wait_for_url("**/containers?q=shop")
    rows = page.locator("#live tbody tr a[href*='/containers/']")
    expect(page.locator("#live")).not_to_contain_text("burner")
    expect(rows.first).to_contain_text("shop-")
    assert is_kept(page)
    expect(page.locator("#search")).to_be_focused()  # who types goes on typing
    page.wait_for_selector("[data-liveness=live]")
    rows.first.click()
    page.wait_for_url("**/hosts/edge-1/containers/shop-*")
    page.go_back()
    expect(page.locator("#search")).to_have_value("shop")
    expect(page.locator("#live")).not_to_contain_text("burner")
    passed_on = visiting().go("/?q=edge&status=degraded")
    expect(passed_on.locator("#hosts .unit")).to_have_count(1)
    expect(passed_on.locator("input[name=status][value=degraded]")).to_be_checked()


def test_logs_are_searched_by_text_and_level_and_back_again(visiting: Visiting) -> None:
    page = visiting().go("/logs?container=local/chatter")
    page.wait_for_selector(".log-state[data-state=live]")
    page.fill("#logs-text", "refused")
    page.wait_for_url("**text=refused**")
    page.wait_for_selector(".log-text mark >> text=refused")
    expect(page.locator(".log-window .log-row").filter(has_text="shipped")).to_have_count(0)
    assert "\x1b" not in page.inner_text(".log-window")
    page.go_back()
    expect(page.locator("#logs-text")).to_have_value("")
    expect(page.locator(".log-window .log-row").filter(has_text="shipped").first).to_be_visible()
    page.check("input[name=level][value=error]")
    page.wait_for_url("**level=error**")
    expect(page.locator(".log-window .log-row:not([data-level=error])")).to_have_count(0)
    expect(page.locator(".log-window .log-row").first).to_contain_text("was refused")


def test_while_it_is_paused_a_line_of_json_is_unfolded(visiting: Visiting) -> None:
    page = visiting().go("/logs?container=local/chatter&text=stored")
    page.wait_for_selector(".log-state[data-state=live]")
    page.click(".log-pause")
    page.wait_for_selector(".log-more >> text=/^[1-9][0-9]* new line/")
    page.focus(".log-scroll")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator(f"{SELECTED} .log-whole")).to_contain_text("user")
    page.click(".log-pause")
    expect(page.locator(".log-more")).to_be_hidden()


def test_a_live_page_leaves_the_focus_and_who_tabs_gets_to_a_line_of_a_log(
    visiting: Visiting,
) -> None:
    page = visiting().live("/")
    tab_to(page, "#hosts .unit-name[href='/hosts/edge-1']")
    page.evaluate(
        """() => {
          const row = document.activeElement.closest('.unit');
          window.focused_ = document.activeElement;
          new MutationObserver(() => { window.changed_ = true; })
            .observe(row, {subtree: true, childList: true, characterData: true, attributes: true});
        }"""
    )
    wait_for(page, "() => window.changed_")  # it starts and ends again and again
    assert page.evaluate(f"{FOCUS} === window.focused_ && window.focused_.isConnected")
    tab_to(page, "#hosts [href='/hosts/edge-1/containers/crasher']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/crasher")
    tab_to(page, "#container-log header a")
    page.keyboard.press("Enter")
    page.wait_for_selector(".log-window .log-row")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowUp")
    expect(page.locator(SELECTED)).to_be_visible()


def test_how_hosts_are_shown_is_remembered(visiting: Visiting) -> None:
    page = visiting().live("/")
    assert page.get_attribute("html", "data-view") == "cards"  # they are few
    page.locator("input[name=view][value=table]").check(force=True)
    expect(page.locator(".hosts-head")).to_be_visible()
    page.reload()
    assert page.get_attribute("html", "data-view") == "table"
    expect(page.locator("input[name=view][value=table]")).to_be_checked()
    page.click(".hosts-head a.by-cpu")
    page.wait_for_url("**sort=-cpu")
    expect(page.locator(".hosts-head a.by-cpu")).to_have_attribute("aria-current", "true")


def test_the_palette_finds_a_container_and_gives_the_focus_back(visiting: Visiting) -> None:
    page = visiting().go("/logs")
    page.focus("#logs-text")
    page.keyboard.press("Control+k")
    page.wait_for_selector("#palette[open]")
    page.keyboard.press("Escape")
    expect(page.locator("#logs-text")).to_be_focused()
    page.keyboard.press("Control+k")
    page.keyboard.type("burner")
    page.wait_for_selector("#palette-hits [data-path$='/containers/burner'] >> nth=1")
    page.keyboard.press("ArrowDown")
    path = page.get_attribute("#palette-hits [aria-selected=true]", "data-path")
    assert path is not None
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{path}")


def test_a_host_is_cut_off_and_comes_back_while_somebody_looks(
    visiting: Visiting, site: Site
) -> None:
    page = visiting().live("/")
    keep(page)
    host = page.locator("#hosts .unit").filter(has=page.locator("a[href='/hosts/db-1']"))
    with site.cut_off("db-1"):
        expect(host).to_have_attribute("data-condition", re.compile("down|connecting"))
        expect(page.locator("#summary")).to_contain_text("db-1")
        expect(host.locator(".unit-why")).to_contain_text("Next attempt")
        expect(host.locator(".figures")).to_have_class(re.compile("stale"))
    expect(host).to_have_attribute("data-condition", "degraded")
    expect(host.locator(".unit-why")).to_have_count(0)
    assert is_kept(page)
