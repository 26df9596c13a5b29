"""The page of one host: what it tells of now and of the past, and how it is kept live."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import trio
from msgspec.structs import replace

from storage.availability import HealthSpan
from tests.web.asgi import Answer, Asking
from tests.web.fleet_in_memory import START, FleetInMemory
from tests.web.history_in_memory import HistoryInMemory
from tests.web.live_in_memory import LiveInMemory
from tests.web.routes_in_memory import RoutesInMemory
from web.app import Application
from web.documents import ContainerHealthDocument, EngineDocument, ErrorDocument, MachineDocument
from web.health_documents import AvailabilityDocument, HealthSpanDocument, HealthState
from web.history import Span
from web.pages.host_log import PAGE
from web.pages.host_timeline import MOST, SHORTEST, parts

HOSTILE = "<script>alert('x')</script> {rows} {{ 7 * 7 }}"
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
NAVIGATION = {"accept": "text/html,application/xhtml+xml"}


def ago(**length: float) -> datetime:
    return NOW - timedelta(**length)


def observed(minutes: float, until: float, state: str, **more: object) -> HealthSpan:
    """From so many minutes ago until so many minutes ago; until 0 it goes on."""
    span = HealthSpan(start=ago(minutes=minutes), end=ago(minutes=until or -60), state=state)
    return replace(span, **more)


@pytest.fixture
def up(fleet: FleetInMemory) -> None:
    engine = EngineDocument(version="28.5.2", api_version="1.51", kernel="6.1", cpus=4)
    machine = MachineDocument(
        time=START,
        source="machine",
        cpus=4,
        cpu_percent=100.0,
        load_1=1.5,
        load_5=1.0,
        load_15=0.5,
        memory_total=4 * 2**30,
        memory_used=2**30,
        swap_total=0,
        swap_used=0,
        disk_total=100,
        disk_used=93,
    )
    host = replace(fleet.known_hosts["one"], engine=engine, machine=machine, response_ms=12.0)
    fleet.known_hosts["one"] = replace(host, labels={"site": "berlin"}, via="streamlocal")


@pytest.fixture
def down(fleet: FleetInMemory, history: HistoryInMemory) -> None:
    since, seen = ago(minutes=3), ago(minutes=4)
    error = ErrorDocument(kind="host_key", message=HOSTILE, hint="compare the keys", at=since)
    fleet.known_hosts["two"] = replace(
        fleet.known_hosts["two"],
        since=since,
        last_seen=seen,
        stale_since=seen,
        error=error,
        attempts=7,
        next_attempt=ago(seconds=-5),
    )
    cause = {"error_kind": "host_key", "error": HOSTILE, "attempts": 5}
    history.health = [
        observed(90, 63, "up", engine_version="28.4"),
        observed(63, 61, "down", error_kind="unreachable", error="no route", attempts=2),
        observed(61, 3, "up", engine_version="28.5", attempts_before=3),
        observed(3, 0, "down", **cause),
    ]


async def shown(client: httpx.AsyncClient, path: str) -> str:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def region(page: str, name: str) -> str:
    """The text of a region, without elements."""
    found = re.search(rf'<section id="{name}".*?</section>', page, re.DOTALL)
    assert found is not None, name
    return " ".join(re.sub(r"<[^>]*>", " ", found[0]).split())


@pytest.mark.usefixtures("up")
async def test_a_host_that_is_up(client: httpx.AsyncClient, history: HistoryInMemory) -> None:
    history.health = [observed(30, 15, "up"), observed(15, 0, "degraded")]
    page = await shown(client, "/hosts/one")
    head, machine = region(page, "host-head"), region(page, "host-machine")
    assert "one up for" in head
    assert all(word in head for word in ("streamlocal", "site=berlin", "12 ms"))
    assert "25.0% of 4 cores" in machine
    assert "25.0% 1.0 GiB of 4.0 GiB" in machine
    assert "93.0% 93 B of 100 B" in machine
    assert "Swap" not in machine
    assert "28.5.2, API 1.51" in machine
    assert "24h 100% of 30 min" in region(page, "host-availability")
    assert "No outage" in region(page, "host-connections")
    assert 'data-source="/api/hosts/one/stats/history" data-range="1h"' in page
    assert "stale" not in page
    assert " style=" not in page


@pytest.mark.usefixtures("down")
async def test_a_host_that_is_down_says_why_and_what_to_do(client: httpx.AsyncClient) -> None:
    page = await shown(client, "/hosts/two?span=30d&range=7d")
    assert "<script>alert" not in page
    head = region(page, "host-head")
    assert "Its SSH host key is not the one on record. &lt;script&gt;alert(" in head
    assert "compare the keys" in head
    assert "fleet doctor two" in head
    assert "Failed attempts 7" in head
    assert re.search(r"Next attempt</dt><dd><time [^>]* data-until>", page)
    assert page.count("as of") > 2
    assert 'class="panel stale"' in page
    log = region(page, "host-connections")
    assert "3 entries" in log
    told = ("7 failed attempts", "so far", "Not reachable: no route", "3 failed attempts")
    assert all(words in log for words in (*told, "The Engine is 28.5, it was 28.4"))
    figures = region(page, "host-availability")
    assert re.search(r"30d 9[34]\.\d{3}% of 1 h 3\d min 2 \d min", figures)
    bar = re.findall(r'<rect data-state="(\w+)" x="[\d.]+"', page)
    assert bar == ["up", "up", "unknown", "down", "down"]  # the gravest are drawn last
    assert 'aria-current="true">30d' in page


@pytest.mark.usefixtures("down")
async def test_without_a_database_what_is_live_is_shown(
    client: httpx.AsyncClient, history: HistoryInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.away = "The database is away."
    page = await shown(client, "/hosts/two")
    assert "The database is away. What is live is shown" in region(page, "host-availability")
    assert "once the database answers again" in region(page, "host-connections")
    assert "Failed attempts 7" in region(page, "host-head")

    async def hang(host: str, span: Span) -> AvailabilityDocument:  # noqa: ARG001 - the protocol's
        await trio.sleep_forever()
        raise AssertionError

    history.away = ""
    monkeypatch.setattr(history, "availability", hang)
    monkeypatch.setattr("web.pages.host_past.PATIENCE", 0.01)
    page = await shown(client, "/hosts/two")
    assert "did not answer" in region(page, "host-availability")


async def test_a_host_that_is_not_there_is_not_found(client: httpx.AsyncClient) -> None:
    page = await client.get("/hosts/onne", headers=NAVIGATION)
    assert page.status_code == 404
    assert "Did you mean <strong>one</strong>" in page.text
    stream = await client.get("/live/hosts/onne")
    assert stream.status_code == 404


async def test_containers_with_problems_come_first(
    client: httpx.AsyncClient, fleet: FleetInMemory, routes: RoutesInMemory
) -> None:
    sick = fleet.add_container("one", "zebra", id="ef" * 32)
    health = ContainerHealthDocument(status="unhealthy", source="healthcheck")
    place = fleet.known_containers.index(sick)
    fleet.known_containers[place] = replace(sick, health=health)
    routes.add_host("one")
    routes.put("one", "web", "shop.example.com", "shop.example.net")
    fleet.emit("die", name="<b>")
    page = await shown(client, "/hosts/one")
    rows = re.findall(r'href="/hosts/one/containers/([^"]+)"', page)
    assert rows == ["zebra", "stats", "web"]
    assert re.findall(r'href="/routes/([^"]+)"', page) == ["shop.example.com", "shop.example.net"]
    assert "die &lt;b&gt;" in region(page, "host-events")


async def test_the_log_comes_in_pages(client: httpx.AsyncClient, history: HistoryInMemory) -> None:
    history.health = [
        observed(minute, minute - 1, "down" if minute % 2 else "up", error=f"at {minute}.")
        for minute in range(2 * PAGE + 10, 0, -1)
    ]
    seen: list[str] = []
    path: str | None = "/hosts/one"
    while path is not None:
        page = await shown(client, path)
        seen += re.findall(r"at \d+\.", region(page, "host-connections"))
        older = re.search(r'href="(\?[^"]*)#host-connections">Older', page)
        path = f"/hosts/one{older[1].replace('&amp;', '&')}" if older else None
    assert seen == [f"at {minute}." for minute in range(1, 2 * PAGE + 10, 2)]


async def followed(
    app: Application, stream: str, words: str, happen: Callable[[], None] = lambda: None
) -> str:
    """What a stream of regions tells until it has these words; once it has begun, things happen."""
    path, _, query = stream.partition("?")
    begun = False

    def enough(answer: Answer) -> bool:
        nonlocal begun
        if not begun and b"event: regions" in answer.body:  # what is stored is sent at once
            begun = True
            happen()
        return words.encode() in answer.body

    return (await Asking(app).ask("GET", path, query=query, enough=enough)).body.decode()


@pytest.fixture
async def opened(client: httpx.AsyncClient, up: None) -> str:  # noqa: ARG001 - as it is
    """Where the page's stream is."""
    page = await shown(client, "/hosts/one")
    found = re.search(r'sse-connect="([^"]+)"', page)
    assert found is not None
    return found[1].replace("&amp;", "&")


