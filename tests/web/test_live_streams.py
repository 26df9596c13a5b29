from __future__ import annotations

import httpx
import pytest
import trio

from tests.web.live_in_memory import LiveInMemory, container_id
from tests.web.live_serving import LiveServed, connect_small
from tests.web.reading import RUN, EndOfStreamError, Message, Reader, follow, until
from web.app import Application

CONTAINERS = "/api/stream/containers"


async def test_a_snapshot_comes_first_and_then_what_changes(
    address: str, live: LiveInMemory
) -> None:
    live.container("a")
    live.container("b", host="two")
    live.container("a", "paused")
    async with follow(address, path=CONTAINERS) as reader:
        assert reader.headers[b"content-type"] == b"text/event-stream; charset=utf-8"
        first = await reader.next()
        assert (first.event, first.id) == ("snapshot", f"3-{RUN}")
        assert states(first) == {"b": "running", "a": "paused"}
        live.container("c")
        changed = await reader.next()
        assert (changed.event, changed.id) == ("changed", f"4-{RUN}")
        assert (changed.data["name"], changed.data["stats"]) == ("c", None)
        live.remove("a")
        removed = await reader.next()
        assert (removed.event, removed.id) == ("removed", f"5-{RUN}")
        about = {"type": "container", "host": "one", "id": container_id("a"), "name": "a"}
        assert removed.data == about


async def test_nothing_there_is_a_snapshot_too_and_none_comes_if_none_is_wanted(
    address: str, live: LiveInMemory
) -> None:
    async with follow(address, path="/api/stream/hosts") as reader:
        assert (await reader.next()).data == {"hosts": []}
    live.host("one")
    async with follow(address, "snapshot=false", path="/api/stream/hosts") as reader:
        live.host("one", "down")
        changed = await reader.next()
        assert (changed.event, changed.data["status"]) == ("changed", "down")


async def test_a_snapshot_of_many_pieces_is_one_event(address: str, live: LiveInMemory) -> None:
    for number in range(300):
        live.container(f"c{number}", padding=2000)
    async with follow(address, path=CONTAINERS) as reader:
        assert states(await reader.next()).keys() == {f"c{number}" for number in range(300)}


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("host=two", {"b", "ba"}),
        ("host=one&host=two", {"a", "b", "ba"}),
        ("label=site=fra", {"a"}),
        ("label=site&label=x=", {"b"}),
        ("container=b", {"b"}),
        ("container=name:ba&container=a", {"ba", "a"}),
        (f"container={container_id('ba')[:4]}", {"ba"}),
        (f"container={container_id('a')[:3]}", set[str]()),
        ("host=one&label=site", {"a"}),
    ],
)
async def test_filters_hold_for_the_snapshot_and_for_changes(
    address: str, live: LiveInMemory, query: str, wanted: set[str]
) -> None:
    def change(state: str) -> None:
        live.container("a", state, labels={"site": "fra"})
        live.container("b", state, host="two", labels={"site": "ams", "x": ""})
        live.container("ba", state, host="two")
        live.container("end", state, labels={"site": "fra", "x": ""}, host="one")

    change("running")
    async with follow(address, query, path=CONTAINERS) as reader:
        known = states(await reader.next())
        assert known.keys() - {"end"} == wanted
        change("paused")
        for _ in known:
            changed = await reader.next()
            known[str(changed.data["name"])] = str(changed.data["state"])
        assert set(known.values()) <= {"paused"}
        assert known.keys() - {"end"} == wanted


async def test_samples_are_of_containers_and_hosts(address: str, live: LiveInMemory) -> None:
    live.sample("a")
    live.machine("one")
    for kind, told in (("host", {"host"}), ("container", {"container"})):
        async with follow(address, f"type={kind}", path="/api/stream/stats") as reader:
            snapshot = await reader.next()
            assert {one["type"] for one in listed(snapshot, "stats")} == told


