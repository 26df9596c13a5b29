from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.web.fleet_in_memory import START, FleetInMemory, make_event, make_stats
from tests.web.history_in_memory import HistoryInMemory
from tests.web.routes_in_memory import RoutesInMemory
from tests.web.test_answers import problem
from web.parameters import MOST_VALUES
from web.rest.order import Listing
from web.rest.pages import Cut, cut_page

Item = tuple[str, float | None, str]
ITEMS: Listing[Item] = Listing(
    {"word": lambda item: item[0], "number": lambda item: item[1]}, ties=lambda item: (item[2],)
)
items = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.none() | st.sampled_from([0.5, 1.0, 2.0]), st.text(max_size=3)
    ),
    unique_by=lambda item: item[2],
    max_size=12,
)
sorts = st.sampled_from([None, "word", "-word", "number,-word", "-number", "-number,word"])


@given(found=items, sort=sorts, limit=st.integers(1, 5), gone=st.sets(st.integers(0, 11)))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_pages_by_cursor_have_each_item_once_whatever_goes_meanwhile(
    found: list[Item], sort: str | None, limit: int, gone: set[int]
) -> None:
    order = ITEMS.order(sort)
    whole = sorted(found, key=order.place)
    staying = [item for place, item in enumerate(whole) if place not in gone]
    seen: list[Item] = []
    cursor, held = None, whole
    while True:
        page, cut = cut_page(held, order, Cut(limit, cursor=cursor))
        seen += page
        held = staying
        if cut.next is None:
            break
        cursor = cut.next
    assert [item for item in seen if item in staying] == staying
    assert len(seen) == len(set(seen))


@given(found=items)
@settings(derandomize=True, deadline=None, max_examples=50)
def test_what_is_not_known_comes_last(found: list[Item]) -> None:
    for sort in ("number", "-number"):
        page, _ = cut_page(found, ITEMS.order(sort), Cut(100))
        numbers = [item[1] for item in page]
        known = [number for number in numbers if number is not None]
        assert numbers == sorted(known, reverse=sort[0] == "-") + [None] * numbers.count(None)


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [f"{one['host']}/{one['name']}" for one in answer.json()["containers"]]


@pytest.fixture
def busy(fleet: FleetInMemory) -> FleetInMemory:
    for number, cpu in enumerate([5.0, 80.0, None]):
        stats = msgspec.structs.replace(make_stats(), cpu_percent=cpu, memory_used=number)
        fleet.add_container("two", f"app-{number}", stats=stats, labels={"a.b": "c", "d": "e"})
    return fleet


@pytest.mark.usefixtures("busy")
async def test_containers_are_sorted_as_asked(client: httpx.AsyncClient) -> None:
    hungry = await client.get("/api/containers?sort=-cpu&limit=3")
    assert names(hungry) == ["two/app-1", "two/app-0", "one/stats"]
    by_both = await client.get("/api/containers?sort=-host,-name")
    assert names(by_both)[:2] == ["two/web", "two/app-2"]
    link = hungry.headers["link"]
    assert link.endswith('>; rel="next"')
    following = await client.get("/api/containers" + link[1 : link.index(">")])
    assert names(following) == ["one/web", "two/app-2", "two/web"]
    assert following.json()["page"] == {"total": 6, "offset": 3, "limit": 3, "next": None}
    assert "link" not in following.headers


@pytest.mark.usefixtures("busy")
async def test_only_the_fields_asked_for_are_sent(client: httpx.AsyncClient) -> None:
    query = "fields=host,name,stats.cpu_percent,labels.a.b,health.status&sort=-cpu&limit=1"
    answer = (await client.get(f"/api/containers?{query}")).json()
    assert answer["containers"] == [
        {
            "host": "two",
            "name": "app-1",
            "stats": {"cpu_percent": 80.0},
            "labels": {"a.b": "c"},
            "health": {"status": "none"},
        }
    ]
    assert answer["page"]["total"] == 6
    nothing = (await client.get("/api/containers?fields=stats.pids&name=web")).json()
    assert nothing["containers"] == [{"stats": None}, {"stats": None}]
    hosts = (await client.get("/api/hosts?fields=name,containers.running")).json()
    assert hosts["hosts"][0] == {"name": "one", "containers": {"running": 0}}


@pytest.mark.parametrize(
    ("path", "parameter", "words"),
    [
        ("/api/containers?fields=host,nme", "fields", "Did you mean name?"),
        ("/api/containers?fields=stats.cpu", "fields", "stats.cpu_percent"),
        ("/api/containers?fields=cpu_percent", "fields", "stats.cpu_percent"),
        ("/api/containers?fields=", "fields", "is not there"),
        ("/api/containers?fields=name.x", "fields", "is not there"),
        ("/api/containers?sort=cpuu", "sort", "Did you mean cpu?"),
        ("/api/containers?sort=cpu,-cpu", "sort", "different ones"),
        ("/api/containers?sort=cpu,", "sort", "name, host, state"),
        ("/api/containers?cursor=x", "cursor", "as it is"),
        ("/api/containers?cursor=WyIiLDEsMiwzXQ", "cursor", "as it is"),
        (
            "/api/containers?sort=cpu&cursor=WyIiLCJhIiwiYiIsImMiXQ",
            "cursor",
            "the same query (sort, too)",
        ),
        ("/api/containers?offset=1&cursor=WyIiLCJhIiwiYiIsImMiXQ", "offset", "not both"),
        ("/api/hosts?status=upp", "status", "up, down"),
        ("/api/events?cursor=WyIiLDFd", "cursor", "as it is"),
        ("/api/events?cursor=WyIiLDFlOTksImEiLCJiIiwiYyIsImQiXQ", "cursor", "as it is"),
        ("/api/revp/routes?fields=domian", "fields", "Did you mean domain?"),
    ],
)
async def test_a_mistake_is_told_with_what_would_be_right(
    client: httpx.AsyncClient, path: str, parameter: str, words: str
) -> None:
    told = await problem(client, path, 400)
    assert told.parameter == parameter
    assert words in told.detail


