"""Lines of all containers that match, in one stream."""

from __future__ import annotations

import httpx
import pytest
import trio

from tests.web.history_in_memory import HistoryInMemory
from tests.web.live_in_memory import LiveInMemory, container_id
from tests.web.logs_in_memory import LogsInMemory, make_line
from tests.web.reading import Message, Reader, follow, until
from tests.web.test_answers import problem
from tests.web.ws import converse
from web.history import LogFilter
from web.history_documents import LogLineDocument
from web.live.filters import LiveFilter, subject_test
from web.log_choice import MOST_FOLLOWED, Matching

PATH = "/api/stream/logs"


@pytest.fixture
def live() -> LiveInMemory:
    """With two containers of a project, and one of none."""
    live = LiveInMemory()
    live.container("web", labels={"project": "shop"})
    live.container("db", labels={"project": "shop"})
    live.container("other")
    return live


def of(name: str, number: int, text: str = "") -> LogLineDocument:
    text = text or f"{name} {number}"
    return make_line(number, text, name=name, container_id=container_id(name))


def key(name: str) -> tuple[str, str]:
    return ("one", container_id(name))


async def lines(reader: Reader, count: int) -> list[object]:
    return [(await reader.next()).data["line"] for _ in range(count)]


async def following(logs: LogsInMemory, *names: str) -> None:
    await until(lambda: logs.followers.keys() == {key(name) for name in names})


async def test_stored_and_live_lines_of_all_that_match_by_their_times(
    address: str, history: HistoryInMemory, logs: LogsInMemory
) -> None:
    history.lines = [of("web", 1), of("db", 2), of("web", 3)]
    query = "label=project%3Dshop&tail=2&text=B"
    async with follow(address, query, path=PATH) as reader:
        first = await reader.next()
        assert (
            first.data.items()
            >= {
                "line": "db 2",
                "host": "one",
                "container_id": container_id("db"),
                "name": "db",
                "stream": "stdout",
                "level": None,
            }.items()
        )
        assert await lines(reader, 1) == ["web 3"]
        assert history.meant[0] == LogFilter(labels=(("project", "shop"),), text="B")
        await following(logs, "web", "db")
        logs.followers[key("db")].put(of("db", 6), of("web", 5), of("web", 3), of("web", 4, "no"))
        assert await lines(reader, 2) == ["web 5", "db 6"]
    await until(lambda: not logs.followers)


async def test_a_container_that_comes_later_joins_with_its_first_lines(
    address: str, history: HistoryInMemory, logs: LogsInMemory, live: LiveInMemory
) -> None:
    history.held_up = trio.Event()
    async with follow(address, "label=project&tail=0", path=PATH) as reader:
        await following(logs, "web", "db")
        history.lines.append(of("api", 10**8))
        live.container("new", labels={"team": "shop"})
        live.container("api", labels={"project": "shop"})
        live.remove("db")  # whose last lines may still come
        await following(logs, "web", "db", "api")
        history.held_up.set()
        assert await lines(reader, 1) == [f"api {10**8}"]
        logs.followers[key("api")].put(of("api", 10**8), of("api", 10**8 + 1), of("db", 7))
        assert await lines(reader, 2) == ["db 7", f"api {10**8 + 1}"]


async def test_who_resumes_is_told_what_came_late_and_nothing_twice(
    address: str, history: HistoryInMemory, logs: LogsInMemory
) -> None:
    history.lines = [of("db", 1), of("web", 2)]
    async with follow(address, "container=web&container=db&tail=1", path=PATH) as reader:
        assert await lines(reader, 1) == ["web 2"]
        await following(logs, "web", "db")
        logs.followers[key("web")].put(of("db", 5), of("web", 9))
        told = [await reader.next(), await reader.next()]
        assert [message.data["line"] for message in told] == ["db 5", "web 9"]
        assert not told[0].id  # who has only this one is told both again
    history.lines += [of("db", 5), of("web", 9), of("db", 7), of("db", 10), of("web", 11)]
    place = told[-1].id
    async with follow(address, "container=web&container=db", place, path=PATH) as reader:
        assert await lines(reader, 3) == ["db 7", "db 10", "web 11"]
        await following(logs, "web", "db")
        logs.followers[key("web")].put(of("db", 12))
        assert await lines(reader, 1) == ["db 12"]


