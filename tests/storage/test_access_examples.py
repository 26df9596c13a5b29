"""Every curl of docs/access.md is run, with a real database, and does what the page says."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from config.models import Storage
from fleet.access.desk import StoredDesk
from fleet.access.keeper import AccessKeeper
from fleet.access.tokens import hashed, new_token
from fleet.accounts.passwords import Passwords
from fleet.accounts.people import AccountPeople
from fleet.accounts.roster import StoredRoster
from fleet.accounts.sessions import SessionKeeper
from storage.access import TokenRecord, add_token
from storage.database import Database
from tests.storage.people import HASHER, PASSWORD, make_account
from tests.web.fleet_in_memory import FleetInMemory
from web.access.entering import Entrance
from web.access.static import StaticAuthority
from web.app import Application, create_app
from web.parts import Admitting, Shown
from web.server import Limits, serve

PAGE = (Path(__file__).parents[2] / "docs" / "access.md").read_text()
COMMANDS = [
    command
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for command in block.replace("\\\n", " ").splitlines()
]
WEEK = timedelta(days=7)


@pytest.fixture
async def database(fresh_embedded: str) -> AsyncIterator[Database]:
    made = Database(fresh_embedded, None, Storage())
    await made.prepare()
    yield made
    made.close()


@pytest.fixture
async def admin(database: Database) -> str:
    """A token of an admin; and there is ada, with a password."""
    await make_account(database, "ada")
    made = new_token()
    record = TokenRecord(
        id=made.id,
        name="boss",
        hash=hashed(made.token),
        role="admin",
        scope=[],
        created=datetime.now(UTC),
        created_by="root",
        expires=None,
    )
    await add_token(database, record, "")
    return made.token


@pytest.fixture
async def address(database: Database, admin: str, tmp_path: Path, nursery: trio.Nursery) -> str:
    assert admin
    sessions = SessionKeeper(database, WEEK)
    people = AccountPeople(database, sessions, WEEK, _unheard, passwords=Passwords(HASHER))
    static = StaticAuthority(None, None)
    keeper = AccessKeeper(database, tmp_path / "access.json", static, _unheard, sessions=sessions)
    app = create_app(
        Shown(FleetInMemory()),
        Admitting(
            authority=keeper,
            entrance=Entrance(people=people),
            desk=StoredDesk(database),
            roster=StoredRoster(database),
        ),
    )
    for part in (keeper, sessions, people):
        await nursery.start(lambda task_status, run=part.run: run(task_status=task_status))
    started: str = await nursery.start(lambda task_status: _serve(app, task_status))
    return started


async def _serve(app: Application, task_status: trio.TaskStatus[str]) -> None:
    await serve(app, "127.0.0.1:0", limits=Limits(grace=0.5), task_status=task_status)


def _unheard(_row: object) -> None:
    """What is audited in passing is of other tests."""


async def run(words: list[str], folder: Path) -> Any:
    """What a command of curl answers, decoded; None where it is nothing."""
    with trio.fail_after(60):
        done: subprocess.CompletedProcess[bytes] = await trio.run_process(
            ["curl", "--silent", "--show-error", "--fail-with-body", *words],
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            cwd=folder,
        )
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return msgspec.json.decode(done.stdout) if done.stdout else None


async def test_every_command_of_the_page_is_answered(
    address: str, admin: str, tmp_path: Path
) -> None:
    answers = []
    known = {'"..."': f'"{PASSWORD}"', "127.0.0.1:8080": address, "$FLEET_TOKEN": admin}
    for command in COMMANDS:
        line = command
        for there, here in known.items():
            line = line.replace(there, here)
        program, *words = shlex.split(line, comments=True)
        assert program == "curl"
        assert not [word for word in words if "$" in word], command
        answers.append(await run(words, tmp_path))
        if "`csrf`" in command:
            known["$CSRF"] = answers[-1]["csrf"]
    login, session, logout, made, revoked, audit, added, disabled, link, removed = answers
    assert session["name"] == "ada"
    assert session["csrf"] == login["csrf"]
    assert logout is None
    assert (made["name"], made["labels"]) == ("berlin", ["site=berlin"])
    assert made["token"]
    assert revoked["name"] == "berlin"
    assert audit["entries"] == []
    assert added["name"] == disabled["name"] == link["name"] == removed["name"] == "bob"
    assert disabled["disabled"]
