"""The page of one container: its words, what it shows of whom, and what a stream sends of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from tests.web.asgi import Asking
from tests.web.fleet_in_memory import START, FleetInMemory, make_event, make_stats
from tests.web.history_in_memory import HistoryInMemory
from tests.web.live_in_memory import LiveInMemory
from tests.web.routes_in_memory import RoutesInMemory
from web.access.model import Access
from web.access.static import StaticAuthority
from web.app import create_app
from web.documents import (
    ComposeDocument,
    ContainerDocument,
    ContainerHealthDocument,
    HealthCheckDocument,
    MountDocument,
    NetworkDocument,
    PortDocument,
)
from web.history import Recorded, Span
from web.history_documents import LogLineDocument, RunDocument, UptimeDocument
from web.pages.container_view import ports
from web.pages.container_words import exit_words, troubles
from web.parts import Admitting, Serving, Shown

HOSTILE = "<img src=x onerror=alert(1)>\"'{rows}{{ 7*7 }}\x1b[31m"
ID = "ab" * 32
OLD = "cd" * 32


class Past(HistoryInMemory):
    """With runs."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: tuple[RunDocument, ...] = ()

    async def uptime(self, container: Recorded, span: Span) -> UptimeDocument:
        return replace(await super().uptime(container, span), runs=self.runs)


class Site:
    """One container in memory, and its page without a socket."""

    def __init__(self) -> None:
        self.fleet, self.past, self.live = FleetInMemory(), Past(), LiveInMemory()
        self.routes = RoutesInMemory()
        self.routes.add_host("one")
        self.fleet.add_host("one")
        self.fleet.add_container("one", "web", id=ID)
        shown = Shown(self.fleet, self.past, routing=self.routes, live=self.live)
        self.shown = shown
        self.asking = Asking(create_app(shown, serving=Serving(heartbeat=0.05)))

    def change(self, **changes: Any) -> None:
        known = self.fleet.known_containers
        known[0] = replace(known[0], **changes)

    async def page(self, ref: str = "web", query: str = "", status: int = 200) -> str:
        path = f"/hosts/one/containers/{quote(ref, safe=':')}"
        answer = await self.asking.ask("GET", path, query=query)
        assert answer.status == status, answer.body
        return answer.body.decode()


def text(page: str) -> str:
    return unescape(" ".join(re.sub(r"<[^>]*>", " ", page).split()))


def run(ago: int, code: int | None = 1, container: str = ID) -> RunDocument:
    """One that lasted for two seconds and ended some seconds ago."""
    end = datetime.now(UTC) - timedelta(seconds=ago)
    start = end - timedelta(seconds=2)
    return RunDocument(
        container_id=container, start=start, end=end, ended=True, exit_code=code, seconds=2.0
    )


def line(said: str, time: datetime, stream: str = "stdout", name: str = "web") -> LogLineDocument:
    return LogLineDocument(
        time=time,
        time_nano=int(time.timestamp() * 1e6) * 1000,
        host="one",
        container_id=ID,
        name=name,
        identity=f"name:{name}",
        stream=stream,
        sequence=0,
        level=None,
        line=said,
    )


def container(**changes: Any) -> ContainerDocument:
    return replace(FleetInMemory().add_container("one", "web"), **changes)


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.mark.parametrize(
    ("code", "oom", "words"),
    [
        (137, False, "137: killed"),
        (137, True, "137: killed, as it ran out of memory"),
        (139, False, "139: segmentation fault"),
        (127, False, "127: its command was not found"),
        (138, False, "138: ended by signal 10"),
        (3, False, "3"),
        (None, False, "no exit code is known"),
    ],
)
def test_exit_codes_are_told_in_words(code: int | None, oom: bool, words: str) -> None:
    assert exit_words(code, oom=oom) == words


def test_a_restart_loop_is_counted_of_what_is_stored_and_what_just_was() -> None:
    now = datetime.now(UTC)
    runs = [run(ago) for ago in (700, 400, 300, 200)]
    event = replace(make_event(1, "die"), time=now - timedelta(seconds=5), exit_code=1)
    twice = replace(make_event(2, "die"), time=runs[-1].end or now, exit_code=1)
    looping = container(state="restarting", restart_policy="always")
    [found] = troubles(looping, runs, [event, twice], now)
    assert found.tone == "bad"
    assert "Ended 4 times in the last 10 minutes (restart loop), each time with exit" in found.text
    assert "exit code 1: its program failed" in found.text
    assert found.further == "Its restart policy is always."
    [other] = troubles(looping, [run(1, 1), run(2, 137), run(3, 1)], [], now)
    assert "with exit codes 1, 137." in other.text
    assert troubles(container(), runs[:2], [], now) == []


