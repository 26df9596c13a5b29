"""The page of events: loops in one row, noise hidden and counted, and what is new as it comes."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import trio.testing
from msgspec.structs import replace

from tests.web.asgi import Answer, Asking
from tests.web.fleet_in_memory import START, FleetInMemory, make_event
from tests.web.history_in_memory import HistoryInMemory
from web.access.model import Access
from web.access.static import StaticAuthority
from web.app import create_app
from web.documents import EventDocument
from web.pages.events_draw import FIRST
from web.pages.events_fold import Loop, folded, quieted
from web.parts import Admitting, Serving, Shown

HOSTILE = "<img src=x onerror=alert(1)>\"'{rows}{{ 7*7 }}"
FRA = Access(kind="anonymous", scope=(("site", "fra"),))


class Site:
    """Two hosts in memory, and what happened on them."""

    def __init__(self) -> None:
        self.fleet = FleetInMemory()
        self.history = HistoryInMemory()
        for name, site in (("one", "fra"), ("two", "berlin")):
            host = self.fleet.add_host(name)
            self.fleet.known_hosts[name] = replace(host, labels={"site": site})
        self.shown = Shown(self.fleet, self.history)
        self.asking = Asking(create_app(self.shown, serving=Serving(heartbeat=60.0)))

    def emit(self, action: str, name: str = "web", **changes: Any) -> EventDocument:
        """An event with other fields than usual."""
        event = self.fleet.emit(action, name=name)
        changed = replace(event, actor_id=name.encode().hex()[:64], **changes)
        self.fleet.held[-1] = changed
        return changed

    async def page(self, query: str = "") -> str:
        answer = await self.asking.ask("GET", "/events", query=query)
        assert answer.status == 200, answer.body
        return answer.body.decode()


def text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def rows(page: str) -> list[str]:
    """What each row of the feed says; what is unfolded of it is a part."""
    parts = re.split(r'<li id="(?:event|loop)-', page.rpartition("</section>")[0])[1:]
    return [text(f"<{part.partition('</section>')[0]}") for part in parts]


def event(number: int, action: str, name: str = "web", **changes: Any) -> EventDocument:
    made = make_event(number, action, name=name)
    return replace(made, actor_id=name.encode().hex(), **changes)


def crashes(times: int, name: str = "crasher", every: int = 30) -> list[EventDocument]:
    """The newest first."""
    found = []
    for turn in range(times):
        found.append(event(turn * every, "start", name))
        found.append(event(turn * every + 5, "die", name, exit_code=3))
    return found[::-1]


@pytest.fixture
def site() -> Site:
    return Site()


def test_a_container_that_ends_again_and_again_is_one_row() -> None:
    once = event(45, "start", "other")
    found = sorted([*crashes(12), once], key=lambda one: one.time_nano, reverse=True)
    loop, other = folded(found)
    assert isinstance(loop, Loop)
    assert (loop.ends, loop.codes, loop.name, len(loop.events)) == (12, (3,), "crasher", 24)
    assert loop.seconds == 11 * 30 + 5
    assert other is once
    assert folded(crashes(2)) == crashes(2)
    apart = crashes(4, every=700)
    assert folded(apart) == apart, "so seldom it is no loop"


def test_noise_is_what_hardly_anybody_looks_for() -> None:
    quiet = ["start", "health_status: unhealthy", "health_status: healthy", "die"]
    noise = ["exec_create: sh", "exec_die", "health_status: healthy", "top"]
    found = [event(number, action) for number, action in enumerate([*noise, *quiet])][::-1]
    assert [one.action for one in quieted(found)] == quiet[::-1]
    linked = event(1, "connect", type="network")
    assert quieted([linked]) == []
    assert quieted([replace(linked, action="create")])


async def test_the_newest_come_first_and_what_is_bad_has_a_word(site: Site) -> None:
    site.emit("start")
    site.emit("exec_start: sh")
    site.emit("oom")
    site.emit("die", exit_code=137, attributes={"exitCode": "137"})
    site.emit("tag", name="redis:7", type="image")
    page = await site.page()
    said = rows(page)
    assert [re.sub(r"^\S+ ", "", row) for row in said] == [
        "tag one image redis:7",
        "die exit code 137 one web 1 attribute exitCode 137 id 776562",
        "oom one web",
        "start one web",
    ]
    assert 'class="event" data-event data-tone="bad"' in page
    assert "4 events, 1 of noise hidden. Show noise" in text(page)
    assert 'href="/hosts/one/containers/776562"' in page
    assert 'href="/images/redis%3A7"' in page
    assert "exec_start: sh" in text(await site.page("noise=true"))


async def test_filters_search_and_span_leave_what_is_asked_for(site: Site) -> None:
    site.emit("start", "web")
    site.emit("die", "db", host="two", attributes={"stage": "prod"})
    site.emit("pull", "redis:7", type="image")
    expected = {
        "host=two": ["die two db"],
        "type=image": ["pull one image redis:7"],
        "action=start&action=pull": ["pull one image redis:7", "start one web"],
        "container=two/db": ["die two db"],
        "label=stage%3Dprod": ["die two db"],
        "q=PROD": ["die two db"],
        "since=2026-01-01T00:00:03": ["pull one image redis:7"],
        "until=2026-01-01T00:00:02Z": ["start one web"],
        "q=nothing": [],
    }
    for query, found in expected.items():
        page = await site.page(query)
        said = [re.sub(r"^\S+ | \d+ attributes?.*$", "", row) for row in rows(page)]
        assert said == found, query
        assert ("sse-connect" in page) == ("until" not in query)
    assert "No event matches" in await site.page("q=nothing")
    for wrong in ("host=nobody", "since=once", "cursor=x"):
        assert (await site.asking.ask("GET", "/events", query=wrong)).status == 400
    assert "Nothing has happened yet." in text(await Site().page())


async def test_older_ones_are_a_link_away_and_none_is_left_out_between(site: Site) -> None:
    many = FIRST + 40
    stored = [event(number, "start", f"old-{number}") for number in range(many)]
    site.history.events = [replace(one, number=0) for one in stored]
    first = await site.page()
    (cursor,) = re.findall(r'hx-get="/events\?cursor=([^&"]+)&amp;part=1"', first)
    second = await site.page(f"cursor={cursor}&part=3")
    names = re.findall(r">(old-\d+)</a>", first + second)
    assert names == [f"old-{number}" for number in reversed(range(many))]
    assert len(rows(first)) == FIRST
    assert "Older events" not in second
    assert "not live" in second


async def test_without_history_the_live_part_is_shown_with_a_notice(site: Site) -> None:
    site.emit("start")
    site.history.away = "the database restarts"
    page = await site.page()
    assert "Older events are missing: the database restarts" in text(page)
    assert len(rows(page)) == 1


async def test_who_sees_some_hosts_is_told_of_no_other(site: Site) -> None:
    site.emit("start", "seen")
    site.emit("start", "hidden", host="two")
    asking = Asking(create_app(site.shown, Admitting(authority=StaticAuthority(None, FRA))))
    page = text((await asking.ask("GET", "/events")).body.decode())
    assert "seen" in page
    assert not re.search(r"\b(hidden|two)\b", page)


async def test_nothing_that_others_named_is_more_than_text(site: Site) -> None:
    for kind in ("container", "image", "network", HOSTILE):
        site.emit(HOSTILE, HOSTILE, type=kind, attributes={HOSTILE: HOSTILE, "container": HOSTILE})
    for one in crashes(4, HOSTILE)[::-1]:
        site.fleet.held.append(replace(one, number=len(site.fleet.held) + 1))
    page = await site.page()
    assert "start, die (3) x 4" in page
    assert "<img" not in page
    assert "49" not in text(page).replace("x49", "")


async def test_a_stream_sends_the_minute_that_something_came_to(
    autojump_clock: trio.testing.MockClock,  # noqa: ARG001 - its pace needs no waiting
    site: Site,
) -> None:
    site.emit("start", "before")
    site.emit("start", "later", time=START + timedelta(minutes=5), time_nano=10**9 * 300)
    page = await site.page()
    (path, query) = re.findall(r'sse-connect="(/live/events)\?([^"]*)"', page)[0]

    def happen(answer: Answer) -> bool:
        events = answer.body.count(b"event: regions")
        if events == 1:
            site.emit("start", "now")
        return events == 2

    answer = await site.asking.ask("GET", path, query=query, enough=happen)
    first, second = answer.body.decode().split("event: regions")[1:]
    assert 'id="events"' not in first, "the page has it"
    assert ">now</a>" in second
    assert ">later</a>" not in second
    assert 'id="events"' not in second
