from __future__ import annotations

import httpx
import pytest
import trio

from tests.web.fleet_in_memory import FleetInMemory
from tests.web.raw import connect
from tests.web.reading import RUN, follow, until
from web.app import Application
from web.event_stream import Gaps, Resume, parse_last_event_id, run_of


async def test_events_come_in_order_with_ids(address: str, fleet: FleetInMemory) -> None:
    fleet.emit("before")
    async with follow(address) as reader:
        assert reader.headers[b"content-type"] == b"text/event-stream; charset=utf-8"
        for _ in range(50):
            fleet.emit()
        first = await reader.next()
        assert (first.event, first.id, first.data["number"]) == ("message", f"2-{RUN}", 2)
        assert await reader.numbers(49) == list(range(3, 52))


async def test_filters_leave_out_without_telling_of_gaps(
    address: str, fleet: FleetInMemory
) -> None:
    async with follow(address, "host=two&type=container&action=die&container=web") as reader:
        fleet.emit("die")
        fleet.emit("start", host="two")
        fleet.emit("die", host="two", type="network")
        fleet.emit("die", host="two", name="other")
        fleet.emit("die", host="two")
        assert await reader.numbers(1) == [5]


@pytest.mark.parametrize("last", ["3", f"3-{RUN}"])
async def test_a_stream_resumes_after_the_last_id(
    address: str, fleet: FleetInMemory, last: str
) -> None:
    for _ in range(5):
        fleet.emit()
    async with follow(address, last_event_id=last) as reader:
        fleet.emit()
        assert await reader.numbers(3) == [4, 5, 6]


@pytest.mark.parametrize("before", [0, 3])
async def test_the_stream_goes_on_where_a_list_ended_though_nothing_in_it_was_wanted(
    address: str, fleet: FleetInMemory, before: int
) -> None:
    for _ in range(before):
        fleet.emit("start")
    async with httpx.AsyncClient() as client:
        listed = (await client.get(f"http://{address}/api/events?action=pause")).json()
    assert listed["events"] == []
    fleet.emit("pause")  # between the list and the stream
    async with follow(address, "action=pause", last_event_id=listed["last_id"]) as reader:
        assert await reader.numbers(1) == [before + 1]


async def test_what_memory_no_longer_holds_is_told_as_a_gap(
    address: str, fleet: FleetInMemory
) -> None:
    for _ in range(1010):
        fleet.emit()
    async with follow(address, last_event_id=f"2-{RUN}") as reader:
        gap = await reader.next()
        assert (gap.event, gap.id, gap.data["missed"]) == ("gap", f"10-{RUN}", 8)
        assert await reader.numbers(2) == [11, 12]


@pytest.mark.parametrize("last", ["1-abc", "99", "rubbish"])
async def test_an_id_of_an_earlier_run_is_told_as_a_gap_of_unknown_size(
    address: str, fleet: FleetInMemory, last: str
) -> None:
    fleet.emit()
    async with follow(address, last_event_id=last) as reader:
        gap = await reader.next()
        assert (gap.event, gap.data) == ("gap", {"missed": None, "reason": "restarted"})
        assert await reader.numbers(1) == [1]


async def test_a_slow_reader_is_told_what_it_missed(address: str, fleet: FleetInMemory) -> None:
    async with follow(address) as reader:
        for _ in range(3000):  # at once: the feed holds 1000
            fleet.emit()
        gap = await reader.next()
        assert gap.event == "gap"
        missed = gap.data["missed"]
        assert isinstance(missed, int)
        assert missed >= 1999
        assert await reader.numbers(1000) == list(range(missed + 1, missed + 1001))


async def test_a_client_that_reads_nothing_is_cut_off_and_frees_its_place(
    address: str, app: Application, fleet: FleetInMemory
) -> None:
    async with await connect(address) as deaf:
        await deaf.send_all(b"GET /api/stream/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await until(lambda: bool(fleet.subscribers))
        for _ in range(200):
            fleet.emit(padding=100_000)  # more than the sockets' buffers take
        await until(lambda: not fleet.subscribers)
        assert len(app.streams) == 0


async def test_silence_is_broken_by_heartbeats_that_carry_the_place(
    address: str, fleet: FleetInMemory
) -> None:
    async with follow(address, "action=wanted") as reader:
        assert (await reader.next_block()).heartbeat
        fleet.emit("unwanted")
        with trio.fail_after(20):
            while (beat := await reader.next_block()).id != f"1-{RUN}":
                assert beat.heartbeat
        fleet.emit("wanted")
        assert await reader.numbers(1) == [2]


async def test_places_are_limited_and_a_disconnect_frees_one(
    address: str, client: httpx.AsyncClient, app: Application, fleet: FleetInMemory
) -> None:
    async with follow(address):
        async with follow(address):
            refused = await client.get("/api/stream/events")
            assert refused.status_code == 503
            assert refused.json()["type"] == "urn:fleet:problem:too-many-streams"
            assert refused.headers["retry-after"] == "5"
        await until(lambda: len(app.streams) == 1)
        assert len(fleet.subscribers) == 1
        async with follow(address) as reader:
            fleet.emit()
            assert await reader.numbers(1) == [1]
    await until(lambda: not fleet.subscribers)
    assert app.streams.refused == 1


@pytest.mark.parametrize(
    ("header", "resume"),
    [
        (None, Resume()),
        ("", Resume()),
        ("7", Resume(after=7)),
        ("7-ab", Resume(after=7)),
        ("0", Resume(after=0)),
        ("10", Resume(after=0, restarted=True)),
        ("7-cd", Resume(after=0, restarted=True)),
        ("-1", Resume(after=0, restarted=True)),
        ("9" * 40, Resume(after=0, restarted=True)),
    ],
)
def test_last_event_id(header: str | None, resume: Resume) -> None:
    assert parse_last_event_id(header, "ab", newest=9) == resume


def test_gaps() -> None:
    gaps = Gaps(None)
    assert [gaps.before(5, 0), gaps.before(6, 0), gaps.before(9, 2)] == [0, 0, 2]
    assert Gaps(None).before(5, 3) == 3
    assert run_of(FleetInMemory()) == RUN
