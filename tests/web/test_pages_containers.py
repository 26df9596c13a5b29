"""The page of all containers: which are shown in which order, a page at a time, and live."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
import trio.testing
from msgspec.structs import replace

from tests.web.asgi import Answer
from tests.web.fleet_in_memory import START, make_stats
from tests.web.test_pages_fleet import HOSTILE, Site, text
from web.documents import (
    ComposeDocument,
    ContainerDocument,
    ContainerHealthDocument,
    PortDocument,
)
from web.pages.containers_page import ROWS

SHOWN = {
    "": ["api", "old", "web", "db", "web"],
    "sort=-name": ["web", "web", "old", "db", "api"],
    "sort=-cpu": ["web", "db", "api", "old", "web"],
    "group=project": ["api", "web", "old", "db", "web"],
    "group=host&sort=-host": ["api", "old", "web", "db", "web"],
    "host=one&host=&state=": ["api", "old", "web"],
    "host=one&host=two": ["api", "old", "web", "db", "web"],
    "state=exited": ["old"],
    "health=unhealthy": ["web"],
    "label=site%3Dfra": ["web"],
    "project=shop": ["api", "web"],
    "q=SHOP%2Fapi": ["api"],
    "q=two": ["db", "web"],
    "trouble=true": ["old", "web"],
    "host=nowhere": [],
}


@pytest.fixture
def site() -> Site:
    site = Site()
    site.host("one", labels={"site": "berlin"})
    site.host("two")
    put(site, "one", "api", compose=ComposeDocument(project="shop", service="api"))
    put(site, "one", "old", state="exited", exit_code=3, finished=START)
    put(site, "one", "web", cpu=50.0, compose=ComposeDocument(project="shop", service="web"))
    put(site, "two", "db", cpu=7.0)
    sick = ContainerHealthDocument(status="unhealthy", source="healthcheck")
    put(site, "two", "web", health=sick, labels={"site": "fra"})
    return site


def put(
    site: Site, host: str, name: str, *, cpu: float | None = None, **changes: Any
) -> ContainerDocument:
    """A container that uses so much CPU; without it nothing is known of what it uses."""
    made = site.fleet.add_container(host, name)
    stats = None if cpu is None else replace(make_stats(), cpu_percent=cpu)
    changed = replace(made, stats=stats, **changes)
    site.fleet.known_containers[site.fleet.known_containers.index(made)] = changed
    return changed


async def page_of(site: Site, query: str = "") -> str:
    answer = await site.asking.ask("GET", "/containers", query=query)
    assert answer.status == 200, answer.body
    return answer.body.decode()


def names(page: str) -> list[str]:
    return re.findall(r'class="of-name"><a href="/hosts/[^/]+/containers/([^"]+)"', page)


async def test_those_that_are_asked_for_come_in_the_order_asked_for(site: Site) -> None:
    for query, expected in SHOWN.items():
        page = await page_of(site, query)
        assert names(page) == expected, query
        assert ("No container matches." in page) == (not expected)
        filtered = not query.startswith(("sort", "group")) and bool(query)
        assert ("Clear the filter" in page) == filtered, query
    for query in ("sort=colour", "state=lost", "cursor=x", "colour=red"):
        assert (await site.asking.ask("GET", "/containers", query=query)).status == 400, query


async def test_groups_count_all_that_match(site: Site) -> None:
    said = text(await page_of(site, "group=project"))
    assert "shop 2 " in said
    assert "In no Compose project 3 " in said
    assert "one 2 " in text(await page_of(site, "group=host&q=shop"))


async def test_a_container_is_told_in_a_line(site: Site) -> None:
    ports = tuple(
        PortDocument(container_port=n, protocol="tcp", host_ip=ip, host_port=n + 8000)
        for n in range(80, 85)
        for ip in ("127.0.0.1", "::1")
    )
    put(site, "one", "zoo", cpu=1.5, ports=ports, stale_since=START, restart_count=4711)
    said = text(await page_of(site, "q=zoo"))
    assert "running zoo one app:1 1.5% 10 B of 100 B 4711 8080→80 8081→81 8082→82 +2" in said
    assert "as of" in said
    assert 'class="stale"' in await page_of(site, "q=zoo")
    assert "exited (3)" in text(await page_of(site, "q=old"))


async def test_nothing_that_others_named_is_more_than_text(site: Site) -> None:
    compose = ComposeDocument(project=HOSTILE, service=HOSTILE)
    put(site, "one", HOSTILE, image=HOSTILE, labels={HOSTILE: HOSTILE}, compose=compose)
    for query in ("", "group=project", "label=%3Cimg&label=%3Cimg%20src", "q=%3Cimg"):
        page = await page_of(site, query)
        assert "<img" not in page
        assert "49" not in text(page)
    assert len(names(await page_of(site))) == 6


async def test_who_sees_some_hosts_is_told_of_no_other(site: Site) -> None:
    asking = site.narrowed()
    for query in ("", "group=host", "host=two", "trouble=true"):
        page = (await asking.ask("GET", "/containers", query=query)).body.decode()
        assert not re.search(r"\b(db|fra)\b", text(page)), query
        assert names(page) in ([], ["old"], ["api", "old", "web"])
    assert ">two</a>" not in page


async def test_pages_follow_each_other_without_loss(site: Site) -> None:
    for number in range(ROWS + 10):
        put(site, "two", f"x-{number:04}")
    page = await page_of(site, "host=two")
    assert f"1 to {ROWS} of {ROWS + 12} that match" in text(page)
    (after,) = re.findall(r'rel="next" href="/containers\?([^"]+)"', page)
    rest = await page_of(site, unescape(after))
    assert len(names(rest)) == 12
    assert not set(names(page)) & set(names(rest))
    assert f"{ROWS + 1} to {ROWS + 12} of {ROWS + 12}" in text(rest)
    assert "First page" in rest
    assert 'rel="next"' not in rest
    del site.fleet.known_containers[3:]
    assert "Nothing is left on this page." in await page_of(site, unescape(after))


async def test_a_stream_sends_only_the_rows_of_the_page_that_changed(
    autojump_clock: trio.testing.MockClock,  # noqa: ARG001 - its pace needs no waiting
    site: Site,
) -> None:
    page = await page_of(site, "host=one")
    (path, query) = re.findall(r'sse-connect="(/live/containers)\?([^"]*)"', page)[0]

    def happen(answer: Answer) -> bool:
        events = answer.body.count(b"event: regions")
        if events == 1:
            for place, one in enumerate(site.fleet.known_containers):
                if one.name == "web":
                    site.fleet.known_containers[place] = replace(one, state="paused")
            site.live.container("web", "paused")
        return events == 2

    answer = await site.asking.ask("GET", path, query=unescape(query), enough=happen)
    last = answer.body.decode().rpartition("event: regions")[2]
    assert names(last) == ["web"]
    assert "paused" in last
    assert "<template><tr" in last
    assert 'id="containers"' not in answer.body.decode(), "the page has it"


async def test_an_order_by_restless_figures_is_held_and_what_went_is_gone(
    autojump_clock: trio.testing.MockClock,  # noqa: ARG001 - its pace needs no waiting
    site: Site,
) -> None:
    began = trio.current_time()

    def happen(answer: Answer) -> bool:
        if b"event: regions" in answer.body:
            for place, one in enumerate(site.fleet.known_containers):
                if one.name == "db":
                    stats = replace(make_stats(), cpu_percent=99.0)
                    site.fleet.known_containers[place] = replace(one, stats=stats)
        return answer.body.count(b'id="containers"') == 2

    answer = await site.asking.ask("GET", "/live/containers", query="sort=-cpu", enough=happen)
    first, *_, last = (names(part) for part in answer.body.decode().split('id="containers"')[1:])
    assert (first[:2], last[:2]) == (["web", "db"], ["db", "web"])
    assert trio.current_time() - began >= 10.0
