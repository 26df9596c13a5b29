from __future__ import annotations

from datetime import UTC, datetime

import httpx
import msgspec
import pytest

from storage.queries_logs import LogPlace
from tests.web.conftest import ID
from tests.web.fleet_in_memory import FleetInMemory, make_event, make_stats
from tests.web.history_in_memory import HistoryInMemory
from tests.web.logs_in_memory import make_line
from tests.web.test_answers import problem
from web.history import Labelled, LogFilter
from web.history_documents import (
    ConsumersDocument,
    ContainerEventsDocument,
    HostsStatsHistoryDocument,
    HostStatsHistoryDocument,
    ImageHistoryDocument,
    LogsDocument,
    StatsHistoryDocument,
    TotalDocument,
    TotalHistoryDocument,
    UptimeDocument,
)
from web.image_documents import (
    ImagesDocument,
)
from web.log_cursor import write_cursor

IMAGE = "1" * 64
BEYOND_TIME = write_cursor(LogPlace(datetime.max.replace(tzinfo=UTC), 1, "one", "c", "stdout", 0))


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/api/hosts/one/stats/history?resolution=1h", HostStatsHistoryDocument),
        ("/api/containers/one/web/stats/history?last=90d&resolution=1d", StatsHistoryDocument),
        ("/api/containers/one/web/logs?level=error&level=info&stream=stderr", LogsDocument),
        ("/api/containers/one/web/events?last=30d", ContainerEventsDocument),
        ("/api/containers/one/web/uptime?last=7d", UptimeDocument),
        ("/api/logs?host=one&container=web&text=a&direction=forward", LogsDocument),
        ("/api/metrics/total?label=site=fra", TotalDocument),
        ("/api/metrics/total/history?last=90d&points=10", TotalHistoryDocument),
        ("/api/metrics/containers?sort=network&limit=3", ConsumersDocument),
        ("/api/metrics/hosts/history?last=1d&points=48&label=site=fra", HostsStatsHistoryDocument),
        ("/api/images?limit=5", ImagesDocument),
        (f"/api/images/{IMAGE}", ImagesDocument),
        ("/api/images/app%2Fweb:1/history", ImageHistoryDocument),
    ],
)
async def test_every_answer_decodes_as_its_document(
    client: httpx.AsyncClient, fleet: FleetInMemory, path: str, document: type[msgspec.Struct]
) -> None:
    fleet.add_image("one", "1", "app/web:1")
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    msgspec.json.decode(answer.content, type=document)


@pytest.mark.parametrize(
    ("path", "parameter", "words"),
    [
        ("/api/containers/one/web/stats/history?resolution=5m", "resolution", "one of raw, 1m"),
        ("/api/containers/one/web/logs?limit=1001", "limit", "1 to 1000"),
        ("/api/containers/one/web/logs?level=loud", "level", "one of debug"),
        ("/api/containers/one/web/logs?stream=out", "stream", "stdout, stderr"),
        ("/api/containers/one/web/logs?direction=up", "direction", "backward"),
        ("/api/containers/one/web/logs?cursor=x", "cursor", "older or newer"),
        ("/api/containers/one/web/logs?cursor=%C3%BC", "cursor", "older or newer"),
        ("/api/containers/one/web/logs?follow=true&regex=a", "regex", "follow=true"),
        ("/api/containers/one/web/logs?follow=true&end=5m", "end", "follow=true"),
        ("/api/containers/one/web/logs?follow=perhaps", "follow", "true"),
        (f"/api/logs?regex={'a' * 501}", "regex", "500"),
        ("/api/logs?text=", "text", "1 to 1000"),
        ("/api/logs?host=onne", "host", "Did you mean one?"),
        ("/api/metrics/containers?sort=heat", "sort", "one of cpu"),
        ("/api/metrics/containers?limit=101", "limit", "1 to 100"),
        ("/api/metrics/hosts/history?host=onne", "host", "Did you mean one?"),
        ("/api/metrics/total?host=onne", "host", "Did you mean one?"),
        ("/api/metrics/total/history?last=801d", "last", "800 days"),
        ("/api/logs?last=999999999w", "last", "800 days"),
        ("/api/logs?end=0001-01-01T00:00:00Z", "end", "time with its zone"),
        ("/api/logs?start=9999-12-31T00:00:00Z", "start", "time with its zone"),
        ("/api/logs?start=105000w&end=104990w", "end", "time with its zone"),
        (f"/api/logs?cursor={BEYOND_TIME}", "cursor", "older or newer"),
        ("/api/images?host=onne", "host", "Did you mean one?"),
    ],
)
async def test_a_bad_parameter_is_named_with_what_would_be_right(
    client: httpx.AsyncClient, path: str, parameter: str, words: str
) -> None:
    told = await problem(client, path, 400)
    assert told.parameter == parameter
    assert words in told.detail


async def test_what_the_database_refuses_is_told(
    client: httpx.AsyncClient, history: HistoryInMemory
) -> None:
    history.refused = "Ask for at most 30 days at once."
    told = await problem(client, "/api/containers/one/web/uptime?last=31d", 400)
    assert told.detail == history.refused
    history.away = "the database does not answer"
    for path in ("/api/containers/one/web/logs", "/api/metrics/containers", "/api/logs"):
        told = await problem(client, path, 503)
        assert told.detail == history.away