async def test_being_cut_off_and_coming_back_is_sent(
    app: Application,
    fleet: FleetInMemory,
    live: LiveInMemory,
    history: HistoryInMemory,
    opened: str,
) -> None:
    """Who shows the page is sent what changes of it, and of what is stored a moment later."""
    before = fleet.known_hosts["one"]

    def cut() -> None:
        error = ErrorDocument(kind="unreachable", message="cut off", at=NOW)
        history.health = [observed(2, 1, "up"), observed(1, 0, "down", error="cut off")]
        fleet.known_hosts["one"] = replace(
            before, status="down", since=datetime.now(UTC), error=error, stale_since=NOW
        )
        live.host("one", "down")

    told = await followed(app, opened, "so far", cut)
    assert re.search(r'id="host-head".*cut off', told, re.DOTALL)
    assert 'id="host-routes"' not in told  # nothing of them changed

    fleet.known_hosts["one"] = replace(before, since=datetime.now(UTC))
    history.health = [observed(2, 1, "up"), observed(1, 0.5, "down"), observed(0.5, 0, "up")]
    told = await followed(app, opened, "then reconnected")
    assert "so far" not in told


async def test_who_shows_a_host_that_goes_is_told(
    app: Application, fleet: FleetInMemory, live: LiveInMemory, opened: str
) -> None:
    def go() -> None:
        del fleet.known_hosts["one"]
        live.host("one", "down")

    assert "no longer in the configuration" in await followed(app, opened, "no longer", go)


