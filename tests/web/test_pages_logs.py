"""The page of logs: what it asks for, its links, and that a log's text is nothing but text."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import msgspec
import pytest

from tests.web.fleet_in_memory import FleetInMemory
from tests.web.history_in_memory import HistoryInMemory
from tests.web.logs_in_memory import make_line
from web.history import LogFilter, Span
from web.history_documents import LogLineDocument, LogsDocument
from web.log_download import PAGE

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> \"' & {{ 7 * 7 }}"
ROW = re.compile(r'<div class="log-row".*?</div>', re.DOTALL)


def rows(page: str) -> list[str]:
    return ROW.findall(page)


def pairs(address: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(html.unescape(address)).query)


def links(page: str, part: str) -> list[str]:
    return [html.unescape(one) for one in re.findall(r'href="([^"]*)"', page) if part in one]


async def shown(client: httpx.AsyncClient, path: str = "/logs") -> str:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    assert "unsafe" not in answer.headers["content-security-policy"]
    return answer.text


async def test_the_newest_lines_are_there_without_a_script(
    client: httpx.AsyncClient, history: HistoryInMemory
) -> None:
    history.lines = [make_line(n, level="error" if n == 250 else None) for n in range(300)]
    page = await shown(client)
    found = rows(page)
    assert len(found) == 200
    assert "line 299" in found[-1]
    assert 'data-level="error"' in found[150]
    (older,) = links(page, "before=")
    earlier = rows(await shown(client, older))
    assert "line 99" in earlier[-1]


async def test_what_a_log_holds_is_text(
    client: httpx.AsyncClient, history: HistoryInMemory
) -> None:
    history.lines = [make_line(1, HOSTILE), make_line(2, f"\x1b[31m{HOSTILE}\x1b[0m")]
    page = await shown(client)
    assert "<script>alert" not in page
    assert "<img" not in page
    plain, coloured = rows(page)
    text = re.compile(r'<span class="log-text">(.*?)</span>', re.DOTALL)
    for row in (plain, coloured):
        found = text.search(row)
        assert found is not None
        assert html.unescape(found[1]) == HOSTILE
    assert "data-raw" not in plain
    assert "\x1b[31m" in coloured  # for the script, which shows it red


async def test_a_carriage_return_ends_no_line(
    client: httpx.AsyncClient, history: HistoryInMemory
) -> None:
    history.lines = [make_line(1, '10%\r20%\0 <"')]
    (row,) = rows(await shown(client))
    assert '<span class="log-text">10%20% &lt;&#34;</span>' in row
    assert "&#13;20%" in row  # for the script, as it was said
    assert "\r" not in row


async def test_filters_are_asked_for_as_the_address_has_them(
    client: httpx.AsyncClient, history: HistoryInMemory
) -> None:
    query = (
        "host=one&container=one%2Fweb&container=/stats&label=site%3Dfra&level=error&stream=stderr"
        "&text=&regex=a%2Bb&last=6h"
    )
    page = await shown(client, f"/logs?{query}")
    (wanted,) = (one for one in history.meant if isinstance(one, LogFilter))
    assert wanted == LogFilter(
        hosts=("one",),
        containers=("one/web", "stats"),
        labels=(("site", "fra"),),
        regex="a+b",
        levels=("error",),
        streams=("stderr",),
    )
    found = re.search(r'data-query="([^"]*)"', page)
    assert found is not None
    assert ("regex", "a+b") in parse_qsl(html.unescape(found[1]))
    assert '<option value="6h" selected>' in page
    assert page.count(" checked") == 4  # two containers, a level, a stream


async def test_a_container_that_is_gone_stays_chosen(client: httpx.AsyncClient) -> None:
    page = await shown(client, "/logs?container=one%2Fgone&container=abab")
    assert 'value="one/gone" checked' in page
    assert "not there now" in page
    assert 'value="one/web" checked' in page  # by the beginning of its id
    removed = links(page, "/logs?container=abab")
    assert removed  # the link that takes `one/gone` away


async def test_containers_are_offered_by_part_of_a_name(
    client: httpx.AsyncClient, fleet: FleetInMemory
) -> None:
    for number in range(250):
        fleet.add_container("one", f"job-{number:03}")
    page = await shown(client)
    assert page.count('name="container"') == 200
    assert "53 more" in page
    page = await shown(client, "/logs?pick=JOB-24")
    assert re.findall(r'name="container" value="([^"]*)"', page) == [
        f"one/job-24{n}" for n in range(10)
    ]


async def test_a_link_to_a_line_shows_what_was_around_it(
    client: httpx.AsyncClient, history: HistoryInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [make_line(n) for n in range(300)]
    read = history.logs

    async def within(wanted: LogFilter, span: Span, *rest: Any) -> LogsDocument:
        history.lines = [line for line in lines if span.start <= line.time < span.end]
        return await read(wanted, span, *rest)

    monkeypatch.setattr(history, "logs", within)
    page = await shown(client, "/logs?container=web&start=2026-01-01T00:00:00Z")
    link = links(rows(page)[50], "at=")[0]
    assert ("container", "web") in pairs(link)
    page = await shown(client, link)
    found = rows(page)
    assert ["data-here" in row for row in found].index(True) == 100
    assert "line 150<" in found[100]
    assert len(found) == 200
    assert "data-end=" in page  # nothing is followed
    assert links(page, "/logs?container=web")  # to now


async def test_times_are_the_viewers_own(
    client: httpx.AsyncClient, history: HistoryInMemory
) -> None:
    history.lines = [make_line(0)]
    client.cookies.set("fleet-zone", "Europe/Berlin")
    page = await shown(client, "/logs?start=2026-01-01T00:30&end=2026-01-01T01:30")
    assert 'data-start="2025-12-31T23:30:00+00:00"' in page
    assert 'data-end="2026-01-01T00:30:00+00:00"' in page
    assert "1 Jan 01:00:00" in rows(page)[0]


@pytest.mark.parametrize(
    "query", ["at=x", "at=99999999999999999999-0-aaaaaaaaaaaa", "before=x", "start=soon", "last=0s"]
)
async def test_what_is_no_place_or_time_is_refused_by_a_page(
    client: httpx.AsyncClient, query: str
) -> None:
    answer = await client.get(f"/logs?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")


async def test_the_page_is_there_while_the_database_is_away(
    client: httpx.AsyncClient, history: HistoryInMemory
) -> None:
    history.away = "It does not answer since 12:00."
    page = await shown(client)
    assert "It does not answer since 12:00." in page
    assert "<fleet-log" in page


def spread(count: int) -> list[LogLineDocument]:
    begin = datetime.now(UTC) - timedelta(minutes=30)
    lines = []
    for number in range(count):
        time = begin + timedelta(milliseconds=number)
        nano = int(time.timestamp()) * 10**9 + time.microsecond * 1000
        lines.append(msgspec.structs.replace(make_line(number), time=time, time_nano=nano))
    return lines


async def downloaded(client: httpx.AsyncClient, query: str) -> tuple[httpx.Headers, Sequence[str]]:
    answer = await client.get(f"/api/logs/download?{query}")
    assert answer.status_code == 200, answer.text
    return answer.headers, answer.text.splitlines()


async def test_all_that_match_are_one_file(
    client: httpx.AsyncClient, history: HistoryInMemory
) -> None:
    history.lines = spread(2 * PAGE + 1)
    headers, lines = await downloaded(client, "text=line")
    assert len(lines) == 2 * PAGE + 1
    assert lines[-1].endswith(f"Z one/web line {2 * PAGE}")
    assert re.match(r'attachment; filename="one-web-\w+-\w+\.log"', headers["content-disposition"])
    headers, lines = await downloaded(client, "format=ndjson")
    assert headers["content-type"] == "application/x-ndjson"
    read = [msgspec.json.decode(line, type=LogLineDocument) for line in lines]
    assert read == history.lines


async def test_a_file_that_is_not_whole_says_so(
    client: httpx.AsyncClient, history: HistoryInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.lines = spread(PAGE + 1)
    read = history.logs

    async def once(*asked: Any) -> LogsDocument:
        found = await read(*asked)
        history.away = "The database went away."
        return found

    monkeypatch.setattr(history, "logs", once)
    _, lines = await downloaded(client, "")
    assert len(lines) == PAGE + 1
    assert lines[-1].endswith("The lines after this one are missing: The database went away.")


async def test_a_file_is_refused_before_it_begins(
    client: httpx.AsyncClient, history: HistoryInMemory
) -> None:
    history.away = "It is away."
    answer = await client.get("/api/logs/download")
    assert answer.status_code == 503
    assert "content-disposition" not in answer.headers
