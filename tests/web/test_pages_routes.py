"""The pages of routes: what is shown of whom, what is wrong first, and what labels would make."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import pytest
import trio.testing

from tests.web.asgi import Answer, Asking
from tests.web.fleet_in_memory import START, FleetInMemory
from tests.web.history_in_memory import HistoryInMemory
from tests.web.routes_in_memory import RoutesInMemory
from web.access.model import Access
from web.access.static import StaticAuthority
from web.app import create_app
from web.documents import HostDocument
from web.pages.routes_preview import labels_of
from web.parts import Admitting, Serving, Shown
from web.problems import Problem

HOSTILE = "<img src=x onerror=alert(1)>\"'{rows}{{ 7*7 }}"
FRA = Access(kind="anonymous", scope=(("site", "fra"),))


class Site:
    """A table of routes in memory, with two hosts."""

    def __init__(self) -> None:
        self.fleet = FleetInMemory()
        self.routes = RoutesInMemory()
        self.history = HistoryInMemory()
        for name, site in (("one", "fra"), ("two", "berlin")):
            self.fleet.known_hosts[name] = HostDocument(
                name=name,
                connection="local",
                target="unix:///x",
                status="up",
                since=START,
                labels={"site": site},
            )
            self.routes.add_host(name, site=site)
        self.shown = Shown(self.fleet, self.history, routing=self.routes)
        self.asking = Asking(create_app(self.shown, serving=Serving(heartbeat=60.0)))

    async def page(self, path: str = "/routes", query: str = "") -> str:
        answer = await self.asking.ask("GET", path, query=query)
        assert answer.status == 200, answer.body
        return answer.body.decode()

    async def preview(self, text: str, host: str = "", **headers: str) -> Answer:
        body = urlencode({"text": text, "host": host}).encode()
        given = {"content-type": "application/x-www-form-urlencoded", **headers}
        return await self.asking.ask("POST", "/routes", headers=given, body=body)


def text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def rows(page: str) -> list[str]:
    return re.findall(r'<tr id="[^"]*".*?</tr>', page, re.DOTALL)


def domains(page: str) -> list[str]:
    return [re.findall(r'class="domain"[^>]*>([^<]*)<', row)[0] for row in rows(page)]


@pytest.fixture
def site() -> Site:
    site = Site()
    site.routes.put("one", "web-1", "shop.example.com")
    site.routes.put("two", "web-2", "shop.example.com", health="unhealthy")
    site.routes.put("two", "zoo", "zoo.example.com", port=9000)
    site.routes.put("two", "sick", "sick.example.com", port=9001, health="unhealthy")
    site.routes.put("one", "late", "late.example.com", state="exited", port=9002)
    site.routes.put("one", "rival", "zoo.example.com", port=9003, websocket="true")
    site.routes.put("one", "typo", "typo.example.com", port=9004, strip_prefx="yes")
    return site


async def test_problems_come_first_and_filters_leave_what_is_asked_for(site: Site) -> None:
    page = await site.page()
    assert domains(page)[:2] == ["sick.example.com", "shop.example.com"]
    shop = next(row for row in rows(page) if "shop.example.com" in row)
    said = text(shop)
    assert said.startswith("degraded shop.example.com")
    assert "unhealthy two / web-2 10.0.0.2:8080" in said
    assert "up one / web-1 10.0.0.1:8080" in said
    assert 'href="https://shop.example.com/" rel="noreferrer noopener"' in shop
    assert 'href="/hosts/two/containers/web-2"' in shop
    expected = {
        "domain=sho": ["shop.example.com"],
        "domain=*.EXAMPLE.com&status=down": ["sick.example.com"],
        "label=site%3Dfra&status=up": ["typo.example.com", "zoo.example.com"],
        "host=two&host=one&status=degraded": ["shop.example.com"],
        "domain=nothing": [],
    }
    for query, found in expected.items():
        page = await site.page(query=query)
        assert domains(page) == found, query
        assert ("Clear the filter" in page) == (not found)
    assert (await site.asking.ask("GET", "/routes", query="host=nobody")).status == 400
    assert (await site.asking.ask("GET", "/routes", query="cursor=x")).status == 400


async def test_each_list_tells_who_and_why(site: Site) -> None:
    said = text(await site.page())
    assert re.search(r"Routes 4 1 down 1 degraded Issues \d Conflicts 1 Waiting 1 Changes", said)
    issues = await site.page(query="tab=issues")
    assert "snadboy.revp.strip-prefix" in issues
    assert 'href="/hosts/one/containers/typo"' in issues
    conflicts = text(await site.page(query="tab=conflicts"))
    assert "wins one / rival" in conflicts
    assert "with other websocket" in conflicts
    assert "late.example.com one / late" in text(await site.page(query="tab=waiting"))
    changes = text(await site.page(query="tab=changes&domain=zoo"))
    assert "added, up zoo.example.com served by two/zoo" in changes
    assert "shop" not in changes
    site.history.away = "it restarts"
    assert "Older changes are missing: it restarts" in text(await site.page(query="tab=changes"))


async def test_a_domain_says_why_it_answers_as_it_does(site: Site) -> None:
    said = text(await site.page("/routes/shop.example.com"))
    assert "degraded 1 of 2 backends get requests" in said
    assert "unhealthy gets no requests two / web-2" in said
    assert "taken published:" in said
    page = await site.page("/routes/shop.example.com")
    assert 'href="/api/revp/traefik?domain=shop.example.com"' in page
    late = text(await site.page("/routes/late.example.com"))
    assert "no route Proxies answer 404: what asks for it is not served" in late
    answer = await site.asking.ask("GET", "/routes/shpo.example.com")
    assert answer.status == 404
    assert "shop.example.com" in text(answer.body.decode())
    site.routes.put("two", "star", "*.example.com", port=9100)
    assert "served by *.example.com" in text(await site.page("/routes/new.example.com"))


async def test_what_labels_would_make_is_shown_and_nothing_is_changed(site: Site) -> None:
    before = site.routes.table()
    answer = await site.preview(
        "labels:\n  - 'snadboy.revp.80.domain=shop.example.com'\n"
        "snadboy.revp.81.domain: new.example.com\n--label snadboy.revp.81.wieght=2",
        "one",
    )
    said = text(answer.body.decode())
    assert answer.status == 200
    assert "new.example.com up one/container 10.0.0.1:81 nobody has it yet" in said
    assert "joins" in said
    assert "Probably meant: snadboy.revp.81.weight" in said
    compose = (
        "services:\n  web:\n    labels: {snadboy.revp.domain: a.example.com}\n    ports: ['80:80']"
    )
    said = text((await site.preview(compose)).body.decode())
    assert "a.example.com up HOST/web" in said
    for wrong in ("", "what is this", "services: [1"):
        refused = await site.preview(wrong)
        assert refused.status == 200
        assert "It cannot be read." in refused.body.decode()
    hostile = (await site.preview(f"snadboy.revp.domain={HOSTILE}")).body.decode()
    assert "<img" not in hostile
    assert site.routes.table() == before
    elsewhere = await site.preview("a=b", origin="https://evil.example")
    assert elsewhere.status == 403


def test_labels_are_read_as_people_have_them() -> None:
    lines = '{\n"a.b": "1",\n- c.d=x=y\n# no\n  e.f: "a: b"\n--label g.h=2 \\\n}'
    assert labels_of(lines) == {"a.b": "1", "c.d": "x=y", "e.f": "a: b", "g.h": "2"}
    with pytest.raises(Problem, match="Line 1"):
        labels_of("nothing")


async def test_who_sees_some_hosts_is_told_of_no_other(site: Site) -> None:
    admitting = Admitting(authority=StaticAuthority(None, FRA))
    asking = Asking(create_app(site.shown, admitting))
    paths = [("/routes", f"tab={tab}") for tab in ("routes", "issues", "conflicts", "changes")]
    for path, query in (*paths, ("/routes/shop.example.com", ""), ("/routes/zoo.example.com", "")):
        answer = await asking.ask("GET", path, query=query)
        assert answer.status == 200
        assert not re.search(r"two ?/|web-2|sick|berlin|10\.0\.0\.2", text(answer.body.decode())), (
            query
        )
    assert (await asking.ask("GET", "/routes/sick.example.com")).status == 404


async def test_nothing_that_others_named_is_more_than_text(site: Site) -> None:
    site.routes.put(HOSTILE, "x", "a.example.com")
    said: dict[str, Any] = {HOSTILE: HOSTILE, "title": HOSTILE}
    site.routes.put("one", "bad", "b.example.com", port=9300, **said)
    for path in ("/routes", "/routes?tab=issues", "/routes?tab=changes", "/routes/b.example.com"):
        page = await site.page(*path.split("?"))
        assert "<img" not in page, path
        assert "49" not in text(page), path


async def test_without_a_table_it_is_said() -> None:
    asking = Asking(create_app(Shown(FleetInMemory(), None)))
    answer = await asking.ask("GET", "/routes")
    assert answer.status == 200
    assert "No table of routes is kept here." in text(answer.body.decode())
    assert b"sse-connect" not in answer.body


async def test_a_stream_sends_the_row_that_changed(
    autojump_clock: trio.testing.MockClock,  # noqa: ARG001 - its pace needs no waiting
    site: Site,
) -> None:
    page = await site.page()
    (path, query) = re.findall(r'sse-connect="(/live/routes)\?([^"]*)"', page)[0]

    def happen(answer: Answer) -> bool:
        events = answer.body.count(b"event: regions")
        if events == 1:
            site.routes.put("one", "typo", "typo.example.com", port=9077)
        return events == 2

    answer = await site.asking.ask("GET", path, query=query, enough=happen)
    _, second = answer.body.decode().split("event: regions")[1:]
    assert domains(second.replace("\ndata:", "")) == ["typo.example.com"]
    assert "10.0.0.1:9077" in second