def stated(*spans: tuple[float, float, HealthState]) -> AvailabilityDocument:
    """Of a day: from, to (in hours) and state."""
    begin = START
    made = tuple(
        HealthSpanDocument(
            start=begin + timedelta(hours=start), end=begin + timedelta(hours=end), state=state
        )
        for start, end, state in spans
    )
    return AvailabilityDocument(
        host="one",
        start=begin,
        end=begin + DAY,
        up_percent=None,
        up_seconds=0.0,
        degraded_seconds=0.0,
        down_seconds=0.0,
        connecting_seconds=0.0,
        unknown_seconds=0.0,
        response_ms=None,
        longest_outage_seconds=None,
        outages=(),
        engine_changes=(),
        spans=made,
    )


def test_a_short_outage_is_seen_on_the_bar() -> None:
    bar = parts(stated((0, 12, "up"), (12, 12.001, "down"), (12.001, 24, "up")))
    assert [(part.state, part.width) for part in bar][-1] == ("down", SHORTEST)
    last = parts(stated((0, 23.999, "up"), (23.999, 24, "down")))[-1]
    assert last.x + last.width == 1000


def test_of_very_many_changes_the_gravest_are_drawn() -> None:
    words: tuple[HealthState, HealthState] = ("up", "down")
    flapping = [(1 + n / 200, 1 + (n + 1) / 200, words[n % 2]) for n in range(4600)]
    bar = parts(stated((0, 1, "up"), *flapping))
    assert 10 < len(bar) <= 2 * MOST
    wide = sum(part.width for part in bar if part.state == "up")
    assert wide == pytest.approx(1000 / 24, rel=0.2)
    assert bar[-1].words == f"down, of {bar[-1].count} changes the worst"
    assert bar[-1].count > 1
