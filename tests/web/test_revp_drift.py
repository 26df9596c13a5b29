from __future__ import annotations

import httpx
import msgspec
import pytest

from tests.lab.fixtures import Lab
from tests.web.routes_in_memory import RoutesInMemory
from tests.web.test_answers import problem
from web.route_documents import DriftDocument


@pytest.fixture
def routes() -> RoutesInMemory:
    routes = RoutesInMemory()
    routes.add_host("one")
    routes.put("one", "web", "shop.example")
    return routes


async def test_a_real_proxy_is_set_against_the_table(
    lab: Lab, client: httpx.AsyncClient, routes: RoutesInMemory
) -> None:
    caddy = lab.caddy()
    options = {"admin": caddy.admin, "http_port": str(caddy.port), "https": "off"}
    caddy.run((await client.get("/api/revp/caddy", params=options)).content)

    async def drift() -> DriftDocument:
        asked = {"proxy": "caddy", "url": f"http://{caddy.admin}"}
        answer = await client.get("/api/revp/drift", params=asked, timeout=30)
        return msgspec.json.decode(answer.content, type=DriftDocument)

    same = await drift()
    assert (same.drifted, same.same, same.revision) == (False, 1, routes.table().revision)
    routes.put("one", "web", "shop.example", port=8081)
    routes.put("one", "new", "new.example", port=8082)
    other = await drift()
    assert other.drifted
    assert [route.domain for route in other.missing] == ["new.example"]
    (different,) = other.different
    assert different.wanted.endpoints == ("10.0.0.1:8081",)
    assert different.found.endpoints == ("10.0.0.1:8080",)


REFUSED = [
    ("proxy=caddy&url=http://127.0.0.1:1", 502, "proxy-unreachable", "127.0.0.1:1"),
    ("proxy=caddy&url=http://192.0.2.1:2019", 400, "bad-parameter", "[revp] proxies"),
    ("proxy=caddy&url=rubbish", 400, "bad-parameter", "no scheme"),
    ("proxy=apache&url=http://127.0.0.1:1", 400, "bad-parameter", "one of caddy, traefik"),
    ("proxy=caddy", 400, "bad-request", "url"),
]


async def test_what_cannot_be_asked_is_told(client: httpx.AsyncClient) -> None:
    for query, status, kind, words in REFUSED:
        told = await problem(client, f"/api/revp/drift?{query}", status)
        assert told.type == f"urn:fleet:problem:{kind}"
        assert words in told.detail