async def test_a_page_of_lines_is_followed_on(
    address: str, client: httpx.AsyncClient, history: HistoryInMemory
) -> None:
    history.lines = [of("web", 1), of("db", 2), of("web", 3)]
    page = (await client.get("/api/logs?limit=2&direction=forward&label=project")).json()
    async with follow(address, "label=project", page["newer"], path=PATH) as reader:
        assert await lines(reader, 1) == ["web 3"]


async def test_a_slow_reader_is_told_of_the_gap_and_a_silent_one_is_alive(
    address: str, logs: LogsInMemory
) -> None:
    async with follow(address, "container=web&level=error", path=PATH) as reader:
        await following(logs, "web")
        followed = logs.followers[key("web")]
        followed.dropped = 3
        followed.put(of("web", 1))
        told: Message = await reader.next()
        assert (told.event, told.data["missed"]) == ("gap", 3)
        while not (await reader.next_block()).heartbeat:
            followed.put(of("web", 2))  # that is not told is no sign of life


@pytest.mark.parametrize(
    ("query", "status"), [("host=nix", 400), ("tail=1001", 400), ("start=nix", 400), ("", 400)]
)
async def test_what_is_not_followed_is_refused(
    client: httpx.AsyncClient, live: LiveInMemory, query: str, status: int
) -> None:
    for number in range(MOST_FOLLOWED):
        live.container(f"many {number}")
    said = await problem(client, f"{PATH}?{query}", status)
    if not query:
        assert "103 containers match" in said.detail
    answer = await client.get(PATH, headers={"last-event-id": "nix"})
    assert answer.status_code == 400


async def test_a_socket_follows_several(address: str, logs: LogsInMemory) -> None:
    async with converse(address) as socket:
        filters: list[dict[str, object]] = [{"label": ["project"]}, {"container": "db"}]
        for number, wanted in enumerate(filters):
            await socket.say(subscribe="logs", id=number, filter={**wanted, "tail": 0})
            assert (await socket.next())["type"] == "subscribed"
            await until(lambda: key("db") in logs.followers)
            logs.followers[key("db")].put(of("db", 1))
            while (told := await socket.next())["type"] == "heartbeat":
                pass
            assert (told["id"], told["type"]) == (number, "line")
            await socket.say(unsubscribe=number)
            while (await socket.next())["type"] != "unsubscribed":
                pass
            await until(lambda: not logs.followers)


async def test_who_finds_no_room_comes_in_once_there_is_some() -> None:
    live = LiveInMemory()
    for number in range(MOST_FOLLOWED - 1):
        live.container(f"{number} web")
    matching = Matching(live.ledger("containers"), subject_test(LiveFilter(host=("one",))))
    live.container("a")
    live.container("b")
    live.container("elsewhere", host="two")
    joined = await matching.joined()
    assert (joined.containers, joined.is_full) == (frozenset([key("a")]), True)
    live.remove("0 web")
    joined = await matching.joined()
    assert (joined.containers, joined.is_full) == (frozenset([key("b")]), False)
    assert key("0 web") in matching.containers
    live.remove("1 web")
    live.container("0 web")  # it is there again
    live.container("c")
    joined = await matching.joined()
    assert (joined.containers, joined.is_full) == (frozenset(), True)


async def test_those_that_went_long_ago_are_let_go() -> None:
    live = LiveInMemory(gone=2)
    live.container("first")
    matching = Matching(live.ledger("containers"), None)
    for number in range(10):  # of most of which it is forgotten that they went
        live.container(f"{number} web")
        live.remove(f"{number} web")
    live.remove("first")
    for name in ("x", "y", "z"):
        live.container(name)
        live.remove(name)
    live.container("last")
    assert (await matching.joined()).containers == {key("last")}
    for number in range(3 * MOST_FOLLOWED):
        live.container(f"{number} job")
        assert (await matching.joined()).containers == {key(f"{number} job")}
        live.remove(f"{number} job")
    assert len(matching.containers) <= 2 * MOST_FOLLOWED
    assert key("last") in matching.containers
