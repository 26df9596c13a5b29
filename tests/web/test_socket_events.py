from __future__ import annotations

import pytest
import trio
from msgspec.structs import replace

from tests.web.conftest import ID
from tests.web.fleet_in_memory import FleetInMemory
from tests.web.history_in_memory import HistoryInMemory
from tests.web.live_in_memory import LiveInMemory
from tests.web.live_serving import LiveServed
from tests.web.logs_in_memory import LogsInMemory, make_line
from tests.web.reading import RUN, follow, until
from tests.web.ws import Socket, converse
from web.access.model import Access
from web.access.static import StaticAuthority
from web.app import create_app
from web.parts import Admitting, Shown
from web.server import serve

LOGS = {"host": "one", "container": "web"}
KEY = ("one", ID)


async def told(socket: Socket, count: int) -> list[object]:
    return [(await socket.next())["type"] for _ in range(count)]


async def number(socket: Socket) -> object:
    message = await socket.next()
    assert message["type"] == "event", message
    assert isinstance(message["data"], dict)
    return message["data"]["number"]


async def line(socket: Socket) -> object:
    message = await socket.next()
    assert message["type"] == "line", message
    assert isinstance(message["data"], dict)
    return message["data"]["line"]


async def test_events_come_beside_other_subjects(
    address: str, fleet: FleetInMemory, live: LiveInMemory
) -> None:
    live.host("one")
    async with converse(address) as socket:
        await socket.say(subscribe="hosts", id=1)
        assert await told(socket, 2) == ["subscribed", "snapshot"]
        wanted = {"host": ["two"], "action": ["die", "start"], "type": ["container"]}
        await socket.say(subscribe="events", id=2, filter=wanted)
        assert await socket.next() == {"type": "subscribed", "id": 2}
        fleet.emit("die")
        fleet.emit("pause", host="two")
        fleet.emit("start", host="two", type="network")
        fleet.emit("start", host="two")
        message = await socket.next()
        assert (message["type"], message["id"], message["place"]) == ("event", 2, f"4-{RUN}")
        await socket.say(unsubscribe=2)
        assert await told(socket, 1) == ["unsubscribed"]
        await until(lambda: not fleet.subscribers)


async def test_events_resume_and_what_is_missing_is_a_gap(
    address: str, fleet: FleetInMemory
) -> None:
    for _ in range(1010):
        fleet.emit()
    async with converse(address) as socket:
        await socket.say(subscribe="events", id=1, after=f"1008-{RUN}")
        assert await told(socket, 1) == ["subscribed"]
        assert [await number(socket), await number(socket)] == [1009, 1010]
        await socket.say(unsubscribe=1)
        assert await told(socket, 1) == ["unsubscribed"]
        await socket.say(subscribe="events", id=2, after=f"2-{RUN}")
        assert await told(socket, 1) == ["subscribed"]
        gap = await socket.next()
        assert (gap["type"], gap["place"]) == ("gap", f"10-{RUN}")
        assert gap["data"] == {"missed": 8, "reason": "too slow or away too long"}
        await socket.say(subscribe="events", id=3, after="rubbish")
        while (gap := await socket.next())["id"] != 3 or gap["type"] != "gap":
            pass
        assert gap["data"] == {"missed": None, "reason": "restarted"}


async def test_a_client_too_slow_for_events_is_told_how_many_it_missed(
    address: str, fleet: FleetInMemory
) -> None:
    async with converse(address) as socket:
        await socket.say(subscribe="events", id=1)
        assert await told(socket, 1) == ["subscribed"]
        for _ in range(3000):  # at once: the feed holds 1000
            fleet.emit()
        gap = await socket.next()
        assert isinstance(gap["data"], dict)
        missed = gap["data"]["missed"]
        assert missed >= 1999
        assert await number(socket) == missed + 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("host=one&host=two", [1, 2, 3]),
        ("label=site%3Dfra", [1, 3]),
        ("label=site%3Dfra&label=padding", [3]),
        ("type=network&type=volume", [2]),
        ("container=db&container=web", [1, 2]),
    ],
)
async def test_the_stream_is_filtered_by_several(
    address: str, fleet: FleetInMemory, query: str, expected: list[int]
) -> None:
    fleet.known_hosts["one"] = replace(fleet.known_hosts["one"], labels={"site": "fra"})
    async with follow(address, query) as reader:
        fleet.emit()
        fleet.emit(host="two", type="network" if "type" in query else "container")
        fleet.emit(name="other", padding=1)
        assert await reader.numbers(len(expected)) == expected


