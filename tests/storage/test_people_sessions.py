"""Sessions over time: idle, too old, ended by others, of other processes, without a database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import trio

from config.models import Storage
from fleet.accounts.first import make_link, path_of, welcome_first
from storage.account_sessions import end_sessions
from storage.accounts import accounts, change_account
from storage.database import Database
from storage.rows import AuditRow
from storage.sessions import Connection
from tests.storage.people import (
    IDLE,
    LIFETIME,
    PASSWORD,
    Served,
    csrf_of,
    log_in,
    make_account,
    serving,
)
from tests.web.ws import Closed, Refused, Socket, converse

ANOTHER = "another long password"


def told() -> AuditRow:
    return AuditRow(time=datetime.now(UTC), kind="test", who="", address="", detail="")


@pytest.fixture
async def database(embedded_conninfo: str) -> AsyncIterator[Database]:
    made = Database(embedded_conninfo, None, Storage())
    await made.prepare()
    yield made
    made.close()


async def status(browser: httpx.AsyncClient) -> int:
    return (await browser.get("/api/session")).status_code


async def until(browser: httpx.AsyncClient, wanted: int) -> None:
    with trio.fail_after(60):
        while await status(browser) != wanted:  # noqa: ASYNC110 - what is waited for is elsewhere
            await trio.sleep(0.05)


async def test_a_session_ends_unused_or_too_old(database: Database) -> None:
    await make_account(database, "ada")
    async with serving(database) as served, served.browser() as browser:
        await log_in(browser, "ada")
        for _ in range(3):
            served.later += IDLE - timedelta(minutes=5)
            assert await status(browser) == 200
        served.later += IDLE + timedelta(minutes=5)
        assert await status(browser) == 401
        await log_in(browser, "ada")
        while served.later < LIFETIME + timedelta(days=1):
            served.later += IDLE - timedelta(minutes=5)
            await status(browser)
        served.later += timedelta(days=1)
        assert await status(browser) == 401


async def test_processes_know_each_others_sessions(database: Database) -> None:
    await make_account(database, "ada")
    async with (
        serving(database) as one,
        serving(database) as two,
        one.browser() as browser,
        two.browser() as other,
        two.browser() as third,
    ):
        await log_in(browser, "ada")
        other.cookies = browser.cookies
        assert await status(other) == 200  # at once
        await _changes_password(one, browser)
        assert await status(browser) == 200
        await log_in(third, "ada", ANOTHER)
        assert await status(third) == 200
        await end_sessions(database, "ada", lambda _many: told())
        await until(browser, 401)
        await until(third, 401)


async def _changes_password(served: Served, browser: httpx.AsyncClient) -> None:
    async with served.browser() as elsewhere:
        await log_in(elsewhere, "ada")
        token = await csrf_of(browser)
        form = {"csrf_token": token, "current": PASSWORD, "password": ANOTHER, "again": ANOTHER}
        for wrong, code in (
            ({"again": "x"}, 400),
            ({"password": "short", "again": "short"}, 400),
            ({"current": "wrong"}, 401),
            ({"csrf_token": "x"}, 403),
        ):
            refused = await browser.post("/account/password", data=form | wrong)
            assert refused.status_code == code
        assert await status(elsewhere) == 200
        done = await browser.post("/account/password", data=form)
        assert "The password is changed" in done.text
        assert await status(elsewhere) == 401
        body = {"current": ANOTHER, "password": ANOTHER + "!"}
        api = {"x-csrf-token": token}
        assert (await browser.put("/api/session/password", json=body)).status_code == 403
        changed = await browser.put("/api/session/password", json=body, headers=api)
        assert changed.status_code == 204
        back = {"current": ANOTHER + "!", "password": ANOTHER}
        again = await browser.put("/api/session/password", json=back, headers=api)
        assert again.status_code == 204
        await log_in(elsewhere, "ada", ANOTHER)
        ended = await browser.post("/account/logout-others", data={"csrf_token": token})
        assert "1 other session ended" in ended.text
        assert await status(elsewhere) == 401


async def test_what_a_session_began_ends_with_it(database: Database) -> None:
    await make_account(database, "ada")
    async with serving(database) as served, served.browser() as browser:
        await log_in(browser, "ada")
        with trio.fail_after(60):
            async with browser.stream("GET", "/api/stream/hosts") as stream:
                assert stream.status_code == 200
                pieces = stream.aiter_bytes()
                await anext(pieces)
                await change_account(database, "ada", told(), disabled=True)
                async for _ in pieces:
                    pass
        assert await status(browser) == 401


async def test_a_websocket_is_opened_by_pages_of_ours_and_ends_with_the_session(
    database: Database,
) -> None:
    await make_account(database, "ada")
    async with serving(database) as served, served.browser() as browser:
        await log_in(browser, "ada")
        cookie = (b"cookie", f"fleet_session={browser.cookies['fleet_session']}".encode())
        ours = (b"origin", b"http://localhost")
        for headers in ([cookie], [cookie, (b"origin", b"http://evil.example")], [ours]):
            with pytest.raises(Refused) as refused:
                async with converse(served.address, headers=headers):
                    pass
            assert refused.value.status == (401 if headers == [ours] else 403)
        async with converse(served.address, headers=[cookie, ours]) as socket:
            await socket.say(subscribe="hosts", id=1)
            assert (await socket.next())["type"] == "subscribed"
            await end_sessions(database, "ada", lambda _many: told())
            with pytest.raises(Closed):
                await _heard_out(socket)


async def _heard_out(socket: Socket) -> None:
    while True:
        await socket.next()


async def test_who_is_in_stays_in_while_the_database_is_away(database: Database) -> None:
    await make_account(database, "ada")
    async with serving(database) as served, served.browser() as browser:
        await log_in(browser, "ada")
        away = Database("postgresql://nobody@127.0.0.1:1/none", None, Storage())
        served.sessions._database = served.people._database = away
        assert await status(browser) == 200
        refused = await log_in(browser, "ada")
        assert refused.status_code == 503
        assert "database is away" in refused.text
        served.sessions._database = served.people._database = database
        assert (await log_in(browser, "ada")).status_code == 303


async def test_a_start_anew_ends_no_session_and_a_link_is_for_once(database: Database) -> None:
    shown: list[str] = []
    await welcome_first(database, None)
    await welcome_first(database, shown.append)
    (path,) = shown
    secret = path.removeprefix("/welcome#")
    form = {"code": secret, "name": "Root", "password": PASSWORD, "again": PASSWORD}
    async with serving(database) as served, served.browser() as browser:
        page = await browser.get("/welcome")
        assert 'name="name"' in page.text
        assert "script-src 'sha256-" in page.headers["content-security-policy"]
        assert secret not in page.text
        for wrong, code in (
            ({"code": secret[:-1] + "x"}, 401),
            ({"again": "x"}, 400),
            ({"password": "short", "again": "short"}, 400),
            ({"name": "no name"}, 400),
        ):
            assert (await browser.post("/welcome", data=form | wrong)).status_code == code
        inside = await browser.post("/welcome", data=form)
        assert (inside.status_code, inside.headers["location"]) == (303, "/")
        assert (await browser.get("/api/session")).json()["role"] == "admin"
        async with served.browser() as late:
            assert (await late.post("/welcome", data=form | {"name": "eve"})).status_code == 401
        cookies = browser.cookies
    await welcome_first(database, shown.append)
    assert len(shown) == 1
    (root,) = await accounts(database)
    assert (root.name, root.role) == ("root", "admin")
    async with serving(database) as served, served.browser() as browser:
        browser.cookies = cookies
        assert await status(browser) == 200
        secret = (await make_link(database, "root", "the test")).removeprefix(path_of(""))
        form = {"code": secret, "password": ANOTHER, "again": ANOTHER}
        async with served.browser() as new:
            assert (await new.post("/welcome", data=form)).status_code == 303
            assert await status(new) == 200
        assert await status(browser) == 401
    secrets = (secret, PASSWORD, ANOTHER)
    assert not [word for word in secrets if word in repr(await database.read(_all_rows))]


def _all_rows(connection: Connection) -> list[object]:
    return [
        connection.execute(query).fetchall()
        for query in (
            "SELECT * FROM accounts",
            "SELECT * FROM account_sessions",
            "SELECT * FROM account_links",
            "SELECT * FROM access_audit",
        )
    ]
