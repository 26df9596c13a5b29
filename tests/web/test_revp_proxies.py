from __future__ import annotations

import httpx
import msgspec
import pytest
import trio

from labels.model import Route
from labels.render.document import Memo
from labels.render.formats import FORMATS
from labels.render.options import options_of
from labels.routing.table import RouteTable
from tests.labels.render.tables import EXAMPLE, LATER
from tests.web.routes_in_memory import RoutesInMemory
from tests.web.test_answers import problem
from web.revp.rendering import Renderings
from web.revp.selecting import RouteFilter, cut

CADDY = FORMATS["caddy"]
EDGE = RouteFilter(hosts=frozenset({"edge"}))


@pytest.fixture
def routes() -> RoutesInMemory:
    routes = RoutesInMemory()
    routes.add_host("one", site="fra")
    routes.add_host("two")
    routes.put("one", "web", "shop.example", port=8080, middlewares="auth@file")
    routes.put("two", "web", "shop.example", port=8081, middlewares="auth@file")
    routes.put("two", "api", "api.example", port=8082)
    return routes


@pytest.mark.parametrize("name", FORMATS)
async def test_a_proxy_always_gets_the_whole_document(
    client: httpx.AsyncClient, routes: RoutesInMemory, name: str
) -> None:
    made = FORMATS[name]
    path = f"/api/revp/{made.path}"
    here = {made.own_url: f"{client.base_url}{path}".replace("//api", "/api")}
    options = msgspec.convert(here if made.own_url else {}, made.options)
    rendered = made.renderer(options).render(routes.table())
    for headers in (
        {},
        {"if-none-match": "*", "if-modified-since": "Thu, 01 Jan 2037 00:00:00 GMT"},
    ):
        answer = await client.get(path, headers=headers)
        assert (answer.status_code, answer.content) == (200, rendered.body)
        assert answer.headers["content-type"] == rendered.media_type == made.media_type
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers
        assert answer.headers["x-fleet-revision"] == str(routes.table().revision)
        assert answer.headers["x-fleet-issues"] == str(len(rendered.issues))
    head = await client.head(path, headers={"accept-encoding": "identity"})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(rendered.body))
    routes.put("one", "new", "new.example", port=8083)
    changed = await client.get(path)
    assert changed.content != rendered.body
    assert b"new.example" in changed.content
    issues = (await client.get(f"/api/revp/issues?format={name}")).json()
    assert issues["format"] == name
    assert str(issues["page"]["total"]) == changed.headers["x-fleet-issues"]


async def test_while_hosts_are_missing_proxies_are_told_to_keep_what_they_have(
    client: httpx.AsyncClient, routes: RoutesInMemory
) -> None:
    routes.known = RouteTable()  # as after a start
    routes.add_host("three", listed=False)
    routes.add_host("one")
    routes.put("one", "web", "shop.example")
    paths = [f"/api/revp/{made.path}" for made in FORMATS.values()]
    for path in paths:
        told = await problem(client, path, 503)
        assert told.type == "urn:fleet:problem:routes-incomplete"
        assert "three" in told.detail
        assert int((await client.get(path)).headers["retry-after"]) > 0
    routes.known.give_up("three", routes.moment)
    routes.settle()
    for path in paths:
        assert (await client.get(path)).status_code == 200, path


FILTERED = [
    ("", ["10.0.0.1:8080", "10.0.0.2:8081", "10.0.0.2:8082"], []),
    ("host=one", ["10.0.0.1:8080"], ["10.0.0.2", "api.example"]),
    ("label=site=fra", ["10.0.0.1:8080"], ["10.0.0.2", "api.example"]),
    ("domain=shop.*", ["10.0.0.1:8080", "10.0.0.2:8081"], ["api.example"]),
    ("host=two&domain=shop.example", ["10.0.0.2:8081"], ["10.0.0.1", "api.example"]),
    ("host=one&http_port=8088", [":8088", "10.0.0.1:8080"], ["10.0.0.2"]),
]


async def test_filters_cut_routes_and_pools(client: httpx.AsyncClient) -> None:
    for query, holds, lacks in FILTERED:
        answer = await client.get(f"/api/revp/caddy?skip_middlewares=true&{query}")
        assert answer.status_code == 200, answer.text
        assert not [text for text in holds if text not in answer.text]
        assert not [text for text in lacks if text in answer.text]


async def test_what_matches_nothing_is_no_empty_document(client: httpx.AsyncClient) -> None:
    nothing = ["domain=nope", "label=site=ber", "host=one&domain=api.example", "host=one&label=x"]
    for made in FORMATS.values():
        for query in nothing:
            told = await problem(client, f"/api/revp/{made.path}?{query}", 404)
            assert told.type == "urn:fleet:problem:no-routes"


BAD = [
    ("caddy?host=onne", "host", "Did you mean one?"),
    ("caddy?version=1", "version", "one of 2.6, 2.8, current"),
    ("caddy?http_port=0", "http_port", "a whole number from 1 to 65535"),
    ("caddy?http_port=80&http_port=81", "http_port", "more than once"),
    ("caddy?http_port=443", "http_port", "are the same"),
    ("caddy?http_prt=80", "http_prt", "Did you mean http_port"),
    ("caddy?access_log=maybe", "access_log", "true or false"),
    ("caddy?trusted_proxies=10.0.0.0/8&trusted_proxies=x", "trusted_proxies", "'x'"),
    ("traefik?version=4", "version", "2 or 3"),
    ("traefik?http_entrypoint=a%20b", "http_entrypoint", "text that matches"),
]