async def test_stored_lines_then_live_ones(
    address: str, history: HistoryInMemory, logs: LogsInMemory
) -> None:
    history.lines = [make_line(number) for number in range(5)]
    async with converse(address) as socket:
        await socket.say(subscribe="logs", id="l", filter={**LOGS, "tail": 2})
        assert await told(socket, 1) == ["subscribed"]
        assert [await line(socket), await line(socket)] == ["line 3", "line 4"]
        logs.followers[KEY].put(make_line(4), make_line(5))
        message = await socket.next()
        assert (message["type"], message["id"]) == ("line", "l")
        logs.followers[KEY].dropped = 3
        logs.followers[KEY].put(make_line(6))
        gap = await socket.next()
        assert gap["data"] == {"missed": 3, "reason": "too slow"}
        history.lines += [make_line(5), make_line(6), make_line(7)]
        place = message["place"]
    await until(lambda: not logs.followers)
    async with converse(address) as socket:
        await socket.say(subscribe="logs", id=1, filter=LOGS, after=place)
        assert await told(socket, 1) == ["subscribed"]
        assert [await line(socket), await line(socket)] == ["line 6", "line 7"]


async def test_lines_are_filtered(address: str, logs: LogsInMemory) -> None:
    async with converse(address) as socket:
        await socket.say(subscribe="logs", id=1, filter={**LOGS, "level": ["error"], "text": "B"})
        assert await told(socket, 1) == ["subscribed"]
        await until(lambda: KEY in logs.followers)
        logs.followers[KEY].put(make_line(1), make_line(2, "boom", level="error"))
        assert await line(socket) == "boom"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ({"subscribe": "events", "filter": {"level": ["error"]}}, "unknown field `level`"),
        ({"subscribe": "events", "filter": {"host": ["nix"]}}, "nix"),
        ({"subscribe": "logs", "filter": {"host": ["nix"]}}, "nix"),
        ({"subscribe": "logs", "filter": {"container": 7}}, "container"),
        ({"subscribe": "logs", "filter": {"host": "one", "container": "nix"}}, "nix"),
        ({"subscribe": "logs", "filter": LOGS, "after": "rubbish"}, "rubbish"),
        ({"subscribe": "logs", "filter": {**LOGS, "tail": -1}}, "tail"),
        ({"subscribe": "hosts", "filter": {"action": ["die"]}}, "unknown field `action`"),
    ],
)
async def test_what_cannot_be_subscribed_to_is_explained(
    address: str, command: dict[str, object], words: str
) -> None:
    async with converse(address) as socket:
        await socket.say(id=1, **command)
        message = await socket.next()
        assert (message["type"], message["id"]) == ("error", 1)
        assert words in str(message["detail"])
        await socket.say(subscribe="events", id=1)  # the id is free
        assert await told(socket, 1) == ["subscribed"]


async def test_who_may_see_one_site_is_told_of_no_other(
    fleet: FleetInMemory, history: HistoryInMemory, logs: LogsInMemory, nursery: trio.Nursery
) -> None:
    fleet.known_hosts["one"] = replace(fleet.known_hosts["one"], labels={"site": "fra"})
    seen = Access(kind="anonymous", scope=(("site", "fra"),))
    app = create_app(Shown(fleet, history, logs), Admitting(authority=StaticAuthority(None, seen)))
    address: str = await nursery.start(
        lambda task_status: serve(app, "127.0.0.1:0", task_status=task_status)
    )
    async with converse(address) as socket:
        await socket.say(subscribe="events", id=1)
        assert await told(socket, 1) == ["subscribed"]
        fleet.emit(host="two")
        fleet.emit(host="one")
        assert await number(socket) == 2
        for subject, wanted in (
            ("events", {"host": ["two"]}),
            ("logs", {"host": "two", "container": "web"}),
        ):
            await socket.say(subscribe=subject, id=2, filter=wanted)
            assert await told(socket, 1) == ["error"]
        await socket.say(subscribe="logs", id=3, filter=LOGS)
        assert await told(socket, 1) == ["subscribed"]


async def test_ledgers_are_not_needed_for_events(nursery: trio.Nursery) -> None:
    served = LiveServed(LiveInMemory())
    served.app = create_app(Shown(FleetInMemory()))
    address: str = await nursery.start(served.run)
    async with converse(address) as socket:
        await socket.say(subscribe="hosts", id=1)
        assert await told(socket, 1) == ["error"]
        await socket.say(subscribe="events", id=1)
        assert await told(socket, 1) == ["subscribed"]
