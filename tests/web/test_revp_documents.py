from __future__ import annotations

from functools import partial

import httpx
import msgspec
import pytest
import trio

from tests.web.fleet_in_memory import FleetInMemory
from tests.web.history_in_memory import HistoryInMemory
from tests.web.reading import until
from tests.web.routes_in_memory import RoutesInMemory
from tests.web.test_answers import problem
from web.app import Application, create_app
from web.documents import Document
from web.label_documents import LabelsDocument
from web.parts import Shown
from web.revp.selecting import canonical_domain
from web.route_documents import (
    ConflictsDocument,
    DomainDocument,
    RouteChangesDocument,
    RoutedContainersDocument,
    RouteIssuesDocument,
    RoutesDocument,
    WaitingRoutesDocument,
)
from web.server import serve


@pytest.fixture
def routes() -> RoutesInMemory:
    """Two hosts; a pool over both, a conflict, a mistake, one that is not up, one that ended."""
    routes = RoutesInMemory()
    routes.add_host("one", site="fra")
    routes.add_host("two")
    routes.put("one", "web", "shop.example", port=8080)
    routes.put("two", "web", "shop.example", port=8081)
    routes.put("one", "api", "api.example", port=8082, strip_prefix="/v1")
    routes.put("two", "other", "api.example", port=8083)
    routes.put("two", "wild", "*.wild.example", port=8084, health="starting")
    routes.put("one", "broken", "not a domain", port=8085)
    routes.put("one", "old", "old.example", state="exited")
    return routes


DOCUMENTS: list[tuple[str, type[Document]]] = [
    ("routes", RoutesDocument),
    ("waiting", WaitingRoutesDocument),
    ("conflicts", ConflictsDocument),
    ("issues", RouteIssuesDocument),
    ("issues?format=traefik", RouteIssuesDocument),
    ("containers", RoutedContainersDocument),
    ("changes", RouteChangesDocument),
    ("domains/shop.example", DomainDocument),
    ("labels", LabelsDocument),
]