@pytest.mark.parametrize(
    ("changes", "tone", "told"),
    [
        ({"state": "exited", "exit_code": 1}, "bad", "exit code 1: its program failed"),
        ({"state": "exited", "exit_code": 143}, "warn", "It was stopped, exit code 143"),
        ({"state": "exited", "exit_code": 137, "oom_killed": True}, "bad", "out of memory"),
        ({"state": "dead"}, "bad", "It is dead"),
        ({"state": "paused"}, "warn", "It is paused"),
        ({"state": "created", "error": "no such image"}, "bad", "The Engine says: no such image"),
    ],
)
def test_what_is_wrong_is_said_first(changes: dict[str, Any], tone: str, told: str) -> None:
    [found] = troubles(container(**changes), [], [], START)
    assert found.tone == tone
    assert told in found.text


def test_nothing_is_wrong_with_one_that_ended_by_itself() -> None:
    assert troubles(container(state="exited", exit_code=0), [], [], START) == []


def port(number: int, host_ip: str | None, host_port: int | None) -> PortDocument:
    return PortDocument(container_port=number, protocol="tcp", host_ip=host_ip, host_port=host_port)


def test_ports_are_links_where_a_browser_may_get_an_answer() -> None:
    found = ports(
        [
            port(5432, "0.0.0.0", 5432),  # noqa: S104 - as the Engine says it
            port(80, "0.0.0.0", 8081),  # noqa: S104 - as the Engine says it
            port(80, "::", 8081),
            port(443, "10.0.0.7", 8443),
            port(8080, "127.0.0.1", 8080),
            port(25, None, None),
        ],
        "10.0.0.1",
    )
    told = {each.name: (each.published, each.link) for each in found}
    assert told["80/tcp"] == (("all addresses, port 8081",), "http://10.0.0.1:8081/")
    assert told["443/tcp"] == (("10.0.0.7:8443",), "https://10.0.0.7:8443/")
    assert told["8080/tcp"] == (("127.0.0.1:8080",), None)
    assert told["5432/tcp"][1] is None
    assert found[-1].name == "25/tcp"
    assert found[-1].published == ()


async def test_the_page_tells_what_is_known(site: Site) -> None:
    check = HealthCheckDocument(start=START, end=START, exit_code=1, output="no answer\n")
    health = ContainerHealthDocument(
        status="unhealthy", source="healthcheck", failing_streak=7, log=(check,)
    )
    site.change(
        health=health,
        stats=make_stats(),
        started=START,
        restart_policy="on-failure",
        compose=ComposeDocument(project="shop", service="web", number=1),
        environment={"TZ": "UTC", "SECRET": "(hidden)"},
        labels={"site": "fra"},
        ports=(port(80, None, None),),
        networks=(NetworkDocument(name="shop_default", ip_address="172.18.0.2"),),
        mounts=(MountDocument(type="volume", source="/v", destination="/data", name="data"),),
    )
    site.routes.put("one", "web", "shop.example.com")
    routed = site.routes.containers()[0]
    site.change(id=routed.id)
    page = await site.page(query="range=6h")
    said = text(page)
    assert "Its health check fails, 7 times in a row. The last one ended with exit code 1." in said
    assert '<pre class="said">no answer</pre>' in page
    for each in ("shop_default", "172.18.0.2", "/data", "volume data", "policy on-failure"):
        assert each in said
    assert "SECRET (hidden)" in said
    assert "environment_allow in [defaults.monitoring]" in said
    assert 'href="/containers?label=com.docker.compose.project%3Dshop"' in page
    assert 'href="/routes/shop.example.com"' in page
    assert 'data-range="6h" aria-current="true"' in page
    assert 'data-source="/api/containers/one/web/stats/history"' in page
    assert 'data-events="/api/containers/one/web/events"' in page
    assert (
        await site.asking.ask("GET", "/hosts/one/containers/web", query="range=2h")
    ).status == 400


async def test_a_crash_is_shown_with_its_last_words(site: Site) -> None:
    site.change(state="exited", exit_code=137, oom_killed=True)
    site.past.remember("one", "web", ID)
    site.past.runs = (run(60, 137),)
    ended = site.past.runs[0].end
    assert ended is not None
    long_ago, just = ended - timedelta(minutes=5), ended - timedelta(seconds=1)
    site.past.lines = [line("an earlier run", long_ago), line("\x1b[31mout of heap", just)]
    page = await site.page()
    assert "It ended with exit code 137: killed, as it ran out of memory." in text(page)
    assert '<pre class="said">out of heap</pre>' in page
    assert re.search(r'href="/logs\?container=one%2Fweb&amp;at=[0-9]+-0-abababababab"', page)


