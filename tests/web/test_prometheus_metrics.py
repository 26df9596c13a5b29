from __future__ import annotations

import gzip
import re
from collections.abc import Container, Sequence

import httpx
import pytest
import trio

from tests.web.fleet_in_memory import FleetInMemory
from tests.web.reading import follow, until
from web.app import Application, create_app
from web.exposition.answer import AT_A_TIME, LINES
from web.exposition.instruments import Histogram
from web.exposition.negotiation import OPENMETRICS, TEXT, wants_gzip, wants_openmetrics
from web.exposition.text import LONGEST_VALUE, Family, number
from web.parts import Admitting, Shown
from web.server import serve

PROMETHEUS = (  # as version 2.42 asks
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


class Collected:
    """Collects what a test wants, once it may."""

    def __init__(self, *, lines: int = 1) -> None:
        self.lines = lines
        self.may = trio.Event()
        self.asked = 0
        self.may.set()

    async def collect(self, among: Container[str] | None = None) -> Sequence[Family]:  # noqa: ARG002 - the protocol's
        self.asked += 1
        await self.may.wait()
        family = Family("fleet_answers", "counter", "Answers.")
        for index in range(self.lines):
            family.add(index, place=f"p{index}")
        return [family]

    def own(self) -> Sequence[Family]:
        return ()


async def serving(
    nursery: trio.Nursery, collector: Collected, token: str | None = None
) -> httpx.AsyncClient:
    app = create_app(Shown(FleetInMemory(), collector=collector), Admitting(token=token))
    address: str = await nursery.start(serve, app, "127.0.0.1:0")
    return httpx.AsyncClient(base_url=f"http://{address}", timeout=30)


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        (PROMETHEUS, True),
        ("application/openmetrics-text", True),
        ('application/openmetrics-text; version="1.0.0"; charset=utf-8', True),
        ("Application/OpenMetrics-Text;version=1.0.0;q=0.5,text/plain;q=0.4", True),
        ("application/openmetrics-text;version=0.0.1", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=0.1,text/plain;version=0.0.4;q=0.2", False),
        ("application/openmetrics-text;q=many", False),
        ("text/plain", False),
        ("text/html,*/*", False),
        ("", False),
    ],
)
def test_the_format_is_the_one_that_is_liked_best(accept: str, openmetrics: bool) -> None:
    assert wants_openmetrics(accept) is openmetrics


@pytest.mark.parametrize(
    ("accept", "compressed"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0, *", False),
        ("br", False),
        ("", False),
    ],
)
def test_compressed_is_what_is_asked_for(accept: str, compressed: bool) -> None:
    assert wants_gzip(accept) is compressed


def text_of(family: Family, *, openmetrics: bool = False) -> list[str]:
    parts = list(family.parts(2, openmetrics=openmetrics))
    return "".join(line for part in parts for line in part).splitlines()


def test_a_counter_is_named_as_each_format_wants_it() -> None:
    def made() -> Family:
        return Family("fleet_x", "counter", "Things.").add(3, a="1", b="2")

    sample = 'fleet_x_total{a="1",b="2"} 3'
    assert text_of(made()) == [
        "# HELP fleet_x_total Things.",
        "# TYPE fleet_x_total counter",
        sample,
    ]
    assert text_of(made(), openmetrics=True) == [
        "# HELP fleet_x Things.",
        "# TYPE fleet_x counter",
        sample,
    ]


def test_what_describes_is_a_gauge_where_the_format_knows_no_other() -> None:
    def made() -> Family:
        return Family("fleet_y", "info", "What it is.").add(1)

    assert text_of(made())[1:] == ["# TYPE fleet_y_info gauge", "fleet_y_info 1"]
    assert text_of(made(), openmetrics=True)[1:] == ["# TYPE fleet_y info", "fleet_y_info 1"]


def test_a_metric_without_samples_is_not_there() -> None:
    assert text_of(Family("fleet_z", "gauge", "Nothing.")) == []


def test_labels_cannot_break_out_of_their_quotes() -> None:
    (line,) = Family("f", "gauge", "F.").add(1, name='a"} 7\nf{x="\\').lines
    assert line == 'f{name="a\\"} 7\\nf{x=\\"\\\\"} 1\n'
    (line,) = Family("f", "gauge", "F.").add(1, name="x" * 1000).lines
    assert line == f'f{{name="{"x" * LONGEST_VALUE}"}} 1\n'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "1"),
        (2**63, "9223372036854775808"),
        (0.1, "0.1"),
        (float("inf"), "+Inf"),
        (-float("inf"), "-Inf"),
        (float("nan"), "NaN"),
    ],
)
def test_numbers_are_as_prometheus_reads_them(value: float, text: str) -> None:
    assert number(value) == text


def test_a_histogram_counts_each_value_up_to_its_bound() -> None:
    histogram = Histogram((1.0, 2.5))
    for value in (0.0, 1.0, 1.1, 2.5, 9.0):
        histogram.observe(value)
    family = Family("h", "histogram", "H.").add_histogram(histogram, kind="a")
    assert "".join(family.lines).splitlines() == [
        'h_bucket{kind="a",le="1.0"} 2',
        'h_bucket{kind="a",le="2.5"} 4',
        'h_bucket{kind="a",le="+Inf"} 5',
        'h_sum{kind="a"} 13.6',
        'h_count{kind="a"} 5',
    ]


