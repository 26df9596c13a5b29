"""The alert rules, the page and the dashboard, tried on a real Prometheus that scrapes fleet."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleet.instruments_containers import ContainerFamilies
from tests.cli.running import Fleet
from tests.lab.containers import ContainerSpec
from tests.lab.engines import Engine
from tests.lab.fixtures import Lab
from tests.lab.ports import free_port
from tests.lab.prometheus import Prometheus
from tests.lab.promtool import promtool
from tests.lab.runs import new_part
from tests.lab.waiting import wait_until

DOCS = Path(__file__).parents[1] / "docs"
FOLDER = DOCS / "prometheus"
RULES, TESTS = FOLDER / "alerts.yml", FOLDER / "alerts_test.yml"
DASHBOARD = DOCS / "grafana" / "dashboards" / "fleet-prometheus.json"
SOURCE = DOCS / "grafana" / "provisioning" / "datasources" / "fleet-prometheus.yaml"
NAME = re.compile(r"\b(?:fleet|process)_[a-z0-9_]+")
TOKEN = "a-secret-token"
PATIENCE = 90.0
HURRY = "global: { evaluation_interval: 1s }\n"
# The lab's Engine gives its containers no network to count, and none of them restarts again and
# again; other tests have these.
NOT_HERE = {
    "fleet_container_looping",
    "fleet_container_network_receive_bytes_total",
    "fleet_container_network_transmit_bytes_total",
}
# It is served in the clear; another test has these.
WITH_TLS = {
    "fleet_certificate_expiry_timestamp_seconds",
    "fleet_certificate_last_load_successful",
}
VARIABLES = {"$instance": ".*", "$host": ".*", "$container": ".*", "$__rate_interval": "10s"}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def queries() -> Iterator[tuple[str, str]]:
    """The dashboard's queries by the titles of their panels."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


@dataclass(frozen=True)
class Site:
    """A fleet with one host, and the Prometheus that scrapes it as the page says."""

    address: str
    prometheus: Prometheus

    def scrape(self, accept: str = "") -> str:
        """What fleet answers to a scraper."""
        request = urllib.request.Request(f"http://{self.address}/metrics")
        request.add_header("Authorization", f"Bearer {TOKEN}")
        request.add_header("Accept", accept)
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - ours
            text: str = answer.read().decode()
            return text