async def test_hosts_are_filtered_sorted_and_paged(
    client: httpx.AsyncClient, fleet: FleetInMemory
) -> None:
    host = fleet.add_host("three")
    fleet.known_hosts["three"] = msgspec.structs.replace(host, labels={"site": "fra"})

    async def found(query: str) -> list[str]:
        answer = (await client.get(f"/api/hosts?{query}")).json()
        return [one["name"] for one in answer["hosts"]]

    assert await found("") == ["one", "three", "two"]
    assert await found("label=site=fra") == ["three"]
    assert await found("status=down") == ["two"]
    assert await found("name=t*o") == ["two"]
    assert await found("sort=-name") == ["two", "three", "one"]
    page = (await client.get("/api/hosts?limit=2")).json()["page"]
    assert await found(f"limit=2&cursor={page['next']}") == ["two"]


async def test_images_are_sorted_and_paged(client: httpx.AsyncClient, fleet: FleetInMemory) -> None:
    for host, digit, *tags in (("one", "1", "b:1"), ("one", "2"), ("two", "3", "a:1", "a:2")):
        fleet.add_image(host, digit, *tags)
    seen, query = [], "limit=1"
    while query:
        answer = await client.get(f"/api/images?{query}&fields=host,tags")
        seen += answer.json()["images"]
        more = answer.json()["page"]["next"]
        query = f"limit=1&cursor={more}" if more else ""
    assert [one["tags"] for one in seen] == [["b:1"], [], ["a:1", "a:2"]]
    by_tag = (await client.get("/api/images?sort=tag&fields=tags")).json()["images"]
    assert [one["tags"] for one in by_tag] == [["a:1", "a:2"], ["b:1"], []]


async def test_events_are_read_back_page_by_page_over_memory_and_database(
    client: httpx.AsyncClient, fleet: FleetInMemory, history: HistoryInMemory
) -> None:
    for _ in range(4):
        fleet.emit()
    twins = [make_event(0, name, seconds=-1) for name in ("create", "start", "die")]
    early = make_event(0, seconds=-60)
    history.events = [early, *twins, *(make_event(0, seconds=second) for second in (1, 2))]
    seen: list[dict[str, Any]] = []
    cursor = None
    while True:
        query = "limit=3&fields=time_nano,action" + (f"&cursor={cursor}" if cursor else "")
        answer = await client.get(f"/api/events?{query}")
        page = answer.json()
        seen = page["events"] + seen
        cursor = page["next"]
        assert ("link" in answer.headers) == (cursor is not None)
        if cursor is None:
            break
        fleet.emit()  # what comes meanwhile changes no page
    times = [event["time_nano"] for event in seen]
    assert times == sorted(times)
    assert len(seen) == 8
    assert {event["action"] for event in seen[1:4]} == {"create", "start", "die"}
    assert times[0] == int((START - timedelta(seconds=60)).timestamp()) * 10**9


async def test_routes_are_paged_by_cursor(
    client: httpx.AsyncClient, routes: RoutesInMemory
) -> None:
    routes.add_host("one")
    for number in range(5):
        routes.put("one", f"app-{number}", f"{number}.example.com", port=8080 + number)
    for name, field in (("routes", "domain"), ("containers", "name"), ("issues", "code")):
        seen, cursor = [], ""
        while True:
            path = f"/api/revp/{name}?limit=2&fields={field}{cursor}"
            page = (await client.get(path)).json()
            seen += [one[field] for one in page[name]]
            if page["page"]["next"] is None:
                break
            cursor = f"&cursor={page['page']['next']}"
        whole = (await client.get(f"/api/revp/{name}")).json()
        assert seen == [one[field] for one in whole[name]]
        assert name == "issues" or len(seen) == 5


@pytest.mark.usefixtures("busy")
async def test_several_containers_are_read_in_one_call(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/containers?id=one/web&id=cdcd&id=two/none&id=cd")
    assert names(answer) == ["one/stats", "one/web"]
    assert answer.json()["missing"] == ["two/none", "cd"]
    many = "&".join(f"id=one/{number}" for number in range(MOST_VALUES))
    assert (await client.get(f"/api/containers?{many}")).status_code == 200
    await problem(client, f"/api/containers?{many}&limit=1", 400)


async def test_the_history_of_several_containers_is_read_in_one_call(
    client: httpx.AsyncClient, history: HistoryInMemory
) -> None:
    history.remember("one", "gone", "ef" * 32)
    path = "/api/metrics/containers/history?last=2h&points=7"
    answer = (await client.get(f"{path}&id=one/web&id=efef&id=web&id=none/x&id=one/gone")).json()
    assert [f"{one['host']}/{one['name']}" for one in answer["containers"]] == [
        "one/web",
        "one/gone",
        "one/gone",
    ]
    assert answer["missing"] == ["web", "none/x"]
    assert {asked[4] for asked in history.asked} == {7}
    many = "&".join(f"id=one/{number}" for number in range(51))
    for query, parameter in ((many, "id"), ("last=1h", "id"), ("id=a&points=1001", "points")):
        told = await problem(client, f"/api/metrics/containers/history?{query}", 400)
        assert told.parameter == parameter
    history.away = "the database does not answer"
    await problem(client, f"{path}&id=one/web&id=efef", 503)
