"""The settings: what they tell, to whom, and what their forms do."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from tests.web.access_in_memory import HOSTILE, DeskInMemory, RosterInMemory
from tests.web.fleet_in_memory import FleetInMemory
from tests.web.live_in_memory import LiveInMemory
from tests.web.settings_in_memory import START, HoldingsInMemory, example_config
from web.access.csrf import csrf_token
from web.access.model import Access
from web.access.static import StaticAuthority
from web.app import create_app
from web.config_documents import EffectiveConfigDocument, MistakeDocument, SettingValue
from web.documents import CertificateDocument
from web.exposition.instruments import Histogram
from web.exposition.text import Family
from web.pages.settings_figures import Figures
from web.pages.settings_words import value_text
from web.parts import Admitting, Shown
from web.reloading import ReloadDocument, ReloadRefusedError

ADMIN = Access(kind="session", id="s1", name="ada", role="admin")
VIEWER = Access(kind="token", id="t", name="grafana")
NARROW = Access(kind="token", id="t", name="berlin", scope=(("site", "fra"),))
ANYONE = Access(kind="anonymous", name="anonymous")
FORM = {"origin": "http://localhost", "content-type": "application/x-www-form-urlencoded"}
CSRF = csrf_token("")
Asked = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def desk() -> DeskInMemory:
    return DeskInMemory()


@pytest.fixture
def roster() -> RosterInMemory:
    return RosterInMemory()


@pytest.fixture
def asked(
    fleet: FleetInMemory, holdings: HoldingsInMemory, desk: DeskInMemory, roster: RosterInMemory
) -> Asked:
    """Asks as somebody; what is configured and what a reload does may be given."""

    @asynccontextmanager
    async def asking(
        access: Access,
        config: Callable[[], EffectiveConfigDocument | None] = example_config,
        reload: Callable[[], Any] | None = None,
    ) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(
            Shown(fleet, live=LiveInMemory(), configured=config, holdings=holdings),
            Admitting(
                authority=StaticAuthority(None, access), desk=desk, roster=roster, reload=reload
            ),
        )
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # Litestar's scope types
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client

    return asking


async def sent(client: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    return await client.post(path, data={"csrf_token": CSRF, **fields}, headers=FORM)


async def test_the_configuration_is_told_with_where_it_is_from(asked: Asked) -> None:
    config = example_config()
    wrong = MistakeDocument(key="hosts.a.prot", found=HOSTILE, line=7, suggestion="port")
    refused = replace(config.config, error="refused", error_since=START, warnings=("careful",))
    config = replace(config, config=refused, mistakes=(wrong,))
    async with asked(VIEWER, lambda: config) as client:
        page = (await client.get("/settings")).text
        assert "/etc/fleet/hosts.toml" in page
        assert "postgresql://db.lan/fleet" in page
        assert "a part is hidden" in page
        assert "8 after a restart" in page
        assert "line 7" in page
        assert "did you mean <code>port</code>?" in page
        assert "careful" in page
        assert HOSTILE not in page
        assert "port = 2222" in page
        assert "defaults.ssh.port" in page
        assert 'name="csrf_token"' not in page  # a viewer has no button
        written = (await client.get("/settings", params={"show": "written"})).text
        assert "batch_age" not in written
        assert "readers" in written
        found = (await client.get("/settings", params={"find": "LISTEN"})).text
        assert "127.0.0.1:8080" in found
        assert "readers" not in found


async def test_an_operator_has_it_read_anew_and_is_told_what_came_of_it(asked: Asked) -> None:
    async def done() -> ReloadDocument:
        config = example_config().config
        return ReloadDocument(started=("new",), stopped=(), restarted=("one",), config=config)

    async def refused() -> ReloadDocument:
        raise ReloadRefusedError("hosts.toml: line 7")

    operator = replace(ADMIN, role="operator")
    async with asked(operator, reload=done) as client:
        assert "Read it anew" in (await client.get("/settings")).text
        without = await client.post("/settings", data={"csrf_token": "guessed"}, headers=FORM)
        assert without.status_code == 403
        answer = await sent(client, "/settings")
        assert "started new; connected anew to one" in answer.text
    async with asked(operator, reload=refused) as client:
        assert (await sent(client, "/settings")).status_code == 409
    async with asked(VIEWER, reload=done) as client:
        assert (await sent(client, "/settings")).status_code == 403


async def test_the_storage_is_told_also_while_the_database_is_away(
    asked: Asked, holdings: HoldingsInMemory
) -> None:
    async with asked(VIEWER) as client:
        page = (await client.get("/settings/storage")).text
        assert "container_samples" in page
        assert "1,000,000" in page
        assert "version 12, up to date" in page
        assert "2 wait" in page
        holdings.away = "The database does not answer."
        page = (await client.get("/settings/storage")).text
        assert "The database does not answer. This is what was found before." in page
        assert "container_samples" in page
        assert (await client.get("/api/storage")).status_code == 503


async def test_the_program_tells_of_itself(asked: Asked, fleet: FleetInMemory) -> None:
    whole, certificate = (
        fleet.fleet(),
        CertificateDocument(file="c.pem", loaded=START, expires=START),
    )
    fleet.fleet = lambda: replace(whole, certificate=certificate)  # type: ignore[method-assign]  # as it is set up
    async with asked(VIEWER) as client:
        page = (await client.get("/settings/fleet")).text
        assert "c.pem" in page
        assert "of 256" in page  # streams
        assert 'href="/metrics"' in page


@pytest.mark.parametrize("path", ["/settings", "/settings/storage", "/settings/fleet"])
async def test_who_sees_some_hosts_is_told_why_there_is_nothing(asked: Asked, path: str) -> None:
    async with asked(NARROW) as client:
        page = await client.get(path)
        assert page.status_code == 200
        assert "you see some hosts of it" in page.text
        assert "one.lan" not in page.text
        for api in ("/api/config", "/api/storage", "/live/settings"):
            assert (await client.get(api)).status_code == 403


async def test_what_is_not_known_yet_is_said(asked: Asked) -> None:
    async with asked(VIEWER, lambda: None) as client:
        assert "did not tell its configuration yet" in (await client.get("/settings")).text
        answer = await client.get("/api/config")
        assert answer.status_code == 503
        assert answer.json()["type"] == "urn:fleet:problem:state-unavailable"


async def test_others_than_admins_are_told_whom_to_ask(asked: Asked) -> None:
    async with asked(VIEWER) as client:
        page = (await client.get("/settings/access")).text
        assert "Tokens and accounts are for admins; you are viewer." in page
        assert "traefik" not in page
        assert "The audit is for admins" in (await client.get("/settings/audit")).text
        assert (await sent(client, "/settings/access", do="token-make")).status_code == 403
    async with asked(ANYONE) as client:
        assert "nobody in particular" in (await client.get("/settings/access")).text


async def test_a_token_is_shown_once_and_revoked_after_a_question(
    asked: Asked, desk: DeskInMemory
) -> None:
    async with asked(ADMIN) as client:
        answer = await sent(
            client, "/settings/access", do="token-make", name="new", labels="site=fra\n\nedge"
        )
        assert "fleet_once_secret" in answer.text
        assert {by for by, _ in desk.by} == {"ada"}
        assert answer.headers["cache-control"] == "no-store"
        assert desk.known[-1].labels == ("site=fra", "edge")
        page = (await client.get("/settings/access")).text
        assert "fleet_once_secret" not in page
        assert re.search(r'<dialog[^>]*id="token-id-traefik"[^>]*popover', page)
        taken = await sent(client, "/settings/access", do="token-make", name="traefik")
        assert taken.status_code == 409
        assert 'value="traefik"' in taken.text  # the form has what was typed
        gone = await sent(client, "/settings/access", do="token-revoke", ref="id-traefik")
        assert "The token traefik was revoked." in gone.text
        again = await sent(client, "/settings/access", do="token-revoke", ref="id-traefik")
        assert again.status_code == 404


async def test_accounts_are_made_changed_and_removed(asked: Asked, roster: RosterInMemory) -> None:
    async with asked(ADMIN) as client:
        made = await sent(client, "/settings/access", do="user-make", name="eve", role="operator")
        assert "http://localhost/welcome#once-secret" in made.text
        for does, told in (
            ("user-role", "bob is admin of all hosts now"),
            ("user-disable", "bob cannot log in"),
            ("user-enable", "bob may log in"),
            ("user-link", "once-secret"),
            ("user-logout", "2 sessions of bob ended"),
            ("user-remove", "bob and its sessions were removed"),
        ):
            answer = await sent(client, "/settings/access", do=does, ref="bob", role="admin")
            assert told in answer.text, does
        assert [change.disabled for _, change in roster.changes] == [None, True, False]
        for does in ("user-disable", "user-remove", "user-role"):
            answer = await sent(client, "/settings/access", do=does, ref="ada", role="viewer")
            assert answer.status_code == 409, does
        unknown = await sent(client, "/settings/access", do="user-link", ref=HOSTILE)
        assert unknown.status_code == 404
        assert HOSTILE not in unknown.text
        assert (await sent(client, "/settings/access", do="nothing")).status_code == 400
        forged = await client.post("/settings/access", data={"do": "user-make"}, headers=FORM)
        assert forged.status_code == 403


async def test_accounts_over_the_api(asked: Asked) -> None:
    async with asked(replace(ADMIN, kind="token")) as client:
        names = [one["name"] for one in (await client.get("/api/users")).json()["users"]]
        assert names == ["ada", "bob"]
        page = (await client.get("/api/users", params={"limit": 1})).json()
        rest = (await client.get("/api/users", params={"cursor": page["page"]["next"]})).json()
        assert [one["name"] for one in rest["users"]] == ["bob"]
        made = await client.post("/api/users", json={"name": "eve"})
        assert made.status_code == 201
        assert made.json()["link"] == "http://localhost/welcome#once-secret"
        assert (await client.post("/api/users", json={"name": "eve"})).status_code == 409
        assert (await client.post("/api/users", json={"nam": "x"})).status_code == 400
        changed = await client.patch("/api/users/bob", json={"disabled": True})
        assert changed.status_code == 200
        last = await client.delete("/api/users/ada")
        assert last.json()["type"] == "urn:fleet:problem:last-admin"
        assert (await client.delete("/api/users/nobody")).status_code == 404
        assert (await client.post("/api/users/bob/logout")).json()["sessions"] == 2
        assert (await client.post("/api/users/bob/link")).status_code == 201


async def test_the_audit_is_filtered_and_paged(asked: Asked, desk: DeskInMemory) -> None:
    async with asked(ADMIN) as client:
        page = (await client.get("/settings/audit")).text
        assert "who-49" in page
        assert "who-50" not in page
        assert HOSTILE not in page
        older = re.search(r'href="([^"]+)" rel="next"', page)
        assert older is not None
        rest = (await client.get(older[1].replace("&amp;", "&"))).text
        assert "who-50" in rest
        assert "These are the oldest." in rest
        await client.get("/settings/audit", params={"kind": "login", "who": " ada ", "since": "1d"})
        assert (desk.wanted[-1].kind, desk.wanted[-1].who) == ("login", "ada")
        assert desk.wanted[-1].since is not None
        wrong = await client.get("/settings/audit", params={"kind": "nothing"})
        assert wrong.status_code == 400


async def test_while_the_database_is_away_access_says_so(asked: Asked, desk: DeskInMemory) -> None:
    desk.away = True
    async with asked(ADMIN) as client:
        page = await client.get("/settings/access")
        assert page.status_code == 200
        assert "cannot be shown now: The database is away." in page.text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1_048_576, "", "1048576"),
        (1_048_576.0, "", "1048576"),
        (0.5, "", "0.5"),
        (True, "", "true"),
        (7.0, "days", "7 d"),
        (0.5, "seconds", "0.5 s"),
        (43_200.0, "seconds", "12 h"),
        ([], "", "none"),
        ({"a": "b"}, "", "a = b"),
        (None, "", "not set"),
    ],
)
def test_a_value_is_written_as_it_is_typed(value: SettingValue, unit: str, text: str) -> None:
    assert value_text(value, unit) == text


def test_figures_are_read_out_of_metrics() -> None:
    histogram = Histogram((0.1, 0.2, 0.4))
    for value in (0.05, 0.15, 0.15, 0.3):
        histogram.observe(value)
    rows = Family("rows", "counter", "Rows.")
    rows.add(1.5, table='a"b\\', worker="1").add(2, table="c", worker="1").add(4, table="c")
    figures = Figures([rows, Family("wait", "histogram", "W.").add_histogram(histogram)])
    assert figures.value("rows") == 7.5
    assert figures.value("rows", table="c") == 6
    assert figures.by("rows", "table") == {'a\\"b\\\\': 1.5, "c": 6}
    assert figures.least("rows") == 1.5
    assert figures.says("rows", "worker") == "1"
    assert figures.quantile("wait", 0.5) == pytest.approx(0.15)
    assert figures.quantile("wait", 1.0) == pytest.approx(0.4)
    assert figures.value("nothing") is None
    assert figures.quantile("nothing", 0.5) is None
