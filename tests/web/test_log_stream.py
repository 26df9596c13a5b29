from __future__ import annotations

import httpx
import pytest
import trio

from tests.web.conftest import ID
from tests.web.history_in_memory import HistoryInMemory
from tests.web.logs_in_memory import LogsInMemory, make_line
from tests.web.reading import Reader, follow, until
from tests.web.test_answers import problem
from web.history import HistoryRefused

PATH = "/api/containers/one/web/logs"
KEY = ("one", ID)


async def lines(reader: Reader, count: int) -> list[object]:
    return [(await reader.next()).data["line"] for _ in range(count)]


async def test_stored_lines_then_live_ones_without_gap_or_double(
    address: str, history: HistoryInMemory, logs: LogsInMemory
) -> None:
    history.lines = [make_line(number) for number in range(5)]
    history.held_up = trio.Event()
    async with follow(address, "follow=true&limit=2", path=PATH) as reader:
        assert await lines(reader, 2) == ["line 3", "line 4"]
        history.lines += [make_line(5), make_line(6)]  # the first was on its way before we asked
        logs.followers[KEY].put(make_line(6), make_line(7))
        history.held_up.set()
        assert await lines(reader, 3) == ["line 5", "line 6", "line 7"]
    await until(lambda: not logs.followers)


async def test_a_client_resumes_after_the_last_line_it_got(
    address: str, history: HistoryInMemory, logs: LogsInMemory
) -> None:
    history.lines = [make_line(number) for number in range(3)]
    async with follow(address, "follow=true&limit=1", path=PATH) as reader:
        last = await reader.next()
    history.lines += [make_line(3), make_line(4)]
    async with follow(address, "follow=true&limit=1", last.id, path=PATH) as reader:
        assert await lines(reader, 2) == ["line 3", "line 4"]
        await until(lambda: KEY in logs.followers)
        logs.followers[KEY].put(make_line(5))
        assert await lines(reader, 1) == ["line 5"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [("text=BOOM", "boom"), ("level=error", "boom"), ("stream=stderr", "boom")],
)
async def test_live_lines_are_filtered(
    address: str, logs: LogsInMemory, query: str, expected: str
) -> None:
    async with follow(address, f"follow=true&{query}", path=PATH) as reader:
        await until(lambda: KEY in logs.followers)
        logs.followers[KEY].put(make_line(1), make_line(2, "boom", stream="stderr", level="error"))
        assert await lines(reader, 1) == [expected]


async def test_what_was_missed_is_told(address: str, logs: LogsInMemory) -> None:
    async with follow(address, "follow=true", path=PATH) as reader:
        await until(lambda: KEY in logs.followers)
        logs.followers[KEY].dropped = 3
        logs.followers[KEY].put(make_line(1))
        told = await reader.next()
        assert (told.event, told.data["missed"]) == ("gap", 3)
        assert await lines(reader, 1) == ["line 1"]


async def test_what_is_too_long_ago_is_told(
    address: str, history: HistoryInMemory, logs: LogsInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_asked: object) -> None:
        raise HistoryRefused("Ask for at most 30 days at once.")

    monkeypatch.setattr(history, "logs", refuse)
    async with follow(address, "follow=true&start=60d", path=PATH) as reader:
        told = await reader.next()
        assert (told.event, told.data["reason"]) == ("gap", "too far behind")
        logs.followers[KEY].put(make_line(1))
        assert await lines(reader, 1) == ["line 1"]


async def test_a_stream_is_refused_before_it_begins(
    client: httpx.AsyncClient, history: HistoryInMemory
) -> None:
    await problem(client, "/api/containers/one/none/logs?follow=true", 404)
    history.away = "the database does not answer"
    await problem(client, f"{PATH}?follow=true", 503)
