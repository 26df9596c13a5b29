"""A served application with accounts in a real database, and browsers that ask it."""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import trio
from argon2 import PasswordHasher

from fleet.access.keeper import AccessKeeper
from fleet.accounts.passwords import Passwords
from fleet.accounts.people import AccountPeople
from fleet.accounts.sessions import SessionKeeper
from fleet.accounts.throttle import Throttle
from storage.accounts import AccountRecord, add_account
from storage.database import Database
from storage.rows import AuditRow
from tests.web.fleet_in_memory import FleetInMemory
from tests.web.live_in_memory import LiveInMemory
from web.access.entering import Entrance
from web.access.people import Provider
from web.access.static import StaticAuthority
from web.app import create_app
from web.limits.edge import Allowance
from web.parts import Admitting, Serving, Shown
from web.server import Limits, serve

HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # quick, and as right
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # no https here: no authorities are read
PASSWORD = "correct horse battery"
LIFETIME = timedelta(days=30)
IDLE = timedelta(hours=12)


class Served:
    """One process that serves: `later` moves its clock."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.told: list[AuditRow] = []
        self.later = timedelta()
        self.throttle = Throttle()
        self.fleet = FleetInMemory()
        self.fleet.add_host("one")
        self.live = LiveInMemory()
        self.sessions = SessionKeeper(database, IDLE, self.throttle.know, self.now)
        self.people = AccountPeople(
            database,
            self.sessions,
            LIFETIME,
            self.told.append,
            passwords=Passwords(HASHER),
            throttle=self.throttle,
            now=self.now,
        )
        self.address = ""

    def now(self) -> datetime:
        return datetime.now(UTC) + self.later

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    async def run(self, task_status: trio.TaskStatus[None], **entrance: object) -> None:
        static = StaticAuthority("the static token", None)
        path = trio.Path("/nowhere")
        access = AccessKeeper(
            self.database,
            path,  # type: ignore[arg-type]  # nothing is written: it is not run
            static,
            self.told.append,
            sessions=self.sessions,
        )
        app = create_app(
            Shown(self.fleet, live=self.live),
            Admitting(
                authority=access,
                entrance=Entrance(people=self.people, **entrance),  # type: ignore[arg-type]  # by name
                allowance=Allowance(trusted_proxies=("127.0.0.1",)),
            ),
            Serving(heartbeat=0.05),
        )
        limits = Limits(grace=0.5)
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(_started, self.sessions.run))
            await nursery.start(partial(_started, self.people.run))
            self.address = await nursery.start(
                lambda task_status: serve(
                    app, "127.0.0.1:0", limits=limits, task_status=task_status
                )
            )
            task_status.started()

    def browser(self, **headers: str) -> httpx.AsyncClient:
        """One that sends what browsers do, and keeps cookies."""
        said = {"accept": "text/html", "origin": self.url, "sec-fetch-site": "same-origin"}
        return httpx.AsyncClient(
            base_url=self.url, headers=said | headers, timeout=60, verify=PLAIN
        )


async def _started(
    run: Callable[..., Awaitable[None]], *, task_status: trio.TaskStatus[None]
) -> None:
    await run(task_status=task_status)


@asynccontextmanager
async def serving(
    database: Database, *, provider: Provider | None = None, **entrance: object
) -> AsyncIterator[Served]:
    served = Served(database)
    async with trio.open_nursery() as nursery:
        await nursery.start(
            lambda task_status: served.run(task_status, provider=provider, **entrance)
        )
        yield served
        nursery.cancel_scope.cancel()


async def make_account(
    database: Database,
    name: str,
    *,
    role: str = "viewer",
    scope: tuple[str, ...] = (),
    password: str | None = PASSWORD,
) -> None:
    now = datetime.now(UTC)
    account = AccountRecord(
        name=name,
        password=None if password is None else HASHER.hash(password),
        role=role,
        scope=list(scope),
        created=now,
        created_by="root",
        changed=now,
    )
    audit = AuditRow(time=now, kind="account-created", who=name, address="", detail="")
    await add_account(database, account, audit)


async def log_in(
    browser: httpx.AsyncClient, name: str, password: str = PASSWORD, following: str = "/"
) -> httpx.Response:
    form = {"name": name, "password": password, "next": following}
    return await browser.post("/login", data=form)


async def csrf_of(browser: httpx.AsyncClient) -> str:
    token: str = (await browser.get("/api/session")).json()["csrf"]
    return token


def token_in(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found[1]