async def test_a_client_resumes_where_it_left_off(address: str, live: LiveInMemory) -> None:
    live.container("a")
    live.container("b")
    async with follow(address, path=CONTAINERS) as reader:
        place = (await reader.next()).id
    live.container("c")
    live.container("b", "paused")
    live.container("b", "exited")
    live.remove("a")
    async with follow(address, last_event_id=place, path=CONTAINERS) as reader:
        told = [await reader.next() for _ in range(4)]
    assert told[0].event == "skipped"
    assert told[0].data == {"skipped": 1}
    assert [(one.event, one.data["name"]) for one in told[1:]] == [
        ("changed", "c"),
        ("changed", "b"),
        ("removed", "a"),
    ]
    assert told[2].data["state"] == "exited"


@pytest.mark.parametrize("place", ["1-abc", "99-" + RUN, "rubbish", "1", f"-1-{RUN}"])
async def test_a_place_that_is_none_gets_a_gap_and_a_snapshot(
    address: str, live: LiveInMemory, place: str
) -> None:
    live.container("a")
    async with follow(address, last_event_id=place, path=CONTAINERS) as reader:
        gap, snapshot = await reader.next(), await reader.next()
        assert (gap.event, gap.data["missed"]) == ("gap", None)
        assert states(snapshot) == {"a": "running"}


async def test_who_was_away_for_too_many_removals_gets_a_gap(nursery: trio.Nursery) -> None:
    live = LiveInMemory(gone=3)
    served = LiveServed(live)
    address: str = await nursery.start(served.run)
    for number in range(9):
        live.container(f"c{number}")
    async with follow(address, path=CONTAINERS) as reader:
        place = (await reader.next()).id
        for number in range(4):
            live.remove(f"c{number}")
        # More went at once than is remembered, so also this reader is told to start anew.
        assert [(await reader.next()).event for _ in range(2)] == ["gap", "snapshot"]
    async with follow(address, last_event_id=place, path=CONTAINERS) as reader:
        gap, snapshot = await reader.next(), await reader.next()
        assert gap.data["reason"] == "away too long"
        assert states(snapshot).keys() == {f"c{number}" for number in range(4, 9)}
    async with follow(address, last_event_id=f"10-{RUN}", path=CONTAINERS) as reader:
        assert [(await reader.next()).event for _ in range(3)] == ["removed"] * 3


async def test_a_slow_client_gets_the_newest_state_of_each(nursery: trio.Nursery) -> None:
    live = LiveInMemory()
    address: str = await nursery.start(LiveServed(live).run)
    async with await connect_small(address) as stream:
        reader = Reader(stream, CONTAINERS, "snapshot=false", None)
        await reader.start()
        live.container("big", padding=300_000)
        await until(lambda: live.described == 1)  # it is being written, and not taken
        for number in range(100):
            live.container("a", f"a{number}")
            live.container("b", f"b{number}")
        live.container("c")
        live.remove("c")
        told = [await reader.next() for _ in range(5)]
    assert [one.event for one in told] == ["changed", "skipped", "changed", "changed", "removed"]
    assert told[1].data == {"skipped": 202 - 3}
    assert [one.data.get("state") for one in told[2:]] == ["a99", "b99", None]
    assert live.described == 3, "what is not sent is not even made"


async def test_what_changes_while_a_batch_is_written_is_left_out_of_it(
    nursery: trio.Nursery,
) -> None:
    live = LiveInMemory()
    address: str = await nursery.start(LiveServed(live).run)
    async with await connect_small(address) as stream:
        reader = Reader(stream, CONTAINERS, "container=a&container=big&snapshot=false", None)
        await reader.start()
        live.container("big", padding=300_000)
        live.container("a", "first")
        await until(lambda: live.described == 1)
        for state in ("second", "third", "last"):
            live.container("a", state)
            live.container("unwanted", state)
        told = [await reader.next() for _ in range(4)]
    assert [one.event for one in told] == ["changed", "skipped", "skipped", "changed"]
    assert [one.data["skipped"] for one in told[1:3]] == [1, 2]
    assert told[3].data["state"] == "last"


