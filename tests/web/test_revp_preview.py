from __future__ import annotations

import httpx
import msgspec
import pytest
import trio

from tests.web.raw import connect, exchange
from tests.web.routes_in_memory import PREFIX, RoutesInMemory
from web.gate import MAX_PREVIEW
from web.problem_documents import ProblemDocument
from web.revp import bodies
from web.route_documents import PreviewDocument

PATH = "/api/revp/preview"
YAML = {"content-type": "application/yaml"}
COMPOSE = f"""
name: shop
services:
  web:
    labels: {{{PREFIX}.domain: shop.example, {PREFIX}.port: 80}}
    ports: ["8080:80"]
  other:
    labels: {{{PREFIX}.domain: api.example, {PREFIX}.websocket: true}}
    ports: ["8081:80"]
  broken:
    labels: {{{PREFIX}.domain: broken.example, {PREFIX}.prot: 80}}
  db:
    image: postgres
"""
HEAD = "POST /api/revp/preview HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/yaml\r\n"


@pytest.fixture
def routes() -> RoutesInMemory:
    routes = RoutesInMemory()
    routes.add_host("one")
    routes.add_host("two")
    routes.put("one", "web", "shop.example")
    routes.put("two", "api", "api.example")
    return routes


async def told(answer: httpx.Response, status: int) -> ProblemDocument:
    assert answer.status_code == status, answer.text
    return msgspec.json.decode(answer.content, type=ProblemDocument)


def read(answer: httpx.Response) -> PreviewDocument:
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=PreviewDocument)


async def test_a_compose_file_is_previewed_against_the_live_table(
    client: httpx.AsyncClient, routes: RoutesInMemory
) -> None:
    before = routes.table()
    found = read(await client.post(f"{PATH}?host=two", content=COMPOSE, headers=YAML))
    assert routes.table() is before
    assert (found.host, found.revision) == ("two", before.revision)
    assert [service.name for service in found.services] == ["web", "other", "broken", "db"]
    assert [service.routed for service in found.services] == [True, True, True, False]
    endpoints = {
        route.domain: [member.endpoint and member.endpoint.port for member in route.members]
        for route in found.routes
    }
    assert endpoints["shop.example"] == [8080]
    assert endpoints["api.example"] == [8081]
    assert any(issue.key == f"{PREFIX}.prot" for issue in found.services[2].issues)
    assert [(meeting.domain, meeting.outcome, meeting.members) for meeting in found.live] == [
        ("api.example", "loses", ("two/api",)),
        ("shop.example", "joins", ("one/web",)),
    ]
    assert found.live[0].differs == ("websocket",)
    assert found.live[0].rule
    wrapped = read(await client.post(f"{PATH}?host=two", json={"compose": COMPOSE}))
    assert [route.domain for route in wrapped.routes] == [route.domain for route in found.routes]


async def test_labels_and_containers_are_previewed(client: httpx.AsyncClient) -> None:
    labels = {f"{PREFIX}.domain": "new.example", f"{PREFIX}.port": 8080, f"{PREFIX}.https": False}
    alone = read(await client.post(PATH, json={"labels": labels}))
    (route,) = alone.routes
    assert (route.domain, route.settings.https) == ("new.example", False)
    assert route.members[0].endpoint is not None
    assert (route.members[0].endpoint.address, route.members[0].endpoint.port) == ("HOST", 8080)
    assert (alone.host, alone.live) == ("HOST", ())
    containers = [
        {"name": "a", "labels": labels},
        {"name": "b", "labels": labels},
        {"name": "c", "labels": labels | {f"{PREFIX}.websocket": "true"}},
    ]
    several = read(await client.post(PATH, json={"containers": containers}))
    assert [len(one.members) for one in several.routes] == [2]
    assert [loser.member.name for one in several.conflicts for loser in one.losers] == ["HOST/c"]
    assert any(issue.code == "conflict" for issue in several.issues)


async def test_a_container_that_comes_again_replaces_itself(client: httpx.AsyncClient) -> None:
    labels = {f"{PREFIX}.domain": "shop.example", f"{PREFIX}.websocket": "true"}
    asked = {"containers": [{"name": "web", "labels": labels}]}
    (meeting,) = read(await client.post(f"{PATH}?host=one", json=asked)).live
    assert (meeting.outcome, meeting.differs) == ("replaces", ("websocket",))
    (meeting,) = read(await client.post(f"{PATH}?host=two", json=asked)).live
    assert (meeting.outcome, meeting.members) == ("loses", ("one/web",))