async def test_a_removed_container_is_found_in_the_past(
    client: httpx.AsyncClient, history: HistoryInMemory
) -> None:
    history.remember("one", "gone", "feed1", "feed0")
    history.remember("off-the-list", "other", "beef1")
    history.sample = make_stats()
    answer = (await client.get("/api/containers/one/gone/stats/history")).json()
    assert (answer["id"], [one["id"] for one in answer["incarnations"]]) == (
        "feed1",
        ["feed1", "feed0"],
    )
    assert answer["points"][0]["container_id"] == "feed1"
    assert (await client.get("/api/containers/gone/stats/history")).json()["host"] == "one"
    last = (await client.get("/api/containers/one/gone/stats")).json()
    assert (last["id"], last["stats"]["pids"], last["stale_since"]) == (
        "feed1",
        3,
        "2026-01-01T00:00:00Z",
    )
    unlisted = (await client.get("/api/containers/off-the-list/other/uptime")).json()
    assert unlisted["id"] == "beef1"
    told = await problem(client, "/api/containers/one/none/uptime", 404)
    assert told.type.endswith("unknown-container")
    told = await problem(client, "/api/containers/onne/none/uptime", 404)
    assert told.type.endswith("unknown-host")


async def test_what_lives_goes_before_what_was(
    client: httpx.AsyncClient, history: HistoryInMemory
) -> None:
    history.remember("one", "web", "feed1")
    answer = (await client.get("/api/containers/one/web/uptime")).json()
    assert answer["id"] == ID  # not known to the database yet
    history.known = []
    history.remember("one", "web", ID, "feed1")
    history.remember("two", "web", "feed2")
    answer = (await client.get("/api/containers/one/web/uptime")).json()
    assert [one["id"] for one in answer["incarnations"]] == [ID, "feed1"]
    await problem(client, "/api/containers/web/stats/history", 409)
    history.remember("one", "gone", "feed3")
    history.remember("two", "gone", "feed4")
    told = await problem(client, "/api/containers/gone/stats/history", 409)
    assert {one.id for one in told.candidates} == {"feed3", "feed4"}


async def test_totals_are_of_what_is_meant(
    client: httpx.AsyncClient, fleet: FleetInMemory, history: HistoryInMemory
) -> None:
    host = fleet.add_host("three")
    fleet.known_hosts["three"] = msgspec.structs.replace(host, labels={"site": "fra"})
    fleet.add_container("three", "db", stats=make_stats())
    fleet.add_container("three", "no", stats=make_stats(), labels={"site": "ber"})

    async def total(query: str) -> tuple[object, ...]:
        told = (await client.get(f"/api/metrics/total?{query}")).json()
        return tuple(told[name] for name in ("hosts", "containers", "sampled", "cpu_percent"))

    assert await total("") == (3, 5, 3, 4.5)
    assert await total("host=one") == (1, 2, 1, 1.5)
    assert await total("label=site=fra") == (2, 2, 1, 1.5)
    assert await total("label=site&host=three") == (1, 2, 2, 3.0)
    assert await total("label=none") == (0, 0, 0, None)
    await client.get("/api/metrics/containers?label=site=fra&label=a=b%3Dc&host=one&host=two")
    assert history.meant == [Labelled(hosts=("one", "two"), labels=(("site", "fra"), ("a", "b=c")))]


async def test_logs_are_asked_for_as_meant_and_paged(
    client: httpx.AsyncClient, history: HistoryInMemory
) -> None:
    empty = (await client.get("/api/containers/one/web/logs")).json()
    assert "fleet.logs=true" in empty["note"]
    history.lines = [make_line(number) for number in range(5)]
    page = (await client.get("/api/containers/one/web/logs?limit=2")).json()
    assert [line["line"] for line in page["lines"]] == ["line 3", "line 4"]
    assert (page["note"], page["newer"]) == (None, None)
    query = f"limit=2&cursor={page['older']}&text=LINE&regex=a%2B"
    page = (await client.get(f"/api/containers/one/web/logs?{query}")).json()
    assert [line["line"] for line in page["lines"]] == ["line 1", "line 2"]
    assert history.meant[-1] == LogFilter(hosts=("one",), containers=(ID,), text="LINE", regex="a+")


async def test_events_of_a_container_tell_when_there_are_more(
    client: httpx.AsyncClient, history: HistoryInMemory
) -> None:
    history.events = [make_event(0, seconds=second) for second in range(3)]
    answer = (await client.get("/api/containers/one/web/events?limit=2")).json()
    assert (len(answer["events"]), answer["truncated"]) == (2, True)


async def test_images_are_found_by_tag_and_id(
    client: httpx.AsyncClient, fleet: FleetInMemory
) -> None:
    fleet.add_image("one", "1", "app/web:1", "app/web:latest")
    fleet.add_image("two", "1", "app/web:1")
    fleet.add_image("two", "2", "redis:7")

    async def hosts(path: str) -> list[str]:
        answer = (await client.get(f"/api/images{path}")).json()
        return [image["host"] for image in answer["images"]]

    assert await hosts("") == ["one", "two", "two"]
    assert await hosts("?host=two&name=redis") == ["two"]
    assert await hosts("?limit=1&offset=1") == ["two"]
    for ref in ("app%2Fweb:1", "1111", f"sha256:{IMAGE}", f"app%2Fweb@sha256:{IMAGE}"):
        assert await hosts(f"/{ref}") == ["one", "two"]
    assert await hosts("/1111?host=two") == ["two"]
    for path in ("/api/images/none", "/api/images/none/history", "/api/images/111"):
        assert (await problem(client, path, 404)).type.endswith("unknown-image")