async def test_every_answer_decodes_as_its_document_and_is_sent_once(
    client: httpx.AsyncClient,
) -> None:
    for path, document in DOCUMENTS:
        answer = await client.get(f"/api/revp/{path}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "private, no-cache"
        found = msgspec.json.decode(answer.content, type=document)
        assert any(getattr(found, field.name) for field in msgspec.structs.fields(document))
        tag = answer.headers["etag"]
        for held in (tag, f'"x", W/{tag}', "*"):
            again = await client.get(f"/api/revp/{path}", headers={"if-none-match": held})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == tag
        other = await client.get(f"/api/revp/{path}", headers={"if-none-match": '"x"'})
        assert other.content == answer.content


FILTERED = [
    ("", ["*.wild.example", "api.example", "shop.example"]),
    ("host=two", ["*.wild.example", "shop.example"]),  # the winner of the other is on one
    ("host=two&host=one&status=down", ["*.wild.example"]),
    ("label=site=fra", ["api.example", "shop.example"]),
    ("label=site&host=two", []),
    ("label=site=ber", []),
    ("domain=SHOP.example.", ["shop.example"]),
    ("domain=*p*.example&status=up", ["api.example", "shop.example"]),
    ("domain=*.wild.example&domain=api.example", ["*.wild.example", "api.example"]),
    ("domain=nope", []),
    ("limit=1&offset=2", ["shop.example"]),
]


async def test_routes_are_filtered_and_paged(client: httpx.AsyncClient) -> None:
    for query, domains in FILTERED:
        answer = (await client.get(f"/api/revp/routes?{query}")).json()
        assert [route["domain"] for route in answer["routes"]] == domains
        assert answer["page"]["total"] == (3 if "limit" in query else len(domains))
        assert (answer["complete"], answer["missing"]) == (True, [])


async def test_a_route_shows_all_its_members_and_how_they_were_found(
    client: httpx.AsyncClient,
) -> None:
    answer = (await client.get("/api/revp/routes?domain=shop.example&host=one")).json()
    (route,) = answer["routes"]
    assert (route["status"], route["serving"], route["wanted"]) == ("up", 2, 2)
    assert [(member["name"], member["endpoint"]) for member in route["members"]] == [
        ("one/web", {"address": "10.0.0.1", "port": 8080}),
        ("two/web", {"address": "10.0.0.2", "port": 8081}),
    ]
    assert [step["way"] for step in route["members"][0]["trace"] if step["taken"]] == ["published"]


async def test_a_conflict_names_who_has_it_and_who_does_not(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/api/revp/conflicts?host=two")).json()
    (conflict,) = answer["conflicts"]
    assert (conflict["domain"], conflict["winner"]["name"]) == ("api.example", "one/api")
    assert [loser["member"]["name"] for loser in conflict["losers"]] == ["two/other"]
    assert conflict["losers"][0]["differs"] == ["strip_prefix"]
    assert (await client.get("/api/revp/conflicts?domain=shop.example")).json()["conflicts"] == []


async def test_what_waits_says_why(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/api/revp/waiting?domain=old.*")).json()
    (waiting,) = answer["waiting"]
    assert (waiting["domain"], waiting["member"]["standing"]) == ("old.example", "stopped")
    assert waiting["reason"]
    assert (await client.get("/api/revp/waiting?host=two")).json()["page"]["total"] == 0
    domain = (await client.get("/api/revp/domains/old.example")).json()
    assert (domain["status"], len(domain["waiting"])) == ("down", 1)


async def test_issues_are_filtered(client: httpx.AsyncClient) -> None:
    async def codes(query: str) -> set[str]:
        answer = (await client.get(f"/api/revp/issues?{query}")).json()
        return {f"{issue['container']}: {issue['code']}" for issue in answer["issues"]}

    everything = await codes("")
    broken = {issue for issue in everything if issue.startswith("broken")}
    assert broken
    assert everything - broken
    assert broken <= await codes("severity=error&host=one")
    assert not broken & await codes("host=two")
    code = next(iter(broken)).partition(": ")[2]
    assert await codes(f"code={code}") == {one for one in everything if one.endswith(code)}
    assert await codes("code=nonesuch") == set()
    assert not broken & await codes("domain=api.example")


async def test_containers_tell_what_became_of_each_wish(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/api/revp/containers")).json()
    outcomes = {
        f"{found['host']}/{found['name']}": [wish["outcome"] for wish in found["wishes"]]
        for found in answer["containers"]
    }
    assert outcomes["one/web"] == ["served"]
    assert outcomes["two/other"] == ["lost"]
    assert outcomes["one/broken"] == []
    only = (await client.get("/api/revp/containers?domain=api.example&host=two")).json()
    assert [found["name"] for found in only["containers"]] == ["other"]


async def test_a_domain_rolls_up_its_paths(
    client: httpx.AsyncClient, routes: RoutesInMemory
) -> None:
    async def status() -> tuple[str, int, int]:
        answer = (await client.get("/api/revp/domains/Shop.Example")).json()
        assert [change["domain"] for change in answer["changes"]] == ["shop.example"] * len(
            answer["changes"]
        )
        return answer["status"], answer["serving"], answer["wanted"]

    assert await status() == ("up", 2, 2)
    routes.put("two", "web", "shop.example", port=8081, health="unhealthy")
    assert await status() == ("degraded", 1, 2)
    routes.put("one", "docs", "shop.example", port=8089, path="/docs")
    assert await status() == ("degraded", 2, 3)
    routes.put("one", "docs", "shop.example", port=8089, path="/docs", state="paused")
    routes.put("one", "web", "shop.example", port=8080, health="starting")
    assert await status() == ("down", 0, 3)
    lost = (await client.get("/api/revp/domains/api.example")).json()
    assert len(lost["conflicts"]) == 1
    assert lost["issues"]


MISSPELT = [
    ("shpo.example", "Did you mean shop.example", "shop.example"),
    ("a.wild.example", "covered by *.wild.example", "*.wild.example"),
]


async def test_an_unknown_domain_is_answered_with_what_was_meant(client: httpx.AsyncClient) -> None:
    for domain, words, suggestion in MISSPELT:
        told = await problem(client, f"/api/revp/domains/{domain}", 404)
        assert words in told.detail
        assert suggestion in told.suggestions


async def test_labels_are_told_with_their_prefix(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/api/revp/labels")).json()
    assert answer["prefix"] == "snadboy.revp"
    known = {label["name"]: label for label in answer["labels"]}
    assert known["https"]["default"] == "true"
    assert "scheme" in known["backend-scheme"]["aliases"]


async def test_changes_come_from_memory_and_older_ones_from_the_database(
    client: httpx.AsyncClient, routes: RoutesInMemory, history: HistoryInMemory
) -> None:
    held = list(routes.recent_changes(1000))
    stored = msgspec.structs.replace(held[0], revision=0, domain="older.example")
    history.changes = [stored, held[0]]
    answer = (await client.get("/api/revp/changes")).json()
    assert [change["domain"] for change in answer["changes"]] == [
        "older.example",
        *(change.domain for change in held),
    ]
    assert answer["sources"] == ["memory", "database"]
    assert answer["changes"][1]["cause"]["container"] == held[0].cause.container
    last = (await client.get("/api/revp/changes?limit=1")).json()
    assert [change["domain"] for change in last["changes"]] == [held[-1].domain]
    assert last["sources"] == ["memory"]
    history.away = "the database does not answer"
    partly = (await client.get("/api/revp/changes?host=two&domain=shop.example")).json()
    assert [change["after"] for change in partly["changes"]] == [
        ["one/web 10.0.0.1:8080", "two/web 10.0.0.2:8081"]
    ]
    assert "the database does not answer" in partly["note"]


async def test_a_client_waits_for_another_revision(
    client: httpx.AsyncClient, routes: RoutesInMemory, app: Application
) -> None:
    now = routes.table().revision
    at_once = await client.get(f"/api/revp/routes?wait=60s&revision={now - 1}")
    assert at_once.json()["revision"] == now
    answers: list[httpx.Response] = []

    async def wait(path: str) -> None:
        answers.append(await client.get(f"/api/revp/{path}?wait=60s&revision={now}", timeout=30))

    async with trio.open_nursery() as waiting:
        waiting.start_soon(wait, "routes")
        waiting.start_soon(wait, "changes")
        await until(lambda: len(app.streams) == 2)
        refused = await problem(client, f"/api/revp/routes?wait=1s&revision={now}", 503)
        assert refused.type == "urn:fleet:problem:too-many-streams"
        routes.put("one", "new", "new.example")
    assert [answer.json()["revision"] for answer in answers] == [now + 1] * 2
    assert len(app.streams) == 0


async def test_who_waits_in_vain_or_at_the_end_is_answered_with_what_there_is(
    client: httpx.AsyncClient, routes: RoutesInMemory, app: Application
) -> None:
    now = routes.table().revision
    known = (await client.get("/api/revp/routes")).headers["etag"]
    path = f"/api/revp/routes?wait=1s&revision={now}"
    vain = await client.get(path, headers={"if-none-match": known}, timeout=30)
    assert vain.status_code == 304
    async with trio.open_nursery() as ending:

        async def wait() -> None:
            answer = await client.get(f"/api/revp/routes?wait=60s&revision={now}", timeout=30)
            assert answer.json()["revision"] == now

        ending.start_soon(wait)
        await until(lambda: len(app.streams) == 1)
        app.streams.close()


BAD = [
    ("routes?wait=30s", "revision", "give both"),
    ("routes?revision=1", "wait", "give both"),
    ("routes?wait=2m&revision=1", "wait", "up to 60s"),
    ("routes?wait=0s&revision=1", "wait", "up to 60s"),
    ("routes?revision=-1&wait=1s", "revision", "revision of an earlier answer"),
    ("routes?status=broken", "status", "one of up, degraded, down"),
    ("routes?host=onne", "host", "Did you mean one?"),
    ("routes?limit=1001", "limit", "from 1 to 1000"),
    ("issues?severity=bad", "severity", "one of error, warning, info"),
    ("issues?format=trafik", "format", "one of traefik"),
    ("domains/shop.example?limit=1", "limit", "Known here: revision, wait"),
    ("changes?host=onne", "host", "Did you mean one?"),
    ("changes?since=yesterday", "since", "how long ago"),
    ("stream?host=onne", "host", "Did you mean one?"),
    ("labels?x=1", "x", "none here"),
]


async def test_a_bad_parameter_is_named_with_what_would_be_right(client: httpx.AsyncClient) -> None:
    for path, parameter, words in BAD:
        told = await problem(client, f"/api/revp/{path}", 400)
        assert told.parameter == parameter
        assert words in told.detail


async def test_without_a_table_of_routes_all_of_it_is_unavailable(nursery: trio.Nursery) -> None:
    app = create_app(Shown(FleetInMemory()))
    address: str = await nursery.start(partial(serve, app, "127.0.0.1:0"))
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=30) as client:
        for path in ("routes", "labels", "traefik", "stream", "changes", "issues?format=caddy"):
            told = await problem(client, f"/api/revp/{path}", 503)
            assert told.type == "urn:fleet:problem:routes-unavailable"


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        (" Shop.Example. ", "shop.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("*.bücher.example", "*.xn--bcher-kva.example"),
        ("bü*.example", "bü*.example"),
        ("-ü.example", "-ü.example"),
    ],
)
def test_domains_are_written_as_the_table_does(text: str, domain: str) -> None:
    assert canonical_domain(text) == domain
