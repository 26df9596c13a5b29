"""Each endpoint, asked with each kind of token: allowed or refused as docs/access.md says."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
import trio
from litestar import Litestar
from litestar.routes import HTTPRoute, WebSocketRoute

from config.models import Storage
from fleet.access.desk import StoredDesk
from fleet.access.keeper import AccessKeeper
from fleet.access.tokens import hashed, new_token
from fleet.accounts.roster import StoredRoster
from storage.access import TokenRecord, add_token, revoke_token
from storage.database import Database
from tests.web.asgi import Answer, Asking
from tests.web.fleet_in_memory import FleetInMemory
from tests.web.history_in_memory import HistoryInMemory
from tests.web.live_in_memory import LiveInMemory
from tests.web.routes_in_memory import RoutesInMemory
from web.access.guard import least_role
from web.access.model import ROLES, WHOLE
from web.access.static import ANYONE, StaticAuthority
from web.app import HANDLERS, create_app
from web.documents import ConfigDocument
from web.parts import Admitting, Serving, Shown
from web.reloading import ReloadDocument
from web.schema import openapi_config

DOCUMENT = Path(__file__).parents[2] / "docs" / "access.md"
ROW = re.compile(r"\| `(\S+) (\S+)` \| (\w+) \|")
CREDENTIALS: dict[str, str | None] = {
    # what it may, None: it is refused; "anonymous" is as the server is set up
    "none": "anonymous",
    "unknown": None,
    "expired": None,
    "revoked": None,
    "viewer": "viewer",
    "scoped viewer": "viewer",
    "operator": "operator",
    "admin": "admin",
    "static": "viewer",
}
REFUSALS = ("token-required", "role-required")
STATIC = "the static token"
OF_SESSIONS = {("PUT", "/api/session/password")}  # who has a token has no password


class Endpoint(NamedTuple):
    method: str
    path: str
    takes: str


def endpoints() -> Iterator[Endpoint]:
    """All that the router answers, also what is declared by others than us."""
    router = Litestar(route_handlers=HANDLERS, openapi_config=openapi_config("1"))
    for route in router.routes:
        if isinstance(route, WebSocketRoute):
            yield Endpoint(
                "WebSocket", route.path_format, least_role(route.route_handler) or "open"
            )
        elif isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                for method in sorted(handler.http_methods):
                    least = least_role(handler) or "open"
                    takes = "whole" if handler.opt.get(WHOLE) else least
                    yield Endpoint(str(method), route.path_format, takes)


def documented() -> dict[tuple[str, str], str]:
    table = DOCUMENT.read_text().partition("## Who may what")[2]
    return {(method, path): takes for method, path, takes in ROW.findall(table)}


def test_the_document_lists_each_endpoint_and_no_other() -> None:
    known = {(one.method, one.path): one.takes for one in endpoints() if one.method != "OPTIONS"}
    known |= dict.fromkeys(OF_SESSIONS, "session")
    assert len(known) > 70
    assert documented() == known


@pytest.fixture
async def database(fresh_embedded: str) -> AsyncIterator[Database]:
    made = Database(fresh_embedded, None, Storage())
    await made.prepare()
    yield made
    made.close()


async def made_token(
    database: Database, role: str, *labels: str, ago: timedelta | None = None
) -> str:
    made, now = new_token(), datetime.now(UTC)
    record = TokenRecord(
        id=made.id,
        name=made.id,
        hash=hashed(made.token),
        role=role,
        scope=list(labels),
        created=now,
        created_by="root",
        expires=None if ago is None else now - ago,
    )
    await add_token(database, record, "")
    return made.token


async def made_tokens(database: Database) -> dict[str, str | None]:
    revoked = await made_token(database, "admin")
    await revoke_token(database, revoked.split("_")[1], "root", "")
    return {
        "none": None,
        "unknown": new_token().token,
        "expired": await made_token(database, "admin", ago=timedelta(seconds=1)),
        "revoked": revoked,
        "viewer": await made_token(database, "viewer"),
        "scoped viewer": await made_token(database, "viewer", "site=fra"),
        "operator": await made_token(database, "operator"),
        "admin": await made_token(database, "admin"),
        "static": STATIC,
    }


async def reloaded() -> ReloadDocument:
    config = ConfigDocument(source=None, loaded=datetime.now(UTC))
    return ReloadDocument(started=(), stopped=(), restarted=(), config=config)


def served(database: Database, keeper: AccessKeeper, listen: str) -> Asking:
    fleet, routes = FleetInMemory(), RoutesInMemory()
    fleet.add_host("one")
    fleet.add_container("one", "web")
    routes.add_host("one")
    app = create_app(
        Shown(fleet, HistoryInMemory(), routing=routes, live=LiveInMemory()),
        Admitting(
            authority=keeper,
            desk=StoredDesk(database),
            roster=StoredRoster(database),
            reload=reloaded,
        ),
        Serving(listen=listen, max_streams=4),
    )
    return Asking(app)


def may(credential: str, takes: str, *, loopback: bool) -> bool:
    if takes in ("open", "session"):
        return takes == "open"
    if takes == "whole":
        return credential != "scoped viewer" and may(credential, "viewer", loopback=loopback)
    role = CREDENTIALS[credential]
    if role == "anonymous":
        role = "viewer" if loopback else None
    return role is not None and ROLES.index(role) >= ROLES.index(takes)


async def allowed(asking: Asking, endpoint: Endpoint, token: str | None) -> bool:
    path = endpoint.path.format(host="one", ref="web", domain="app.lan", path="x", name="ada")
    if endpoint.method == "WebSocket":
        answer: Answer = await asking.talk(path, token=token)
        return answer.accepted
    answer = await asking.ask(endpoint.method, path, token=token)
    assert answer.status not in (0, 500), (endpoint, answer.body)
    if answer.headers.get("content-type", "").startswith("text/html"):
        return answer.status not in (401, 403)  # said by a page
    return answer.kind not in REFUSALS


@pytest.mark.parametrize("listen", ["127.0.0.1:8080", "0.0.0.0:8080"])
async def test_each_endpoint_takes_what_the_document_says(
    database: Database, tmp_path: Path, nursery: trio.Nursery, listen: str
) -> None:
    loopback = listen.startswith("127.")
    static = StaticAuthority(STATIC, ANYONE if loopback else None)
    keeper = AccessKeeper(database, tmp_path / "access.json", static, lambda _: None)
    tokens = await made_tokens(database)
    assert set(tokens) == set(CREDENTIALS)
    await nursery.start(keeper.run)
    asking = served(database, keeper, listen)
    takes = documented()
    wrong = []
    for endpoint in endpoints():
        least = takes.get((endpoint.method, endpoint.path), "viewer")  # of OPTIONS
        for credential, token in tokens.items():
            said = may(credential, least, loopback=loopback)
            if await allowed(asking, endpoint, token) != said:
                wrong.append((endpoint.method, endpoint.path, credential, said))
    assert not wrong


async def test_a_refusal_tells_nothing_of_paths_and_not_what_is_wrong_with_a_token(
    database: Database, tmp_path: Path, nursery: trio.Nursery
) -> None:
    static = StaticAuthority(None, None)
    keeper = AccessKeeper(database, tmp_path / "access.json", static, lambda _: None)
    tokens = await made_tokens(database)
    await nursery.start(keeper.run)
    asking = served(database, keeper, "0.0.0.0:8080")
    for name in ("unknown", "expired", "revoked"):
        told = set()
        for path in ("/api/hosts", "/nowhere", "/api/hosts/nobody"):
            answer = await asking.ask("GET", path, token=tokens[name])
            told.add((answer.status, answer.body.partition(b'"instance"')[0]))
        assert [status for status, _ in told] == [401], name
        assert b"wrong, has expired or was revoked" in next(iter(told))[1]
    admin = await asking.ask("GET", "/api/tokens", token=tokens["scoped viewer"])
    assert (admin.status, admin.kind) == (403, "role-required")
    assert b"viewer of some hosts" in admin.body