def page_config(prometheus: Prometheus, address: str) -> str:
    """The configuration of the page, with other addresses, in a hurry."""
    token = prometheus.folder / "fleet.token"
    token.write_text(TOKEN + "\n")
    page = (FOLDER / "README.md").read_text()
    block = re.search(r"```yaml\n(rule_files:.*?)```", page, re.DOTALL)
    assert block
    text = block[1]
    for old, new in (
        ("- alerts.yml", f"- {RULES}"),
        ("/etc/prometheus/fleet.token", str(token)),
        ("fleet.example:8080", address),
        ("scrape_interval: 15s", "scrape_interval: 1s"),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return HURRY + text


@pytest.fixture(scope="module")
def site(module_lab: Lab, engine_2010: Engine) -> Iterator[Site]:
    prometheus = module_lab.prometheus()
    folder, address = new_part("f"), f"127.0.0.1:{free_port()}"
    (folder / "token").write_text(TOKEN)
    (folder / "hosts.toml").write_text(f"""
[fleet]
listen = "{address}"
data_dir = "{folder / "data"}"
token_file = "{folder / "token"}"
[defaults.monitoring]
stats_interval = 1.0
ping_interval = 1
[hosts.here]
connection = "local"
socket = "{engine_2010.socket}"
""")
    name = f"scraped-{folder.name}"
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
    engine_2010.run_container(name, ContainerSpec(health="true", labels=labels))
    try:
        with Fleet(folder / "hosts.toml").start("up") as running:
            try:
                prometheus.run(page_config(prometheus, address))
                wait_until(
                    lambda: (
                        running.poll() is not None
                        or (
                            prometheus.value('up{job="fleet"}') == 1
                            and prometheus.value(f'fleet_container_processes{{name="{name}"}}')
                        )
                    ),
                    "the container is scraped",
                    PATIENCE,
                )
                assert running.poll() is None, running.communicate()
                yield Site(address, prometheus)
            finally:
                running.terminate()
                running.communicate(timeout=30)
    finally:
        engine_2010.docker("rm", "-f", name)


def all_known(prometheus: Prometheus, named: set[str]) -> None:
    """Wait until Prometheus knows all of these metrics."""
    unknown = set(named)

    def check() -> bool:
        unknown.difference_update(prometheus.metrics())
        return not unknown

    try:
        wait_until(check, "all metrics are there", PATIENCE)
    finally:
        assert not unknown


def test_every_rule_fires_when_it_should_and_not_before() -> None:
    assert promtool("check", "rules", str(RULES)) == ""
    assert promtool("test", "rules", str(TESTS)) == ""
    tried = [
        (each["alertname"], bool(each["exp_alerts"]))
        for test in yaml.safe_load(TESTS.read_text())["tests"]
        for each in test["alert_rule_test"]
    ]
    for rule in rules():
        assert {(rule["alert"], True), (rule["alert"], False)} <= set(tried), rule["alert"]


def test_the_query_of_the_page_is_right(tmp_path: Path) -> None:
    (query,) = re.findall(r"```promql\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    rule = {"record": "page:query", "expr": query}
    path = tmp_path / "page.yml"
    path.write_text(json.dumps({"groups": [{"name": "page", "rules": [rule]}]}))
    assert promtool("check", "rules", str(path)) == ""
    named = set(NAME.findall(query))
    assert named
    assert named <= {family.sample for family in ContainerFamilies().all}


def test_prometheus_loads_the_rules_and_knows_every_metric_in_them(site: Site) -> None:
    prometheus = site.prometheus
    (target,) = prometheus.targets("fleet")
    assert target["lastError"] == ""
    wait_until(
        lambda: all(rule["health"] == "ok" for rule in prometheus.rules()), "rules ran", PATIENCE
    )
    assert {rule["name"] for rule in prometheus.rules()} == {rule["alert"] for rule in rules()}
    named = {name for rule in rules() for name in NAME.findall(rule["expr"])}
    assert len(named) > 15
    assert named >= WITH_TLS
    all_known(prometheus, named - WITH_TLS - NOT_HERE)


def test_every_query_of_the_dashboard_runs_and_names_what_there_is(site: Site) -> None:
    prometheus = site.prometheus
    named = {name for _, query in queries() for name in NAME.findall(query)}
    assert len(named) > 30
    assert {family.sample for family in ContainerFamilies().all} >= NOT_HERE
    all_known(prometheus, named - NOT_HERE)
    for title, query in queries():
        sent = query
        for variable, value in VARIABLES.items():
            sent = sent.replace(variable, value)
        assert "$" not in sent, title
        prometheus.value(sent)  # refused unless it can be read


def test_the_dashboard_names_only_what_it_defines() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    defined = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = {name for _, query in queries() for name in re.findall(r"\$(?!__)(\w+)", query)}
    assert used == defined
    places = [tuple(panel["gridPos"].values()) for panel in dashboard["panels"]]
    assert len(set(places)) == len(places)
    sources = {panel["datasource"]["uid"] for panel in dashboard["panels"] if "targets" in panel}
    assert sources == {yaml.safe_load(SOURCE.read_text())["datasources"][0]["uid"]}


def test_a_scrape_is_as_prometheus_wants_it_and_tells_of_the_host(site: Site) -> None:
    assert promtool("check", "metrics", text=site.scrape()) == ""
    openmetrics = site.scrape("application/openmetrics-text; version=1.0.0")
    assert openmetrics.endswith("\n# EOF\n")
    prometheus = site.prometheus
    for query, value in (
        ('fleet_host_up{host="here"}', 1),
        ('fleet_host_status{host="here",status="down"}', 0),
        ("fleet_containers_left_out", 0),
        ('fleet_storage_state{state="writing"}', 1),
        ("fleet_config_last_reload_successful", 1),
        ("fleet_routes_complete", 1),
        ("fleet_discovery_duration_seconds_count", 1),
        ('count(fleet_container_info{project="shop",service="web",host="here"})', 1),
    ):
        assert prometheus.value(query) == value, query
    for query in (
        *(
            f'fleet_engine_request_duration_seconds_count{{call="{call}"}}'
            for call in ("ping", "version", "info", "list", "inspect", "stats")
        ),
        "fleet_engine_connections_opened_total",
        'fleet_engine_connections{use="stream"}',
        'fleet_host_events_total{host="here"}',
        "sum(fleet_storage_rows_written_total)",
        "fleet_storage_write_duration_seconds_count",
        "fleet_loop_lateness_seconds_count",
        'fleet_http_requests_total{route="/metrics",status="200"}',
        "process_open_fds",
        'fleet_container_memory_used_bytes{host="here",name=~"scraped-.*"}',
        'fleet_container_cpu_seconds_total{host="here",name=~"scraped-.*"}',
    ):
        wait_until(lambda query=query: (prometheus.value(query) or 0) > 0, query, PATIENCE)  # type: ignore[misc]  # bound
    started = prometheus.value("time() - process_start_time_seconds")
    assert started is not None
    assert 0 < started < 3600