async def test_a_document_is_made_once_for_all_readers(address: str, live: LiveInMemory) -> None:
    async with (
        follow(address, "snapshot=false", path=CONTAINERS) as one,
        follow(address, "snapshot=false", path=CONTAINERS) as two,
    ):
        live.container("a")
        assert (await one.next()).data == (await two.next()).data
    assert live.described == 1


async def test_heartbeats_carry_the_place_past_what_is_not_wanted(
    address: str, live: LiveInMemory
) -> None:
    async with follow(address, "host=two&snapshot=false", path=CONTAINERS) as reader:
        assert (await reader.next_block()).heartbeat
        live.container("a")
        with trio.fail_after(20):
            while (beat := await reader.next_block()).id != f"1-{RUN}":
                assert beat.heartbeat


async def test_what_is_not_wanted_does_not_hold_up_heartbeats(
    address: str, live: LiveInMemory, nursery: trio.Nursery
) -> None:
    async def change_without_pause() -> None:
        while True:
            live.container("a")
            await trio.sleep(0.001)

    nursery.start_soon(change_without_pause)
    async with follow(address, "host=two&snapshot=false", path=CONTAINERS) as reader:
        assert (await reader.next_block()).heartbeat


async def test_a_client_that_reads_nothing_is_cut_off_and_frees_its_place(
    nursery: trio.Nursery,
) -> None:
    live = LiveInMemory()
    served = LiveServed(live, write_timeout=0.3)
    address: str = await nursery.start(served.run)
    async with await connect_small(address) as deaf:
        await deaf.send_all(f"GET {CONTAINERS} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await until(lambda: len(served.app.streams) == 1)
        live.container("big", padding=1_000_000)
        await until(lambda: len(served.app.streams) == 0)


async def test_places_are_shared_by_all_streams(
    address: str, client: httpx.AsyncClient, app: Application, live: LiveInMemory
) -> None:
    async with follow(address), follow(address, path=CONTAINERS):
        refused = await client.get("/api/stream/stats")
        assert refused.json()["type"] == "urn:fleet:problem:too-many-streams"
    await until(lambda: len(app.streams) == 0)
    async with follow(address, path=CONTAINERS) as reader:
        assert (await reader.next()).event == "snapshot"
        live.container("a")
        with trio.fail_after(20):
            assert (await reader.next()).event == "changed"


async def test_the_end_of_the_server_ends_all_streams_properly(nursery: trio.Nursery) -> None:
    served = LiveServed(LiveInMemory())
    address: str = await nursery.start(served.run)
    paths = [f"/api/stream/{name}" for name in ("hosts", "containers", "stats")]
    async with (
        follow(address, path=paths[0]) as one,
        follow(address, path=paths[1]) as two,
        follow(address, path=paths[2]) as three,
    ):
        served.scope.cancel()
        with trio.fail_after(20):
            await served.ended.wait()
        for reader in (one, two, three):
            assert (await reader.next()).event == "snapshot"
            with pytest.raises(EndOfStreamError):  # a whole chunked answer, not a broken one
                await reader.next()


async def test_mistakes_are_explained(client: httpx.AsyncClient) -> None:
    unknown = await client.get("/api/stream/containers?host=onr")
    assert (unknown.status_code, unknown.json()["suggestions"]) == (400, ["one"])
    for query in ("type=image", "labels=x", "snapshot=perhaps"):
        assert (await client.get(f"/api/stream/stats?{query}")).status_code == 400
    paths = (await client.get("/api/openapi.json")).json()["paths"]
    assert {f"/api/stream/{name}" for name in ("hosts", "containers", "stats")} <= paths.keys()


def listed(snapshot: Message, name: str) -> list[dict[str, object]]:
    """What a snapshot holds."""
    held = snapshot.data[name]
    assert isinstance(held, list)
    return held


def states(snapshot: Message) -> dict[str, str]:
    """The states of a snapshot's containers by name."""
    return {str(one["name"]): str(one["state"]) for one in listed(snapshot, "containers")}
