"""Pages of tokens and of the audit, over the API and a real database, while both grow."""

from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import pytest
import trio

from config.models import Storage
from fleet.access.desk import StoredDesk
from fleet.access.keeper import AccessKeeper
from fleet.access.tokens import hashed, new_token
from fleet.client import AsyncFleetClient
from storage.access import TokenRecord, add_token
from storage.batch import batch_of, write_batch
from storage.database import Database
from storage.rows import AuditRow
from tests.web.fleet_in_memory import FleetInMemory
from web.access.static import StaticAuthority
from web.app import create_app
from web.parts import Admitting, Shown
from web.server import serve

OLD = datetime.now(UTC) - timedelta(days=1)
DEADLINE = 60.0


@pytest.fixture
async def database(fresh_embedded: str) -> AsyncIterator[Database]:
    made = Database(fresh_embedded, None, Storage())
    await made.prepare()
    yield made
    made.close()


async def add(database: Database, name: str, created: datetime) -> str:
    made = new_token()
    record = TokenRecord(
        id=made.id,
        name=name,
        hash=hashed(made.token),
        role="admin",
        scope=[],
        created=created,
        created_by="root",
        expires=None,
    )
    await add_token(database, record, "")
    return made.token


def entry(time: datetime, who: str, address: str = "::1", *, count: int = 1) -> AuditRow:
    return AuditRow(time=time, kind="login", who=who, address=address, detail="", count=count)


async def write(database: Database, *entries: AuditRow) -> None:
    await database.write(lambda connection: write_batch(connection, batch_of(entries)))


@pytest.fixture
async def address(database: Database, tmp_path: Path, nursery: trio.Nursery) -> str:
    keeper = AccessKeeper(
        database, tmp_path / "access.json", StaticAuthority(None, None), lambda _: None
    )
    app = create_app(Shown(FleetInMemory()), Admitting(authority=keeper, desk=StoredDesk(database)))
    await nursery.start(keeper.run)
    started: str = await nursery.start(
        lambda task_status: serve(app, "127.0.0.1:0", task_status=task_status)
    )
    return f"http://{started}"


@pytest.fixture
async def admin(database: Database) -> str:
    return await add(database, "first", OLD)


async def test_pages_of_the_audit_go_back_in_time_whatever_is_written_meanwhile(
    admin: str, address: str, database: Database
) -> None:
    same = OLD + timedelta(hours=1)  # one time of several entries, cut in their midst
    rows = [entry(same, f"p{number}", count=number) for number in range(5)]
    rows += [entry(OLD + timedelta(microseconds=number), "q") for number in range(4)]
    await write(database, *rows)
    async with AsyncFleetClient(address, token=admin) as asking:
        with trio.fail_after(DEADLINE):
            whole = [one async for one in asking.each_audit(kind="login", limit=1000)]
            assert [(one.time, one.who) for one in whole] == sorted(
                ((row.time, row.who) for row in rows), reverse=True
            )
            found = []
            async for one in asking.each_audit(kind="login", limit=2):
                found.append(one)
                await write(database, entry(OLD + timedelta(hours=2), f"new{len(found)}"))
            assert found == whole
            assert len((await asking.audit(kind="login", limit=1000)).entries) == 18
            some = [one.who async for one in asking.each_audit(who="q", limit=1)]
            assert some == ["q"] * 4
            last = await asking.audit(who="q", limit=4)  # all there are: nothing follows
            assert last.page is not None
            assert (last.page.limit, last.page.next) == (4, None)


async def test_pages_of_tokens_go_on_where_they_were_though_tokens_come(
    admin: str, address: str, database: Database
) -> None:
    for number in range(5):  # two at a time have one time
        await add(database, f"t{number}", OLD + timedelta(hours=1 + number // 2))
    async with AsyncFleetClient(address, token=admin) as asking:
        with trio.fail_after(DEADLINE):
            whole = await asking.tokens()
            assert [one.name for one in whole.tokens][:1] == ["first"]
            assert whole.page is not None
            assert (whole.page.total, whole.page.next) == (6, None)
            found = []
            async for one in asking.each_tokens(limit=2):
                found.append(one.id)
                await add(database, f"before{len(found)}", OLD - timedelta(hours=1))
            assert found == [one.id for one in whole.tokens]


async def test_links_lead_to_the_next_page_and_forged_cursors_are_refused(
    admin: str, address: str, database: Database
) -> None:
    await write(database, *(entry(OLD, f"p{number}", "a&b") for number in range(3)))
    headers = {"authorization": f"Bearer {admin}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=DEADLINE) as asking:
        first = await asking.get("/api/audit", params={"address": "a&b", "limit": 2})
        second = await asking.get(first.url.join(first.links["next"]["url"]))
        pages = [[one["who"] for one in page.json()["entries"]] for page in (first, second)]
        assert (pages, second.links) == ([["p2", "p1"], ["p0"]], {})
        assert f"cursor={first.json()['page']['next']}" in first.links["next"]["url"]
        await add(database, "second", OLD)
        tokens = await asking.get("/api/tokens?limit=1&fields=name")
        (other,) = (await asking.get(tokens.url.join(tokens.links["next"]["url"]))).json()["tokens"]
        assert {other["name"], tokens.json()["tokens"][0]["name"]} == {"first", "second"}
        assert other.keys() == {"name"}
        few = await asking.get("/api/audit", params={"fields": "who", "kind": "login"})
        assert few.json()["entries"][0] == {"who": "p2"}
        of_audit, of_tokens = first.json()["page"]["next"], tokens.json()["page"]["next"]
        wrong = [("audit", of_tokens), ("tokens", "x"), ("audit", "x"), ("audit", far_away())]
        for path, cursor in wrong:
            answer = await asking.get(f"/api/{path}", params={"cursor": cursor})
            assert (answer.status_code, answer.json()["parameter"]) == (400, "cursor"), path
        assert (await asking.get("/api/audit", params={"cursor": of_audit})).status_code == 200
        nul = forged(0, "a\0", "", "")
        assert (await asking.get("/api/audit", params={"cursor": nul})).json()["entries"] == []


def far_away() -> str:
    return forged(10**18, "", "", "")


def forged(*ties: int | str) -> str:
    return urlsafe_b64encode(msgspec.json.encode(("", *ties))).decode().rstrip("=")