async def test_a_bad_option_is_named_with_what_would_be_right(client: httpx.AsyncClient) -> None:
    for path, parameter, words in BAD:
        told = await problem(client, f"/api/revp/{path}", 400)
        assert told.parameter == parameter
        assert words in told.detail


async def test_the_schema_has_every_path_and_option(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/api/openapi.json")).json()["paths"]
    for made in FORMATS.values():
        operation = paths[f"/api/revp/{made.path}"]["get"]
        told = {parameter["name"]: parameter for parameter in operation["parameters"]}
        options = options_of(made.options)
        assert set(told) == {"host", "label", "domain"} | {option.name for option in options}
        assert list(operation["responses"]["200"]["content"]) == [made.media_type]
        for option in options:
            assert option.expected in told[option.name]["description"]
    version = next(
        parameter
        for parameter in paths["/api/revp/caddy"]["get"]["parameters"]
        if parameter["name"] == "version"
    )
    assert version["schema"]["enum"] == ["2.6", "2.8", "current"]
    assert version["schema"]["default"] == "2.6"


def test_no_option_has_the_name_of_a_filter_and_no_two_formats_one_path() -> None:
    for made in FORMATS.values():
        names = {option.name for option in options_of(made.options)}
        assert not names & {"host", "label", "domain"}
        made.renderer(made.options())
    assert len({made.path for made in FORMATS.values()}) == len(FORMATS)


async def test_a_document_is_made_once_for_a_state_of_the_table() -> None:
    renderings = Renderings()
    bodies: list[bytes] = []

    async def ask(wanted: RouteFilter) -> None:
        made = await renderings.render(CADDY, CADDY.options(), wanted, lambda: EXAMPLE)
        bodies.append(made.rendered.body)

    async with trio.open_nursery() as asking:
        for _ in range(5):
            asking.start_soon(ask, EDGE)
    assert len({id(body) for body in bodies}) == 1
    later = await renderings.render(CADDY, CADDY.options(), EDGE, lambda: LATER)
    assert later.table is LATER
    assert b"10.0.0.5:8081" in later.rendered.body


async def test_only_so_many_documents_are_kept_and_the_least_used_goes() -> None:
    renderings = Renderings(most=3)

    async def body(domain: str) -> int:
        wanted = RouteFilter(domains=(domain,))
        made = await renderings.render(CADDY, CADDY.options(), wanted, lambda: EXAMPLE)
        return id(made.rendered)

    first, second = await body("plain.example"), await body("pool.example")
    await body("http.example")
    assert await body("plain.example") == first
    await body("down.example")  # the fourth: pool.example was used least
    assert len(renderings) == 3
    assert await body("plain.example") == first
    assert await body("pool.example") != second


async def test_only_so_many_bytes_are_kept() -> None:
    renderings = Renderings(most_bytes=1)
    for domain in ("plain.example", "pool.example", "plain.example"):
        wanted = RouteFilter(domains=(domain,))
        made = await renderings.render(CADDY, CADDY.options(), wanted, lambda: EXAMPLE)
        assert domain.encode() in made.rendered.body
        assert len(renderings) <= 2


async def test_who_leaves_while_a_document_is_made_spoils_nothing() -> None:
    renderings = Renderings()
    with trio.CancelScope() as leaving:
        leaving.cancel()
        await renderings.render(CADDY, CADDY.options(), EDGE, lambda: EXAMPLE)
    made = await renderings.render(CADDY, CADDY.options(), EDGE, lambda: EXAMPLE)
    plain = CADDY.renderer(CADDY.options())
    assert made.rendered.body == plain.render(cut(EXAMPLE, EDGE, Memo())).body


def test_a_route_that_did_not_change_is_cut_to_the_same_value() -> None:
    memo: Memo[Route | None] = Memo()
    before = {route.key: route for route in cut(EXAMPLE, EDGE, memo).routes}
    after = {route.key: route for route in cut(LATER, EDGE, memo).routes}
    assert before.keys() == after.keys()
    assert [key for key in before if before[key] is not after[key]] == [("plain.example", "/")]
    assert {member.host for route in after.values() for member in route.members} == {"edge"}
    assert cut(EXAMPLE, RouteFilter(), memo) is EXAMPLE


async def test_caddys_document_says_where_the_next_one_is(client: httpx.AsyncClient) -> None:
    """The document replaces all of Caddy's configuration: without this it would ask once."""
    asked = await client.get("/api/revp/caddy?host=one&token_env=FLEET_TOKEN")
    load = asked.json()["admin"]["config"]["load"]
    assert load["url"] == str(asked.url)
    assert load["header"] == {"Authorization": ["Bearer {env.FLEET_TOKEN}"]}
    other = await client.get("/api/revp/caddy?self_url=https://fleet.example/caddy")
    assert other.json()["admin"]["config"]["load"]["url"] == "https://fleet.example/caddy"