async def test_each_scraper_gets_the_format_it_asks_for(nursery: trio.Nursery) -> None:
    async with await serving(nursery, Collected()) as client:
        plain = await client.get("/metrics", headers={"accept-encoding": "identity"})
        assert plain.headers["content-type"] == TEXT
        assert "content-encoding" not in plain.headers
        assert plain.headers["content-length"] == str(len(plain.content))
        assert plain.text.startswith("# HELP fleet_answers_total Answers.\n")
        assert "EOF" not in plain.text
        asked = {"accept": PROMETHEUS, "accept-encoding": "gzip"}
        other = await client.get("/metrics", headers=asked)
        assert other.headers["content-type"] == OPENMETRICS
        assert other.headers["content-encoding"] == "gzip"
        assert other.text.startswith("# HELP fleet_answers Answers.\n")
        assert other.text.endswith("\n# EOF\n")
        head = await client.head("/metrics", headers=asked)
        assert head.status_code == 200
        assert not head.content
        assert head.headers["content-type"] == OPENMETRICS
        assert (await client.post("/metrics")).status_code == 405
        assert (await client.get("/metrics?name=x")).status_code == 400


async def test_a_long_answer_is_whole_in_either_coding(nursery: trio.Nursery) -> None:
    collector = Collected(lines=5 * LINES + 1)
    wanted = [f'fleet_answers_total{{place="p{i}"}} {i}' for i in range(collector.lines)]
    async with await serving(nursery, collector) as client:
        for coding in ("identity", "gzip"):
            async with client.stream(
                "GET", "/metrics", headers={"accept-encoding": coding}
            ) as answer:
                raw = b"".join([piece async for piece in answer.aiter_raw()])
            assert answer.headers["content-length"] == str(len(raw))
            text = gzip.decompress(raw) if coding == "gzip" else raw
            assert re.findall(r"^fleet_answers_total.*", text.decode(), re.MULTILINE) == wanted


async def test_the_token_is_needed(nursery: trio.Nursery) -> None:
    async with await serving(nursery, Collected(), "right") as client:
        assert (await client.get("/metrics")).status_code == 401
        right = {"authorization": "Bearer right"}
        told = (await client.get("/metrics", headers=right)).text
        assert 'fleet_http_requests_total{method="GET",route="none",status="401"} 1\n' in told


async def test_only_so_many_scrapes_are_made_at_once(nursery: trio.Nursery) -> None:
    collector = Collected()
    collector.may = trio.Event()
    statuses: list[int] = []
    async with await serving(nursery, collector) as client:

        async def scrape() -> None:
            statuses.append((await client.get("/metrics")).status_code)

        async with trio.open_nursery() as scrapes:
            for _ in range(AT_A_TIME):
                scrapes.start_soon(scrape)
            await until(lambda: collector.asked == AT_A_TIME)
            refused = await client.get("/metrics")
            assert refused.status_code == 503
            assert refused.json()["type"] == "urn:fleet:problem:too-many-scrapes"
            assert refused.headers["retry-after"] == "5"
            collector.may.set()
        assert statuses == [200] * AT_A_TIME
        assert (await client.get("/metrics")).status_code == 200


async def test_requests_are_counted_by_the_route_they_took(client: httpx.AsyncClient) -> None:
    for path in ("/api/hosts/one", "/api/hosts/two", "/api/hosts/none", "/nope/a", "/nope/b"):
        await client.get(path)
    await client.head("/api/hosts")
    await client.request("PROPFIND", "/api/hosts")
    told = (await client.get("/metrics")).text
    counted = dict(re.findall(r"fleet_http_requests_total\{(.*)\} (\d+)", told))
    assert counted == {
        'method="GET",route="/api/hosts/{host}",status="200"': "2",
        'method="GET",route="/api/hosts/{host}",status="404"': "1",
        'method="GET",route="none",status="404"': "2",
        'method="HEAD",route="/api/hosts",status="200"': "1",
        'method="other",route="none",status="405"': "1",
    }
    assert 'request_duration_seconds_count{route="/api/hosts/{host}"} 3\n' in told


async def test_streams_are_counted_but_their_length_is_nobodys_waiting(
    client: httpx.AsyncClient, address: str, app: Application
) -> None:
    async with follow(address):
        await until(lambda: len(app.streams) == 1)
        told = (await client.get("/metrics")).text
        assert "\nfleet_http_streams 1\n" in told
        assert "\nfleet_http_streams_limit 2\n" in told
        assert "\nfleet_http_streams_refused_total 0\n" in told
    await until(lambda: len(app.streams) == 0)
    told = (await client.get("/metrics")).text
    stream = 'route="/api/stream/events"'
    assert f'fleet_http_requests_total{{method="GET",{stream},status="200"}} 1\n' in told
    assert f"seconds_count{{{stream}}}" not in told
