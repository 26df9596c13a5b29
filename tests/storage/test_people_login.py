"""People log in and out of a served application, with accounts in a real database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from config.models import Storage
from storage.access import audit
from storage.accounts import change_account, find_account
from storage.database import Database
from storage.rows import AuditRow
from tests.storage.people import (
    PASSWORD,
    PLAIN,
    Served,
    csrf_of,
    log_in,
    make_account,
    serving,
    token_in,
)
from web.access.csrf import csrf_token
from web.problems import KINDS

SECURE = {"x-forwarded-proto": "https"}


@pytest.fixture
async def database(fresh_embedded: str) -> AsyncIterator[Database]:
    made = Database(fresh_embedded, None, Storage())
    await made.prepare()
    yield made
    made.close()


@pytest.fixture
async def served(database: Database) -> AsyncIterator[Served]:
    await make_account(database, "ada", role="operator", scope=("site=fra",))
    async with serving(database) as running:
        yield running


async def test_a_browser_is_led_to_the_login_and_back(served: Served) -> None:
    async with served.browser() as browser:
        led = await browser.get("/account")
        assert (led.status_code, led.headers["location"]) == (303, "/login?next=/account")
        api = await browser.get("/api/hosts")
        assert api.status_code == 401
        assert api.json()["type"] == "urn:fleet:problem:token-required"
        page = await browser.get(led.headers["location"])
        assert page.status_code == 200
        assert '<input type="hidden" name="next" value="/account">' in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self'" in policy
        assert "script-src" not in policy
        assert "<script" not in page.text
        inside = await log_in(browser, " Ada ", following="/account")
        assert (inside.status_code, inside.headers["location"]) == (303, "/account")
        cookie = inside.headers["set-cookie"]
        assert cookie.startswith("fleet_session=")
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
        account = await browser.get("/account")
        assert account.status_code == 200
        assert "operator of hosts with site=fra" in account.text
        again = await browser.get("/login?next=/logout")
        assert again.headers["location"] == "/logout"
        session = (await browser.get("/api/session")).json()
        assert {name: session[name] for name in ("kind", "name", "role", "scope")} == {
            "kind": "session",
            "name": "ada",
            "role": "operator",
            "scope": ["site=fra"],
        }


async def test_the_cookie_is_bound_to_tls_where_there_is_tls(served: Served) -> None:
    secure = {**SECURE, "origin": "https://" + served.address}
    async with served.browser(**secure) as browser:
        inside = await log_in(browser, "ada")
        cookie = inside.headers["set-cookie"]
        assert cookie.startswith("__Host-fleet=")
        assert cookie.endswith("; Secure")
        value = cookie.partition("=")[2].partition(";")[0]
        right = await browser.get("/api/session", headers={"cookie": f"__Host-fleet={value}"})
        assert right.json()["name"] == "ada"
        # A cookie that could have been set without TLS proves nothing over TLS.
        wrong = await browser.get("/api/session", headers={"cookie": f"fleet_session={value}"})
        assert wrong.status_code == 401
        plain = {**SECURE, "origin": served.url}
        form = {"name": "ada", "password": PASSWORD}
        assert (await browser.post("/login", data=form, headers=plain)).status_code == 403


ELSEWHERE = (
    "//evil.example",
    "https://evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "javascript:alert(1)",
    "evil",
    "/" + "x" * 3000,
)


async def test_the_login_leads_nowhere_else(served: Served) -> None:
    for elsewhere in ELSEWHERE:
        async with served.browser() as browser:
            inside = await log_in(browser, "ada", following=elsewhere)
            assert inside.headers["location"] == "/"
            shown = await browser.get("/login", params={"next": elsewhere})
            assert shown.headers["location"] == "/"


async def test_nobody_learns_which_names_there_are(database: Database) -> None:
    for name in ("ada", "bob"):
        await make_account(database, name)
    await make_account(database, "carol", password=None)
    gone = AuditRow(time=datetime.now(UTC), kind="x", who="", address="", detail="")
    await change_account(database, "bob", gone, disabled=True)
    pages = set()
    async with serving(database) as served, served.browser() as browser:
        for name, password in (
            ("ada", "wrong"),
            ("ada", "wrong again"),
            ("a secret in the wrong field", PASSWORD),
            ("bob", PASSWORD),
            ("carol", ""),
            ("carol", "None"),
            ("ada\0", PASSWORD),
        ):
            refused = await log_in(browser, name, password)
            assert refused.status_code == 401
            assert "set-cookie" not in refused.headers
            pages.add(refused.text.replace(f'value="{name}"', 'value=""'))
    assert len(pages) == 1
    assert "do not belong together" in pages.pop()
    failed = [(row.kind, row.who, row.address, row.detail, row.count) for row in served.told]
    known = [("ada", 2), ("bob", 1), ("carol", 2), ("", 2)]
    assert sorted(failed) == sorted(
        ("login-failed", who, "127.0.0.1", "wrong password", count) for who, count in known
    )


async def test_who_guesses_has_to_wait_and_who_knows_does_not(served: Served) -> None:
    async with served.browser() as guessing, served.browser() as knowing:
        assert (await log_in(knowing, "ada")).status_code == 303
        statuses = [
            (await log_in(guessing, "ada", f"guess {number}")).status_code for number in range(11)
        ]
        assert statuses[:9] == [401] * 9
        assert statuses[-1] == 429
        locked = await log_in(guessing, "ada", "another guess")
        assert locked.status_code == 429
        assert 0 < int(locked.headers["retry-after"]) <= 60
        assert (await knowing.get("/account")).status_code == 200  # the session goes on
        assert (await log_in(knowing, "ada")).status_code == 303  # so does the right password


async def test_a_change_needs_the_token_and_a_page_of_ours(served: Served) -> None:
    async with served.browser() as browser:
        await log_in(browser, "ada")
        token = await csrf_of(browser)
        right = {"csrf_token": token}
        for headers, form, kind in (
            ({}, {"next": "/"}, "csrf-token-required"),
            ({}, {"csrf_token": token[:-1] + "x"}, "csrf-token-required"),
            ({"origin": "https://evil.example"}, right, "wrong-origin"),
            ({"origin": "null"}, right, "wrong-origin"),
            ({"origin": served.url + "0"}, right, "wrong-origin"),
            ({"sec-fetch-site": "same-site"}, right, "wrong-origin"),
            ({"sec-fetch-site": "cross-site"}, right, "wrong-origin"),
            ({"origin": "", "referer": "http://evil.example/"}, right, "wrong-origin"),
        ):
            refused = await browser.post("/logout", data=form, headers=headers)
            assert refused.status_code == 403
            assert KINDS[kind][1] in refused.text
        silent = httpx.AsyncClient(
            base_url=served.url, cookies=browser.cookies, timeout=60, verify=PLAIN
        )
        async with silent:  # no browser is that silent
            assert (await silent.post("/logout", data=right)).status_code == 403
        asked = await browser.get("/logout")
        assert token_in(asked.text) == token
        out = await browser.post("/logout", data=right)
        assert (out.status_code, out.headers["location"]) == (303, "/login")
        assert "Max-Age=0" in out.headers["set-cookie"]
        assert (await browser.get("/api/session")).status_code == 401
        assert (await browser.post("/logout", data=right)).status_code == 303


async def test_a_page_elsewhere_logs_nobody_in(served: Served) -> None:
    async with served.browser(origin="https://evil.example") as browser:
        assert (await log_in(browser, "ada")).status_code == 403
    async with served.browser() as browser:
        plain = {"content-type": "text/plain"}
        body = '{"name": "ada", "password": "' + PASSWORD + '"}'
        refused = await browser.post("/api/session", content=body, headers=plain)
        assert refused.status_code == 415
    async with httpx.AsyncClient(base_url=served.url, timeout=60, verify=PLAIN) as program:
        login = {"name": "ada", "password": PASSWORD}
        begun = await program.post("/api/session", json=login)
        assert begun.status_code == 201
        cookie = begun.cookies["fleet_session"]
        assert begun.json()["csrf"] == csrf_token(cookie)
        ended = {"x-csrf-token": begun.json()["csrf"], "origin": served.url}
        assert (await program.delete("/api/session")).status_code == 403
        assert (await program.delete("/api/session", headers=ended)).status_code == 204
        program.cookies.set("fleet_session", cookie)
        assert (await program.get("/api/session")).status_code == 401
        wrong = await program.post("/api/session", json={**login, "password": "x"})
        assert (wrong.status_code, wrong.json()["title"]) == (401, "Wrong name or password")
        for body in ('{"name": 1}', "{", '{"name": "a", "password": "b", "c": 1}'):
            bad = await program.post(
                "/api/session", content=body, headers={"content-type": "application/json"}
            )
            assert bad.status_code == 400
        told = await program.get(
            "/api/session", headers={"authorization": "Bearer the static token"}
        )
        assert (told.json()["kind"], told.json()["csrf"]) == ("static", None)


async def test_each_login_is_another_session_and_the_audit_tells_of_all(
    served: Served, database: Database
) -> None:
    async with served.browser(**{"user-agent": "Firefox"}) as browser:
        await log_in(browser, "ada")
        first = browser.cookies["fleet_session"]
        await log_in(browser, "ada")
        assert browser.cookies["fleet_session"] != first
        browser.cookies.set("fleet_session", first)
        assert (await browser.get("/api/session")).status_code == 401  # it was replaced
        await log_in(browser, "ada", "wrong")
    kinds = [(row.kind, row.who, row.address) for row in await audit(database, kind="login")]
    assert kinds == [("login", "ada", "127.0.0.1")] * 2
    account = await find_account(database, "ada")
    assert account is not None
    assert account.last_login is not None
