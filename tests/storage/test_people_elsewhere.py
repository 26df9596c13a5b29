"""People log in at a real provider of OpenID Connect, which also lies."""

import base64
import hashlib
import logging
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from config.models import Oidc, Storage
from connectors.oidc import OidcClient, OidcError
from fleet.accounts.elsewhere import OidcProvider
from storage.access import audit
from storage.accounts import accounts
from storage.database import Database
from tests.storage.people import PLAIN, Served, serving

CALLBACK = "/login/oidc/callback"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    program = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.storage.oidc_program"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert program.stdout is not None
        port = program.stdout.readline().strip()
        assert port, "the provider did not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        program.kill()
        program.communicate()


@pytest.fixture
async def database(embedded_conninfo: str) -> AsyncIterator[Database]:
    made = Database(embedded_conninfo, None, Storage())
    await made.prepare()
    yield made
    made.close()


def client_of(issuer: str) -> OidcClient:
    settings = Oidc(issuer=issuer, client_id="fleet", client_secret_env="SECRET")
    return OidcClient(settings, {"SECRET": "a secret: with/signs"})


@pytest.fixture
async def served(database: Database, issuer: str) -> AsyncIterator[Served]:
    async with serving(
        database,
        provider=OidcProvider(client_of(issuer)),
        label="Log in there",
        roles={"admins": "admin", "readers": "viewer"},
    ) as running:
        yield running


async def lie(issuer: str, **claims: Any) -> None:
    async with httpx.AsyncClient(timeout=60, verify=PLAIN) as client:
        (await client.put(f"{issuer}/lie", json=claims)).raise_for_status()


async def know(issuer: str, subject: str, **claims: Any) -> None:
    async with httpx.AsyncClient(timeout=60, verify=PLAIN) as client:
        (await client.put(f"{issuer}/people/{subject}", json=claims)).raise_for_status()


async def back_from(issuer: str, location: str, subject: str) -> str:
    """Log in at the provider; where it sends the browser then, without the server's address."""
    assert location.startswith(f"{issuer}/oauth2/authorize?")
    async with httpx.AsyncClient(timeout=60, verify=PLAIN) as client:
        answer = await client.post(location, data={"sub": subject})
    assert answer.status_code == 302, answer.text
    there = urlsplit(answer.headers["location"])
    assert there.path == CALLBACK
    return f"{CALLBACK}?{there.query}"


async def come_in(issuer: str, browser: httpx.AsyncClient, subject: str) -> httpx.Response:
    begun = await browser.get("/login/oidc?next=/account")
    assert begun.status_code == 303, begun.text
    return await browser.get(await back_from(issuer, begun.headers["location"], subject))


async def test_somebody_comes_in_with_the_role_of_their_groups(
    served: Served, database: Database, issuer: str
) -> None:
    async with served.browser() as browser:
        page = await browser.get("/login")
        assert 'href="/login/oidc?next=/">Log in there</a>' in page.text
        begun = await browser.get("/login/oidc?next=/account")
        asked = {
            name: value[0]
            for name, value in parse_qs(urlsplit(begun.headers["location"]).query).items()
        }
        assert asked["redirect_uri"] == served.url + CALLBACK
        assert asked["code_challenge_method"] == "S256"
        await lie(issuer, groups=["readers", "others"], preferred_username="Ada Lovelace")
        back = await back_from(issuer, begun.headers["location"], "4711")
        inside = await browser.get(f"{back}&session_state=what+others+add")
        assert (inside.status_code, inside.headers["location"]) == (303, "/account")
        account = await browser.get("/account")
        assert "<strong>ada-lovelace</strong>, viewer" in account.text
        assert "Password" not in account.text
        async with httpx.AsyncClient(timeout=60, verify=PLAIN) as client:
            shown = (await client.get(f"{issuer}/asked")).json()
        digest = hashlib.sha256(shown["code_verifier"].encode()).digest()
        assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == asked["code_challenge"]
        # The way back is one for once, and for this browser.
        assert (await browser.get(back)).status_code == 400
    async with served.browser() as browser:
        await lie(issuer, groups=["admins", "readers"], preferred_username="Somebody Else")
        await come_in(issuer, browser, "4711")
        again = (await browser.get("/api/session")).json()
        assert (again["name"], again["role"]) == ("ada-lovelace", "admin")
        await lie(issuer, groups="readers", preferred_username="Ada Lovelace")
        await come_in(issuer, browser, "4712")
        other = (await browser.get("/api/session")).json()
        assert (other["name"], other["role"]) == ("ada-lovelace-2", "viewer")
        # Some say the groups only when they are asked for what they know of somebody.
        await lie(issuer)
        await know(issuer, "4712", groups=["admins"])
        await come_in(issuer, browser, "4712")
        asked_for = (await browser.get("/api/session")).json()
        assert (asked_for["name"], asked_for["role"]) == ("ada-lovelace-2", "admin")
        await know(issuer, "4712", groups=["admins"], sub="4711")
        assert (await come_in(issuer, browser, "4712")).status_code == 403
    found = [(one.name, one.subject, one.issuer) for one in await accounts(database)]
    assert found == [("ada-lovelace", "4711", issuer), ("ada-lovelace-2", "4712", issuer)]
    assert len(await audit(database, kind="login")) == 4


