from __future__ import annotations

import httpx
import pytest
import trio

from fleet.revp.feed import KEPT
from tests.web.reading import Reader, follow, until
from tests.web.routes_in_memory import RoutesInMemory
from web.app import Application
from web.revp.change_stream import Place, parse_place, place_of

PATH = "/api/revp/stream"


@pytest.fixture
def routes() -> RoutesInMemory:
    routes = RoutesInMemory()
    routes.add_host("one")
    routes.add_host("two")
    return routes


async def domains(reader: Reader, count: int) -> list[object]:
    return [(await reader.next()).data["domain"] for _ in range(count)]


async def test_changes_come_as_they_happen(address: str, routes: RoutesInMemory) -> None:
    routes.put("one", "before", "before.example")
    async with follow(address, path=PATH) as reader:
        assert reader.headers[b"content-type"] == b"text/event-stream; charset=utf-8"
        routes.put("one", "web", "a.example")
        routes.put("one", "web", "a.example", health="unhealthy")
        added, changed = await reader.next(), await reader.next()
    assert (added.event, added.data["kind"], added.data["status"]) == ("message", "added", "up")
    assert added.data["after"] == ["one/web 10.0.0.1:8080"]
    assert (changed.data["kind"], changed.data["status"]) == ("changed", "down")
    revision = routes.table().revision
    assert changed.data["revision"] == revision
    assert changed.id == str(place_of(routes.recent_changes(1)[0]))
    assert changed.id.startswith(f"{revision}-")


async def test_who_was_cut_off_within_a_revision_is_sent_the_rest(
    address: str, routes: RoutesInMemory
) -> None:
    for name in ("a", "b", "c"):
        routes.put("one", name, f"{name}.example", settle=False)
    routes.settle()
    routes.put("one", "d", "d.example")
    held = routes.recent_changes(4)
    assert len({change.revision for change in held}) == 2
    for known in range(1, 5):
        async with follow(
            address, path=PATH, last_event_id=str(place_of(held[known - 1]))
        ) as reader:
            routes.put("two", f"new{known}", f"new{known}.example")
            expected = [change.domain for change in held[known:]]
            expected += [f"new{one}.example" for one in range(1, known + 1)]
            assert await domains(reader, len(expected)) == expected
    whole = str(held[0].revision)  # as documents tell it
    async with follow(address, path=PATH, last_event_id=whole) as reader:
        assert await domains(reader, 1) == ["d.example"]


@pytest.mark.parametrize("known", ["99999", "99999-00000000", "2-00000000", "rubbish", "-1"])
async def test_what_is_not_known_any_more_is_told_as_a_gap(
    address: str, routes: RoutesInMemory, known: str
) -> None:
    routes.put("one", "web", "a.example")
    async with follow(address, path=PATH, last_event_id=known) as reader:
        gap = await reader.next()
        assert (gap.event, gap.data["missed"]) == ("gap", None)
        assert await domains(reader, 1) == ["a.example"]


async def test_what_memory_let_go_is_told_as_a_gap(address: str, routes: RoutesInMemory) -> None:
    first = routes.table().revision
    for number in range(KEPT + 10):
        routes.put("one", "web", "a.example", port=1000 + number)
    oldest = routes.recent_changes(KEPT)[0].revision
    assert oldest > first + 1
    async with follow(address, path=PATH, last_event_id=str(first)) as reader:
        gap = await reader.next()
        assert (gap.event, gap.data["missed"]) == ("gap", None)
        assert (await reader.next()).data["revision"] == oldest


async def test_a_slow_reader_is_told_what_it_missed(address: str, routes: RoutesInMemory) -> None:
    async with follow(address, path=PATH) as reader:
        for number in range(KEPT + 10):  # at once: the feed holds fewer
            routes.put("one", "web", "a.example", port=1000 + number)
        gap = await reader.next()
        assert gap.event == "gap"
        assert isinstance(gap.data["missed"], int)
        assert gap.data["missed"] >= 9
        assert (await reader.next()).data["revision"] == routes.recent_changes(KEPT)[0].revision


async def test_filters_leave_out_and_heartbeats_carry_the_place(
    address: str, routes: RoutesInMemory
) -> None:
    async with follow(address, "domain=B.example&host=two", path=PATH) as reader:
        routes.put("one", "web", "a.example")
        place = place_of(routes.recent_changes(1)[0])
        with trio.fail_after(20):
            while (beat := await reader.next_block()).id != str(place):
                assert beat.heartbeat
        routes.put("one", "other", "b.example")
        routes.put("two", "other", "b.example", port=8081)
        found = await reader.next()
        assert found.data["before"] == ["one/other 10.0.0.1:8080"]


async def test_streams_take_places(
    address: str, client: httpx.AsyncClient, app: Application
) -> None:
    async with follow(address, path=PATH), follow(address, path=PATH):
        refused = await client.get(PATH)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    await until(lambda: not len(app.streams))
    assert (await client.head(PATH)).status_code == 405


@pytest.mark.parametrize(
    ("header", "place"),
    [
        (None, None),
        ("", None),
        (" 7 ", Place(revision=7)),
        ("7-0123abcd", Place(revision=7, mark="0123abcd")),
        ("7-xyz", Place(revision=-1)),
        ("9" * 40, Place(revision=-1)),
    ],
)
def test_last_event_id(header: str | None, place: Place | None) -> None:
    assert parse_place(header) == place
    assert place is None or place.revision == -1 or parse_place(str(place)) == place
