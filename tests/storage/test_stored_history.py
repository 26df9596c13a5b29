"""The API over a real database: what the web asks is what storage answers."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest

from config.models import Storage
from fleet.history import StoredHistory
from fleet.revp.rows import change_row
from labels.model import Cause, Change
from storage.batch import batch_of, write_batch
from storage.database import Database
from storage.rows import HostStatsRow, ImageVersionRow, LogRow, Row
from tests.storage import samples
from tests.web.fleet_in_memory import FleetInMemory
from web.app import create_app
from web.history import RouteChangeFilter
from web.parts import Shown

BEGIN = datetime.now(UTC) - timedelta(minutes=30)
# PostgreSQL tries every way to part 300 letters in three, of which none is right.
SLOW, SLOW_LINE = r"^(.+)(.+)(.+)b\3\2\1x$", "a" * 300 + "b" + "a" * 299 + "x"
ODD = "we\"b'%s\\ {} ü🐳?&#"


def shifted(row: Row, seconds: float = 0, **changes: object) -> Row:
    moved: dict[str, object] = {}
    if "time" in row.__struct_fields__:
        moved["time"] = BEGIN + timedelta(seconds=seconds)
    return msgspec.structs.replace(row, **{**moved, **changes})


def rows() -> list[Row]:
    gone = samples.container("f00d" * 16, removed=BEGIN + timedelta(minutes=20))
    machine = dict.fromkeys(HostStatsRow.__struct_fields__)
    machine |= {"host": "h", "source": "machine", "cpus": 2, "memory_total": 9, "memory_used": 1}
    log = dict.fromkeys(LogRow.__struct_fields__)
    log |= {"time_nano": 1, "host": "h", "container_id": gone.id, "name": "web", "sequence": 0}
    log |= {"identity": "name:web", "stream": "stdout", "line": ODD, "truncated": False}
    return [
        samples.host("h"),
        msgspec.structs.replace(gone, created=BEGIN),
        msgspec.structs.replace(gone, id="beef" * 16, name=ODD, identity=f"name:{ODD}"),
        *(shifted(samples.stats(n, container=gone.id), n) for n in range(0, 600, 10)),
        shifted(HostStatsRow(**{**machine, "time": BEGIN})),  # type: ignore[arg-type] # by name
        *(shifted(LogRow(**{**log, "time": BEGIN}), n, time_nano=n) for n in range(5)),  # type: ignore[arg-type] # by name
        shifted(samples.event(0, actor=gone.id), 1),
        shifted(samples.event(0, actor=gone.id, action="die"), 601, exit_code=3),
        ImageVersionRow(
            time=BEGIN,
            host="h",
            reference="nginx",
            image_id="sha256:1",
            digest=None,
            size=1,
            created=None,
        ),
    ]


@pytest.fixture
async def database(fresh_conninfo: str) -> AsyncIterator[Database]:
    made = Database(fresh_conninfo, None, Storage())
    await made.prepare()
    await made.write(lambda connection: write_batch(connection, batch_of(rows())))
    yield made
    made.close()


def asking(history: StoredHistory) -> httpx.AsyncClient:
    fleet = FleetInMemory()
    fleet.add_host("h")
    transport = httpx.ASGITransport(create_app(Shown(fleet, history)))  # type: ignore[arg-type] # Litestar's scope types
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


async def test_every_question_is_answered_from_the_database(database: Database) -> None:
    async with asking(StoredHistory(database, Storage())) as client:

        async def ask(path: str) -> Any:
            answer = await client.get(f"/api{path}")
            assert answer.status_code == 200, answer.text
            return answer.json()

        history = await ask("/containers/h/web/stats/history?points=1&resolution=1h")
        (point,) = history["points"][-1:]
        assert (point["container_id"], history["identity"]) == ("f00d" * 16, "name:web")
        assert await ask("/containers/h/f00d/stats/history?last=90d")
        latest = await ask("/containers/h/web/stats")
        assert latest["stats"]["cpu_total"] == 590
        uptime = await ask("/containers/h/name:web/uptime")
        assert (uptime["up_seconds"], uptime["last_exit_codes"]) == (600.0, [3])
        events = await ask("/containers/h/web/events?limit=1")
        assert (events["events"][0]["action"], events["truncated"]) == ("die", True)
        page = await ask("/containers/h/web/logs?limit=3&text=WE%22B")
        assert [line["time_nano"] for line in page["lines"]] == [2, 3, 4]
        page = await ask(f"/logs?limit=3&cursor={page['older']}")
        assert [line["time_nano"] for line in page["lines"]] == [0, 1]
        assert (page["older"], page["newer"] is None) == (None, False)
        assert (await ask(f"/containers/h/{quote(ODD, safe='')}/uptime"))["id"] == "beef" * 16
        (host,) = (await ask("/hosts/h/stats/history"))["points"]
        assert host["memory_used"] == 1
        (top,) = (await ask("/metrics/containers?label=site=fra"))["containers"]
        assert (top["name"], top["samples"]) == ("web", 60)
        total = await ask("/metrics/total/history?points=1")
        assert [step["containers"] for step in total["points"]] == [1]
        image = await ask("/images/nginx/history")
        assert len(image["uses"]) == 2
        for last in ("30d", "31d"):
            answer = await client.get(f"/api/containers/h/web/uptime?last={last}")
            assert answer.status_code == (200 if last == "30d" else 400)
        bad = await client.get("/api/logs?regex=a(b")
        assert (bad.status_code, bad.json()["parameter"]) == (400, "regex")
        assert "at character 2" in bad.json()["detail"]
        assert (await client.get("/api/containers/h/no%00ne/uptime")).status_code == 404


async def test_changes_of_routes_are_read_as_they_happened(database: Database) -> None:
    history = StoredHistory(database, Storage())
    made = Change(
        revision=7,
        time=BEGIN,
        kind="removed",
        domain="app.lan",
        path="/",
        before=("h/web 10.0.0.5:80",),
        summary=ODD,
        cause=Cause(event="destroy", host="h", container="web", container_id="c1"),
    )
    await database.write(lambda connection: write_batch(connection, batch_of([change_row(made)])))
    assert await history.route_changes(RouteChangeFilter(domain="app.lan", host="h"), 9) == [made]
    assert await history.route_changes(RouteChangeFilter(before=BEGIN), 9) == []


async def test_what_takes_too_long_is_given_up(conninfo: str) -> None:
    settings = Storage(statement_timeout=0.2)
    database = Database(conninfo, None, settings)
    await database.prepare()
    many = [
        shifted(row, number, time_nano=number, line=SLOW_LINE)
        for row in rows()
        if isinstance(row, LogRow)
        for number in range(200)
    ]
    await database.write(lambda connection: write_batch(connection, batch_of([*rows(), *many])))
    async with asking(StoredHistory(database, settings)) as client:
        answer = await client.get(f"/api/logs?regex={quote(SLOW)}")
        assert answer.status_code == 503
        assert "statement_timeout" in answer.json()["detail"]
    database.close()
