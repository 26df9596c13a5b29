from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from labels.model import Settings, Standing, Table
from labels.render.prometheus import Options, Renderer
from tests.labels.render.tables import EXAMPLE, LATER, member, route, table, tables

BACKENDS, DOMAINS = Options(), Options(mode="domains")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_TARGET = re.compile(r"([a-z0-9.-]+|\[[0-9a-f:]+\]):\d+")


def render(wanted: Table, options: Options = BACKENDS) -> Any:
    return json.loads(Renderer(options).render(wanted).body)


def codes(wanted: Table, options: Options = BACKENDS) -> list[str]:
    return [issue.code for issue in Renderer(options).render(wanted).issues]


@settings(derandomize=True, deadline=None, max_examples=60)
@given(tables())
def test_every_list_is_what_prometheus_reads(wanted: Table) -> None:
    for options in (BACKENDS, DOMAINS):
        rendered = Renderer(options).render(wanted)
        assert rendered.media_type == "application/json"
        groups = json.loads(rendered.body)
        for group in groups:
            assert set(group) == {"targets", "labels"}
            assert len(group["targets"]) == 1
            assert all(_LABEL.fullmatch(name) for name in group["labels"])
            assert all(isinstance(value, str) and value for value in group["labels"].values())
        if options is BACKENDS:
            assert all(_TARGET.fullmatch(group["targets"][0]) for group in groups)
        reversed_table = msgspec.structs.replace(wanted, routes=wanted.routes[::-1])
        assert Renderer(options).render(reversed_table) == rendered


def test_one_renderer_says_of_a_later_table_what_a_new_one_would() -> None:
    for options in (BACKENDS, DOMAINS):
        renderer = Renderer(options)
        assert renderer.render(EXAMPLE) == Renderer(options).render(EXAMPLE)
        assert renderer.render(LATER) == Renderer(options).render(LATER)
    assert render(EXAMPLE) != render(LATER)


def test_without_routes_the_list_is_empty() -> None:
    for options in (BACKENDS, DOMAINS):
        assert Renderer(options).render(table()).body == b"[]\n"


@pytest.mark.parametrize(
    ("standing", "there"),
    [
        ("up", True),
        ("stale", True),
        ("unhealthy", True),
        ("draining", False),
        ("stopped", False),
        ("gone", False),
    ],
)
def test_containers_are_targets_while_they_run(standing: Standing, there: bool) -> None:
    wanted = table(route("a.example", member("edge/web", "10.0.0.5", 8080, standing=standing)))
    assert [group["targets"] for group in render(wanted)] == [["10.0.0.5:8080"]] * there


def test_a_container_with_several_domains_is_scraped_once() -> None:
    web, other = member("edge/web", "10.0.0.5", 8080), member("edge/web", "10.0.0.5", 9090)
    wanted = table(
        route("b.example", web), route("a.example", web, path="/x"), route("c.example", other)
    )
    groups = {group["targets"][0]: group["labels"] for group in render(wanted)}
    assert len(render(wanted)) == len(groups) == 2
    assert groups["10.0.0.5:8080"]["domain"] == "a.example"
    assert groups["10.0.0.5:8080"]["path"] == "/x"
    assert groups["10.0.0.5:8080"]["__meta_fleet_domains"] == ",a.example,b.example,"
    assert groups["10.0.0.5:9090"]["__meta_fleet_domains"] == ",c.example,"


def test_labels_tell_how_to_scrape_and_what_it_is() -> None:
    secure = Settings(scheme="https", insecure_skip_verify=True)
    titled = msgspec.structs.replace(
        member("edge/web", "fd00::5", 8443),
        title="The “web”\n",
        extras=(("notify-priority", "high"),),
    )
    wanted = table(route("a.example", titled, settings=secure))
    (group,) = render(wanted, Options(metrics_path="/m?x=1"))
    assert group["targets"] == ["[fd00::5]:8443"]
    assert group["labels"] == {
        "__scheme__": "https",
        "__metrics_path__": "/m?x=1",
        "domain": "a.example",
        "path": "/",
        "fleet_host": "edge",
        "container": "web",
        "__meta_fleet_domains": ",a.example,",
        "__meta_fleet_standing": "up",
        "__meta_fleet_identity": "name:web",
        "__meta_fleet_origin": "container",
        "__meta_fleet_title": "The “web”\n",
        "__meta_fleet_extra_notify_priority": "high",
    }
    assert codes(wanted) == ["prometheus-insecure-skip-verify"]


def test_domains_are_probed_where_people_find_them() -> None:
    groups = {group["targets"][0]: group["labels"] for group in render(EXAMPLE, DOMAINS)}
    assert groups["http://http.example/"]["__meta_fleet_status"] == "up"
    assert groups["https://pool.example/api/v1"]["path"] == "/api/v1"
    assert groups["https://pool.example/"]["__meta_fleet_hosts"] == ",core,edge,"
    assert groups["https://empty.example/"]["__meta_fleet_status"] == "down"
    assert len(groups) == len([r for r in EXAMPLE.routes if not r.domain.startswith("*.")])
    assert codes(EXAMPLE, DOMAINS) == ["prometheus-wildcard"] * 2


def test_an_address_that_is_none_is_left_out() -> None:
    wanted = table(route("a.example", member("edge/web", "10.0.0.5/evil?", 80)))
    assert render(wanted) == []
    assert codes(wanted) == ["prometheus-address"]
