"""The fleet's page: who comes first, what is told of whom, and what a stream sends of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
import trio.testing
from msgspec.structs import replace

from tests.web.asgi import Answer, Asking
from tests.web.fleet_in_memory import START, FleetInMemory
from tests.web.history_in_memory import HistoryInMemory
from tests.web.live_in_memory import LiveInMemory
from web.access.model import Access
from web.access.static import StaticAuthority
from web.app import create_app
from web.documents import (
    ContainerHealthDocument,
    ErrorDocument,
    HostDocument,
    MachineDocument,
    StorageDocument,
)
from web.history import Span
from web.history_documents import HostsStatsHistoryDocument
from web.pages.sparklines import Sparks, polyline
from web.pages.troubles import troubles
from web.parts import Admitting, Serving, Shown

HOSTILE = "<img src=x onerror=alert(1)>\"'{rows}{{ 7*7 }}"
BERLIN = Access(kind="anonymous", scope=(("site", "berlin"),))


class Site:
    """A fleet in memory, asked without a socket."""

    def __init__(self, history: HistoryInMemory | None = None) -> None:
        self.fleet = FleetInMemory()
        self.live = LiveInMemory()
        self.history = history or HistoryInMemory()
        self.shown = Shown(self.fleet, self.history, live=self.live)
        self.asking = Asking(create_app(self.shown, serving=Serving(heartbeat=60.0)))

    def narrowed(self) -> Asking:
        """The same as who sees the hosts in Berlin."""
        admitting = Admitting(authority=StaticAuthority(None, BERLIN))
        return Asking(create_app(self.shown, admitting))

    def host(self, name: str, cpu: float | None = None, **changes: Any) -> HostDocument:
        """A host that is up unless it is said otherwise; `cpu` is in percent of its machine."""
        made = self.fleet.add_host(name)
        made = replace(made, machine=None if cpu is None else machine(cpu), **changes)
        self.fleet.known_hosts[name] = made
        return made

    def sicken(self, host: str, name: str) -> None:
        """A container that is unhealthy, counted by its host."""
        container = self.fleet.add_container(host, name)
        sick = replace(
            container, health=ContainerHealthDocument(status="unhealthy", source="state")
        )
        self.fleet.known_containers[self.fleet.known_containers.index(container)] = sick
        known = self.fleet.known_hosts[host]
        counts = replace(known.containers, unhealthy=known.containers.unhealthy + 1)
        self.fleet.known_hosts[host] = replace(known, containers=counts)

    async def page(self, query: str = "") -> str:
        answer = await self.asking.ask("GET", "/", query=query)
        assert answer.status == 200, answer.body
        return answer.body.decode()


def machine(cpu: float) -> MachineDocument:
    return MachineDocument(
        time=START,
        source="machine",
        cpus=4,
        cpu_percent=cpu * 4,
        load_1=1.0,
        load_5=1.0,
        load_15=1.0,
        memory_total=1000,
        memory_used=250,
        swap_total=None,
        swap_used=None,
        disk_total=1000,
        disk_used=950,
    )


def names(page: str) -> list[str]:
    return re.findall(r'<a class="unit-name" href="/hosts/([^"]+)"', page)


def text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


@pytest.fixture
def site() -> Site:
    site = Site()
    site.host("good", 5.0, labels={"site": "fra"})
    site.host("busy", 80.0, labels={"site": "berlin"})
    site.host("sick", 40.0, labels={"site": "berlin", "env": "prod"})
    site.sicken("sick", "web")
    site.host("new", status="connecting")
    site.host("off", status="disabled")
    error = ErrorDocument(kind="refused", message="no route to 10.0.0.9", hint="Look at the cable.")
    site.host("gone", 99.0, status="down", error=error, stale_since=START, target="ssh://10.0.0.9")
    return site


ORDERS = {
    "": ["gone", "new", "sick", "busy", "good", "off"],
    "sort=name": ["busy", "gone", "good", "new", "off", "sick"],
    "sort=-cpu": ["gone", "busy", "sick", "good", "new", "off"],
    "group=site": ["sick", "busy", "good", "gone", "new", "off"],
    "status=up&sort=name": ["busy", "good"],
    "label=site%3Dberlin": ["sick", "busy"],
    "label=env": ["sick"],
    "q=CABLE": [],
    "q=10.0.0.9": ["gone"],
    "q=site%3Dfra": ["good"],
    "q=sick&status=down": [],
}


async def test_who_needs_somebody_comes_first_unless_asked_otherwise(site: Site) -> None:
    for query, order in ORDERS.items():
        page = await site.page(query)
        assert names(page) == order
        filtered = query.startswith(("status", "label", "q"))
        assert ("Clear the filter" in page) == filtered
        assert ("No host matches." in page) == (not order)
    refused = await site.asking.ask("GET", "/", query="sort=colour")
    assert refused.status == 400


async def test_the_top_says_who_it_is_and_why(site: Site) -> None:
    said = text(await site.page())
    assert "3 of 6 hosts need attention" in said
    assert "down gone for" in said
    assert "unhealthy web on sick" in said
    assert "1 down 1 connecting 1 degraded 2 up 1 disabled" in said
    page = await site.page()
    assert '<a href="/hosts/sick/containers/web">web</a>' in page
    for name in ("gone", "new", "sick"):
        del site.fleet.known_hosts[name]
    assert "All 2 hosts that are enabled are well" in text(await site.page())


async def test_each_group_says_how_many_are_how(site: Site) -> None:
    said = text(await site.page("group=site"))
    assert "site berlin 2 hosts 1 degraded 1 up" in said
    assert "Without site 3 hosts 1 down 1 connecting 1 disabled" in said


async def test_what_a_host_that_is_away_shows_is_marked_as_old(site: Site) -> None:
    page = await site.page("q=gone")
    said = text(page)
    assert 'class="figures stale"' in page
    assert "Figures are as of" in said
    assert "no route to 10.0.0.9 Look at the cable." in said
    assert "Never seen since fleet started." in said
    assert 'class="figures stale"' not in await site.page("q=good")


async def test_the_first_few_ailing_containers_are_links_and_the_rest_one(site: Site) -> None:
    for number in range(7):
        site.sicken("good", f"app-{number}")
    crashed = site.fleet.add_container("good", "batch", state="exited")
    stopped = site.fleet.add_container("good", "by-hand", state="exited")
    for container, code in ((crashed, 3), (stopped, 143)):
        place = site.fleet.known_containers.index(container)
        site.fleet.known_containers[place] = replace(container, exit_code=code)
    page = await site.page("q=good")
    (listed,) = re.findall(r'<ul class="plain unit-ailing".*?</ul>', page, re.DOTALL)
    assert re.findall(r"containers/([^\"]+)\"", listed) == [f"app-{n}" for n in range(5)]
    assert '<a href="/containers?host=good&amp;trouble=true">and 3 more</a>' in listed
    assert "by-hand" not in page


async def test_nothing_that_others_named_is_more_than_text() -> None:
    site = Site()
    error = ErrorDocument(kind="x", message=HOSTILE, hint=HOSTILE)
    known: dict[str, Any] = {"labels": {HOSTILE: HOSTILE}, "error": error, "target": HOSTILE}
    site.host(HOSTILE, 5.0, warnings=(HOSTILE,), **known)
    site.sicken(HOSTILE, HOSTILE)
    site.host("gone", status="down", **known)
    for query in ("", "group=" + "%3Cimg", "q=%3Cimg%20src&sort=-cpu"):
        page = await site.page(query)
        assert "<img" not in page
        assert re.search(r"\son\w+=(?!alert)", page) is None
        assert "49" not in text(page)
    assert len(names(page)) == 2


async def test_who_sees_some_hosts_is_told_of_no_other(site: Site) -> None:
    asking = site.narrowed()
    for query in ("", "group=site", "q=gone", "status=down"):
        page = (await asking.ask("GET", "/", query=query)).body.decode()
        assert not re.search(r"\b(gone|good|new|off|fra|10\.0\.0\.9)\b", text(page)), query
    page = (await asking.ask("GET", "/")).body.decode()
    assert names(page) == ["sick", "busy"]
    assert "1 of 2 hosts needs attention" in text(page)
    assert page.count('class="spark"') == 4


async def test_without_any_host_it_is_said_how_one_is_added() -> None:
    said = text(await Site().page())
    assert "No host is configured yet." in said
    assert "fleet hosts import --write" in said
    assert "No host is watched yet" in said


async def test_lines_of_the_last_hour_are_asked_for_once_and_can_be_missed(
    autojump_clock: trio.testing.MockClock, site: Site
) -> None:
    page = await site.page()
    assert page.count('class="spark"') == 2 * 6
    asked = len(site.history.asked)
    await site.page("sort=name")
    assert len(site.history.asked) == asked == 6
    site.history.away = "the database is away"
    autojump_clock.jump(31.0)
    assert 'class="spark"' in await site.page(), "what was read lately is drawn on"
    autojump_clock.jump(700.0)
    assert 'class="spark"' not in await site.page()
    assert names(await site.page())


async def test_lines_are_not_waited_for_longer_than_a_page_may_take(
    autojump_clock: trio.testing.MockClock,  # noqa: ARG001 - time jumps
) -> None:
    class Hanging(HistoryInMemory):
        async def hosts_stats_history(
            self,
            hosts: Sequence[str],  # noqa: ARG002 - the protocol's
            span: Span,  # noqa: ARG002 - the protocol's
            points: int,  # noqa: ARG002 - the protocol's
        ) -> HostsStatsHistoryDocument:
            await trio.sleep_forever()
            raise AssertionError

    sparks = Sparks(Hanging(), list)
    await sparks.refresh()
    assert sparks.of("one") is None


@pytest.mark.parametrize(
    ("values", "points"),
    [
        ((), []),
        ((None, None), []),
        ((0.0, 25.0), ["0,39 1,1"]),
        ((0.0, 26.0), ["0,39 1,19"]),
        ((0.0, 50.0, None, 100.0), ["0,39 1,20", "3,1 3.5,1"]),
        ((0.0, 400.0), ["0,39 1,1"]),
    ],
)
def test_a_line_has_gaps_and_a_scale_of_few(
    values: tuple[float | None, ...], points: list[str]
) -> None:
    assert re.findall(r'points="([^"]*)"', polyline(values)) == points


async def test_a_stream_sends_only_what_changed(
    autojump_clock: trio.testing.MockClock,  # noqa: ARG001 - its pace needs no waiting
    site: Site,
) -> None:
    site.fleet.still = "nothing happens"
    page = await site.page()
    (path, query) = re.findall(r'sse-connect="(/live/fleet)\?([^"]*)"', page)[0]

    def happen(answer: Answer) -> bool:
        events = answer.body.count(b"event: regions")
        if events == 1:
            known = site.fleet.known_hosts["good"]
            site.fleet.known_hosts["good"] = replace(known, response_ms=4711.0)
            site.fleet.still = "something happened"
            site.live.host("good")
        return events == 2

    answer = await site.asking.ask("GET", path, query=query, enough=happen)
    first, second = answer.body.decode().split("event: regions")[1:]
    assert 'id="troubles"' in first
    assert 'id="hosts"' not in first, "the page has it"
    assert re.findall(r'<li id="([^"]+)" class="unit"', second) == ["host-good"]
    assert "4711 ms" in second
    assert 'id="hosts"' not in second


async def test_an_order_by_restless_figures_is_held_for_a_while(
    autojump_clock: trio.testing.MockClock,  # noqa: ARG001 - its pace needs no waiting
    site: Site,
) -> None:
    began = trio.current_time()

    def happen(answer: Answer) -> bool:
        if b"event: regions" in answer.body:
            known = site.fleet.known_hosts["good"]
            site.fleet.known_hosts["good"] = replace(known, machine=machine(99.9))
        return answer.body.count(b'id="hosts"') == 2

    answer = await site.asking.ask("GET", "/live/fleet", query="sort=-cpu", enough=happen)
    first, *_, last = (names(part) for part in answer.body.decode().split('id="hosts"')[1:])
    assert first[:3] == ["gone", "busy", "sick"]
    assert last[:3] == ["good", "gone", "busy"]
    assert trio.current_time() - began >= 10.0


def test_what_is_wrong_with_fleet_itself_is_told_with_the_next_step() -> None:
    fleet = FleetInMemory().fleet()
    assert troubles(fleet, START) == []
    storage = StorageDocument(state="spooling", queued=3, error="refused.", lost_lately=7)
    config = replace(fleet.config, error="line 3 is wrong", error_since=START)
    wrong = replace(fleet, storage=storage, config=config, stale_since=START)
    said = troubles(wrong, START)
    assert [one.text.partition(" ")[0] for one in said] == ["Nothing", "The", "7", "The"]
    assert "3 rows wait on disk: refused." in said[1].text
    assert all(one.further for one in said)


async def test_the_banner_comes_and_goes_on_a_live_page(
    autojump_clock: trio.testing.MockClock,  # noqa: ARG001 - its pace needs no waiting
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert '<section id="troubles" hx-swap-oob="morph" hidden>' in await site.page()
    said = [site.fleet.fleet(), replace(site.fleet.fleet(), stale_since=START)]
    monkeypatch.setattr(site.fleet, "fleet", lambda: said[-1])

    def happen(answer: Answer) -> bool:
        told = answer.body.decode()
        if "is as of now" in told:
            said[1:] = []
        return " hidden>" in told

    answer = await site.asking.ask("GET", "/live/fleet", enough=happen)
    assert answer.body.count(b'id="troubles"') == 2