async def test_what_others_wrote_is_text(site: Site) -> None:
    name = HOSTILE.replace("/", "")
    now = datetime.now(UTC)
    site.change(
        name=name,
        state="exited",
        exit_code=1,
        error=HOSTILE,
        labels={HOSTILE: HOSTILE},
        environment={HOSTILE: HOSTILE},
        image=HOSTILE,
        networks=(NetworkDocument(name=HOSTILE, aliases=(HOSTILE,)),),
        mounts=(MountDocument(type="bind", source=HOSTILE, destination=HOSTILE),),
        health=ContainerHealthDocument(
            status="unhealthy",
            source="healthcheck",
            log=(HealthCheckDocument(start=None, end=None, exit_code=1, output=HOSTILE),),
        ),
    )
    site.past.remember("one", name, ID)
    site.past.runs = (run(1),)
    site.past.lines = [line(HOSTILE, now - timedelta(seconds=2), name=name)]
    site.past.events = [
        replace(make_event(1, HOSTILE), actor_id=HOSTILE, name=name, attributes={"signal": HOSTILE})
    ]
    page = await site.page(ID)
    assert "<img" not in page
    assert "49" not in re.findall(r"onerror=alert\(1\)&gt;&#34;&#39;\{rows\}(.{4})", page)
    assert page.count("{rows}{{ 7*7 }}") > 10
    assert 'href="javascript' not in page


async def test_a_removed_container_has_its_page_and_what_is_not_one_has_none(site: Site) -> None:
    recorded = site.past.remember("one", "gone", OLD)
    last = START + timedelta(hours=1)
    only = replace(recorded.incarnations[0], first=START, last=last)
    site.past.known[0] = replace(recorded, incarnations=(only,))
    site.past.events = [replace(make_event(1, "destroy", name="gone"), actor_id=OLD)]
    site.past.runs = (run(60, 7, OLD),)
    for ref in ("gone", OLD[:12], "name:gone"):
        page = await site.page(ref)
        assert "Its last run ended with exit code 7." in page
        assert "It is not there any more." in page
        assert f'data-end="{last.isoformat()}"' in page
        assert "destroy" in text(page)
    unknown = text(await site.page("nowhere", status=404))
    assert "No container on host 'one' has the name or id 'nowhere'." in unknown
    assert (await site.asking.ask("GET", "/hosts/other/containers/web")).status == 404
    site.fleet.add_container("one", "web", id="ef" * 32)
    assert "means 2 containers" in text(await site.page(status=409))


async def test_incarnations_are_told_apart(site: Site) -> None:
    site.past.remember("one", "web", ID, OLD)
    page = await site.page()
    assert f'href="/hosts/one/containers/{OLD[:12]}"' in page


async def test_what_is_not_as_of_now_or_cannot_be_read_says_so(site: Site) -> None:
    site.fleet.add_host("one", "down")
    site.change(stale_since=START, stats=make_stats())
    site.past.away = "The database does not answer."
    site.fleet.emit("pause", name="web")
    page = await site.page()
    said = text(page)
    assert "one is down: all of this is as of" in said
    assert 'class="tiles stale"' in page
    assert "The database does not answer. What is live is shown anyway" in said
    assert "pause" in said
    assert "503" not in said
    refused = await site.page("gone", status=503)
    assert "The database does not answer." in refused


async def test_a_stream_sends_what_changed_and_nothing_else(site: Site) -> None:
    page = await site.page()
    found = re.search(r'sse-connect="([^?]+)\?seen=([0-9a-f]+)"', page)
    assert found is not None
    path, seen = found.groups()
    quiet = await site.asking.ask(
        "GET", path, query=f"seen={seen}", enough=lambda answer: b"event: beat" in answer.body
    )
    assert b"container-facts" not in quiet.body
    assert b"container-log" not in quiet.body
    site.change(state="exited", exit_code=1)
    told = await site.asking.ask(
        "GET", path, query=f"seen={seen}", enough=lambda answer: b"container-head" in answer.body
    )
    assert b"exited" in told.body


async def test_who_may_not_see_the_host_sees_no_container_of_it(site: Site) -> None:
    elsewhere = Access(kind="anonymous", scope=(("site", "berlin"),))
    admitting = Admitting(authority=StaticAuthority(None, elsewhere))
    narrowed = Asking(create_app(site.shown, admitting))
    for path in ("/hosts/one/containers/web", "/live/hosts/one/containers/web"):
        assert (await narrowed.ask("GET", path)).status == 404