UNREADABLE = [
    ("{", "truncated"),
    ("[]", "Expected `object`"),
    ("{}", "Send one of"),
    ('{"labels": {}, "compose": ""}', "Send one of"),
    ('{"labels": {"a": []}}', "$.labels"),
    ('{"lables": {}}', "lables"),
    ('{"labels": ' + '{"a":' * 100_000, "$.labels"),
    ('{"containers": [{"name": "a", "labels": {}}, {"name": "a", "labels": {}}]}', "same name"),
    ('{"compose": "a: ["}', "line 2"),
    ('{"compose": "a: b"}', "services"),
    ("\xff", "cannot be read"),
]


async def test_a_body_that_cannot_be_read_is_told(client: httpx.AsyncClient) -> None:
    for body, words in UNREADABLE:
        headers = {"content-type": "application/json; charset=utf-8"}
        answer = await client.post(PATH, content=body.encode("latin-1"), headers=headers)
        problem = await told(answer, 400)
        assert problem.type == "urn:fleet:problem:bad-body"
        assert words in problem.detail


async def test_more_containers_than_can_be_shown_are_refused(client: httpx.AsyncClient) -> None:
    services = "".join(f"  s{number}: {{scale: 20}}\n" for number in range(100))
    answer = await client.post(PATH, content=f"services:\n{services}", headers=YAML)
    assert "2000 containers" in (await told(answer, 400)).detail


async def test_what_a_form_of_another_site_could_send_is_refused(client: httpx.AsyncClient) -> None:
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ):
        answer = await client.post(PATH, content='{"labels": {}}', headers={"content-type": kind})
        assert (await told(answer, 415)).type == "urn:fleet:problem:unsupported-media-type"
    bare = "POST /api/revp/preview HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
    assert b" 415 " in await exchange(client.base_url.netloc.decode(), bare.encode())


async def test_only_this_path_takes_a_large_body_and_not_a_huge_one(
    client: httpx.AsyncClient, address: str
) -> None:
    large = "# " + "x" * (MAX_PREVIEW - 100) + "\nservices: {}\n"
    read(await client.post(PATH, content=large, headers=YAML))
    huge = f"Content-Length: {MAX_PREVIEW + 1}\r\n\r\n{large}"
    assert b" 413 " in await exchange(address, (HEAD + huge).encode(), seconds=30)
    elsewhere = HEAD.replace("preview", "routes") + f"Content-Length: {len(large)}\r\n\r\n{large}"
    assert b" 413 " in await exchange(address, elsewhere.encode(), seconds=30)
    assert (await client.get(PATH)).status_code == 405
    chunk = b"8000\r\n" + b"#" * 0x8000 + b"\r\n"
    chunked = HEAD.encode() + b"Transfer-Encoding: chunked\r\n\r\n"
    assert b" 413 " in await exchange(address, chunked + chunk * 40, seconds=30)
    small = b"d\r\nservices: {}\n\r\n0\r\n\r\n"
    assert b" 200 " in await exchange(address, chunked + small, seconds=30)


async def test_a_slow_or_broken_body_is_given_up(
    client: httpx.AsyncClient, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "SECONDS", 0.1)
    head = HEAD.encode() + b"Content-Length: 100\r\n\r\n"
    assert b" 408 " in await exchange(address, head + b"services", seconds=30)
    async with await connect(address) as leaving:
        await leaving.send_all(head + b"services")
    with trio.fail_after(30):
        read(await client.post(PATH, content="services: {}", headers=YAML))


async def test_the_schema_tells_of_the_body(client: httpx.AsyncClient) -> None:
    operation = (await client.get("/api/openapi.json")).json()["paths"][PATH]["post"]
    content = operation["requestBody"]["content"]
    assert {"application/json", "application/yaml"} <= set(content)
    assert set(content["application/json"]["schema"]["properties"]) == {
        "labels",
        "containers",
        "compose",
    }


async def test_an_unknown_host_is_refused(client: httpx.AsyncClient) -> None:
    problem = await told(await client.post(f"{PATH}?host=onne", json={"labels": {}}), 400)
    assert problem.suggestions == ("one",)