async def test_what_does_not_hold_lets_nobody_in(
    served: Served, database: Database, issuer: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "fleet.web")
    now = int(time.time())
    right = {"groups": ["readers"]}
    lies: list[dict[str, Any]] = [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": ["fleet", "another"]},  # and nobody says for whom of them it was made
        {"aud": ["fleet"], "azp": "another"},
        {"iss": "https://evil.example"},
        {"exp": now - 3600},
        {"exp": None},
        {"iat": now + 3600},
        {"sub": None},
        {"key": True},
        {"groups": ["others"]},
        {"groups": None},
        {"groups": {"readers": 1}},
    ]
    for wrong in lies:
        await lie(issuer, **{**right, **wrong})
        async with served.browser() as browser:
            refused = await come_in(issuer, browser, "4711")
            assert refused.status_code == 403, wrong
            assert "fleet_session" not in browser.cookies, wrong
    await lie(issuer, **right)
    async with served.browser() as browser, served.browser() as another:
        begun = await browser.get("/login/oidc")
        back = await back_from(issuer, begun.headers["location"], "4711")
        assert (await another.get(back)).status_code == 400  # not begun there
        forged = back.replace("state=", "state=0")
        assert (await browser.get(forged)).status_code == 400
        assert "sent no cookie" in caplog.text
        assert "`state` is not what was given" in caplog.text
        for query in ("error=access_denied", "code=x&iss=https://evil.example"):
            begun = await browser.get("/login/oidc")
            state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
            refused = await browser.get(f"{CALLBACK}?{query}&state={state}")
            assert refused.status_code == 403
    assert await accounts(database) == []
    told = [call for call in served.told if "4711" in repr(call)]
    assert told == []


async def test_a_provider_that_is_away_is_told_of(database: Database) -> None:
    provider = OidcProvider(client_of("http://127.0.0.1:1"))
    async with (
        serving(database, provider=provider, label="There") as served,
        served.browser() as browser,
    ):
        page = await browser.get("/login/oidc")
        assert page.status_code == 503
        assert "cannot be reached now" in page.text
        assert (await browser.get("/login")).status_code == 200


def test_it_is_asked_on_asyncio_too(issuer: str) -> None:
    import asyncio

    async def ask() -> None:
        client = client_of(issuer)
        url = await client.authorize_url("http://x/", "state", "nonce", "verifier")
        assert "state=state" in url
        with pytest.raises(OidcError, match="does not accept"):
            await client.claims("no code", "http://x/", "nonce", "verifier")
        other = client_of(issuer + "/")
        with pytest.raises(OidcError, match="another name"):
            await other.authorize_url("http://x/", "state", "nonce", "verifier")

    asyncio.run(ask())
