"""A real Prometheus, set up as `docs/proxies/prometheus.md` says, finds what a server renders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from labels.model import Settings
from labels.render.options import read_options
from labels.render.prometheus import Options, Renderer
from tests.lab.cache import program
from tests.lab.echo import Source
from tests.lab.fixtures import Lab
from tests.lab.prometheus import Prometheus
from tests.lab.runs import run
from tests.lab.waiting import wait_until
from tests.labels.render.tables import member, route, table

PAGE = Path(__file__).parents[2] / "docs" / "proxies" / "prometheus.md"
CONTAINERS, DOMAINS = "fleet-containers", "fleet-domains"
PATIENCE = 60.0  # Prometheus takes up what it discovers every five seconds
HURRY = "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\n"


class Fleet(Source):
    """Renders a table by the options in the URL, as fleet does."""

    def __init__(self) -> None:
        self.table = table()
        super().__init__()

    def document(self, target: str) -> bytes:
        options = read_options(Options, parse_qs(urlsplit(target).query))
        return Renderer(options).render(self.table).body


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with Fleet() as server:
        yield server


@pytest.fixture
def metrics() -> Iterator[Source]:
    """A container that tells one metric, and at the same time the blackbox exporter."""
    with Source(b"answer 42\n") as server:
        yield server


@pytest.fixture
def prometheus(lab: Lab) -> Prometheus:
    return lab.prometheus()


def page_config(prometheus: Prometheus, fleet: Fleet, blackbox: Source) -> str:
    """The configuration of the page, with other addresses, in a hurry."""
    token = prometheus.folder / "fleet.token"
    token.write_text("secret-token\n")
    block = re.search(r"```yaml\n(scrape_configs:.*?)```", PAGE.read_text(), re.DOTALL)
    assert block
    text = block[1]
    for old, new, times in (
        ("http://fleet.example:8080", fleet.url, 2),
        ("/etc/prometheus/fleet.token", str(token), 2),
        ("127.0.0.1:9115", blackbox.url.removeprefix("http://"), 1),
        ("refresh_interval: 30s", "refresh_interval: 1s", 2),
    ):
        assert text.count(old) == times, old
        text = text.replace(old, new)
    return HURRY + text


def names(prometheus: Prometheus, job: str) -> list[str]:
    return [each["labels"]["instance"] for each in prometheus.targets(job)]


def test_prometheus_scrapes_containers_and_probes_domains(
    prometheus: Prometheus, fleet: Fleet, metrics: Source
) -> None:
    port = int(metrics.url.rpartition(":")[2])
    web = member("edge/web", "127.0.0.1", port)
    fleet.table = table(
        route("a.example", web, path="/api"),
        route("b.example", web, settings=Settings(https=False, redirect_https=False)),
        route("down.example", member("edge/ill", "127.0.0.1", 9, standing="unhealthy")),
        route("gone.example", member("edge/old", "127.0.0.1", port, standing="gone")),
        route("*.wild.example", member("core/any", "::1", 9)),
    )
    prometheus.run(page_config(prometheus, fleet, metrics))

    wait_until(lambda: len(names(prometheus, CONTAINERS)) == 3, "containers are found", PATIENCE)
    found = {each["labels"]["instance"]: each for each in prometheus.targets(CONTAINERS)}
    assert set(found) == {"edge/web", "edge/ill", "core/any"}
    assert found["edge/web"]["labels"] == {
        "job": CONTAINERS,
        "instance": "edge/web",
        "domain": "a.example",
        "path": "/api",
        "fleet_host": "edge",
        "container": "web",
    }
    assert found["edge/web"]["scrapeUrl"] == f"http://127.0.0.1:{port}/metrics"
    assert found["edge/web"]["discoveredLabels"]["__meta_fleet_domains"] == ",a.example,b.example,"
    assert found["core/any"]["scrapeUrl"] == "http://[::1]:9/metrics"
    wait_until(
        lambda: prometheus.value('answer{container="web"}') == 42, "a metric is there", PATIENCE
    )
    wait_until(
        lambda: prometheus.value('up{container="ill"}') == 0, "a dead container is seen", PATIENCE
    )

    urls = {
        "https://a.example/api",
        "http://b.example/",
        "https://down.example/",
        "https://gone.example/",
    }
    wait_until(lambda: set(names(prometheus, DOMAINS)) == urls, "domains are found", PATIENCE)
    wait_until(lambda: probed(metrics) == urls, "domains are probed", PATIENCE)
    assert {headers.get("authorization") for _, headers in fleet.asked} == {"Bearer secret-token"}

    fleet.failure = "503"
    answered = len(fleet.asked)
    wait_until(lambda: len(fleet.asked) >= answered + 4, "Prometheus asks again", PATIENCE)
    assert len(names(prometheus, CONTAINERS)) == 3
    fleet.table = table()
    fleet.failure = ""
    wait_until(lambda: not names(prometheus, CONTAINERS), "no container is left", PATIENCE)
    wait_until(lambda: not names(prometheus, DOMAINS), "no domain is left", PATIENCE)


def probed(blackbox: Source) -> set[str]:
    """What the exporter was asked to probe, by the module of the page."""
    queries = [parse_qs(urlsplit(target).query) for target, _ in blackbox.asked]
    return {query["target"][0] for query in queries if query.get("module") == ["http_2xx"]}


def test_the_other_rule_of_the_page_fits_into_its_place(
    prometheus: Prometheus, fleet: Fleet, metrics: Source
) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    first, _, rest = page_config(prometheus, fleet, metrics).partition("    relabel_configs:\n")
    file = prometheus.folder / "both.yml"
    file.write_text(f"{first}    relabel_configs:\n{blocks[1]}{rest}")
    assert "action: keep" in file.read_text()
    run([program("promtool", "prometheus"), "check", "config", file])
