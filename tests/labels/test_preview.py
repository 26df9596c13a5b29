from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from labels.facts import Place
from labels.model import Table
from labels.parsing.keys import Rules
from labels.preview.compose import read_compose
from labels.preview.previewing import Preview, preview

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EDGE = Place(name="edge", address="10.0.0.5")

SHOP = """
name: shop
services:
  web:
    scale: 2
    labels: {snadboy.revp.domain: app.example.com, snadboy.revp.port: 8080}
    ports: ["8081:8080"]
  api:
    labels: [snadboy.revp.9000.domain=api.example.com, snadboy.revp.9000.weight=many]
    network_mode: host
  admin:
    labels: {snadboy.revp.domain: admin.example.com}
    ports: ["127.0.0.1:8082:80"]
  rival:
    labels: {snadboy.revp.domain: api.example.com, snadboy.revp.websocket: true}
    ports: ["80:80"]
  db:
    image: postgres
"""


def pools(table: Table) -> dict[str, list[str]]:
    return {
        route.domain: [member.endpoint.authority for member in route.pool if member.endpoint]
        for route in table.routes
    }


def of(text: str, place: Place = EDGE) -> Preview:
    return preview(read_compose(text, place.name), place, now=NOW)


def test_what_a_compose_file_would_make() -> None:
    found = of(SHOP)
    assert pools(found.table) == {
        "admin.example.com": [],
        "api.example.com": ["10.0.0.5:9000"],
        "app.example.com": ["10.0.0.5:8081", "10.0.0.5:8081"],
    }
    assert found.table.complete
    assert [service.name for service in found.services] == ["web", "api", "admin", "rival", "db"]
    web, api, admin, rival, db = found.services
    assert [each.name for each in web.containers] == ["shop-web-1", "shop-web-2"]
    assert [issue.code for issue in web.issues] == ["compose-port-clash"]
    assert [(issue.code, issue.container) for issue in api.parsed.issues] == [("bad-weight", "api")]
    outcomes = {each.name: each.containers[0].wishes[0].outcome for each in (api, admin, rival)}
    assert (outcomes["api"], outcomes["rival"]) == ("served", "lost")
    assert {"no-endpoint", "conflict"} <= {issue.code for issue in found.table.issues}
    assert (db.parsed.routed, db.containers) == (False, ())


def test_where_the_proxy_is_matters() -> None:
    here = Place(name="here", address="127.0.0.1", local=True)
    assert pools(of(SHOP, here).table)["admin.example.com"] == ["127.0.0.1:8082"]
    inside = Place(name="here", address="127.0.0.1", container_ip=True)
    text = "services: {web: {labels: [snadboy.revp.domain=a.lan], expose: [80]}}"
    assert pools(of(text, inside).table) == {"a.lan": ["web-1:80"]}
    elsewhere = preview(read_compose(SHOP), EDGE, now=NOW)
    assert pools(elsewhere.table) == pools(of(SHOP).table)


def test_a_port_that_the_engine_chooses_is_published_all_the_same() -> None:
    labels = "labels: [snadboy.revp.domain=a.lan]"
    found = of(f"services: {{web: {{{labels}, ports: ['80'], scale: 2}}}}")
    assert pools(found.table) == {"a.lan": ["10.0.0.5:0", "10.0.0.5:0"]}
    assert not found.table.issues
    assert [issue.severity for issue in found.services[0].issues] == ["info"]
    (wish,) = found.services[0].containers[0].wishes
    assert (wish.outcome, wish.member.standing) == ("served", "up")
    assert wish.member.trace[-1].reason == (
        "80/tcp is published on a port of 10.0.0.5 that the Engine chooses at the start"
    )
    fixed = of(f"services: {{web: {{{labels}, ports: ['80', '8080:80']}}}}")
    assert pools(fixed.table) == {"a.lan": ["10.0.0.5:8080"]}
    loopback = of(f"services: {{web: {{{labels}, ports: ['127.0.0.1::80']}}}}")
    assert [issue.code for issue in loopback.table.issues] == ["no-endpoint"]
    other = of(f"services: {{web: {{{labels}, ports: ['8080']}}}}")
    assert [issue.suggestion for issue in other.table.issues] == ["8080"]


def test_labels_alone() -> None:
    labels = {"revp.8080.domain": "a.lan", "revp.domian": "b.lan"}
    found = preview(labels, EDGE, Rules(prefix="revp"), now=NOW)
    assert pools(found.table) == {"a.lan": ["10.0.0.5:8080"]}
    (service,) = found.services
    assert service.parsed.routed
    assert [issue.code for issue in service.parsed.issues] == ["unknown-label"]


@pytest.mark.parametrize("source", [SHOP, "services: {}"])
def test_a_preview_can_be_served_and_is_the_same_each_time(source: str) -> None:
    assert msgspec.json.encode(of(source)) == msgspec.json.encode(of(source))
