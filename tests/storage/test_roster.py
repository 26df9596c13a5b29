"""The accounts of others, over a real database: what the API and its page change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import trio

from config.models import Retention, Storage
from fleet.accounts.roster import StoredRoster
from fleet.holdings import StoredHoldings
from storage.access import audit
from storage.accounts import AccountRecord, add_account
from storage.database import Database
from storage.rows import AuditRow
from web.access.desk import DeskClosedError, DeskRefusedError
from web.access.roster import LastAdminError, UserChange, UserWanted
from web.history import HistoryUnavailable

BY = ("ops-token", "10.0.0.7")


@pytest.fixture
async def database(fresh_embedded: str) -> AsyncIterator[Database]:
    made = Database(fresh_embedded, None, Storage())
    await made.prepare()
    yield made
    made.close()


async def admin(database: Database, name: str) -> None:
    """One who can log in."""
    now = datetime.now(UTC)
    record = AccountRecord(
        name=name,
        password="$argon2id$stored",
        role="admin",
        scope=[],
        created=now,
        created_by="root",
        changed=now,
    )
    told = AuditRow(time=now, kind="account-created", who="root", address="", detail=name)
    await add_account(database, record, told)


async def test_accounts_are_made_changed_and_removed_and_the_audit_tells(
    database: Database,
) -> None:
    roster = StoredRoster(database)
    await admin(database, "ada")
    path = await roster.add(UserWanted(name=" Bob ", labels=("site=fra",)), *BY)
    assert path.startswith("/welcome#")
    with pytest.raises(DeskRefusedError) as taken:
        await roster.add(UserWanted(name="bob"), *BY)
    assert taken.value.taken
    for wrong in (
        UserWanted(name="two words"),
        UserWanted(name="x", role="admin", labels=("site=fra",)),
    ):
        with pytest.raises(DeskRefusedError):
            await roster.add(wrong, *BY)
    ada, bob = await roster.users()
    assert (ada.name, ada.has_password) == ("ada", True)
    assert (bob.name, bob.labels, bob.has_password, bob.created_by) == (
        "bob",
        ("site=fra",),
        False,
        "ops-token",
    )
    changed = await roster.change("BOB", UserChange(role="operator"), *BY)
    assert changed is not None
    assert (changed.role, changed.labels) == ("operator", ())
    disabled = await roster.change("bob", UserChange(disabled=True), *BY)
    assert disabled is not None
    assert disabled.disabled is not None
    assert await roster.link("bob", *BY) != path
    assert await roster.log_out("bob", *BY) == 0
    gone = await roster.remove("bob", *BY)
    assert gone is not None
    for unknown in (
        roster.change("bob", UserChange(disabled=True), *BY),
        roster.remove("bob", *BY),
        roster.link("bob", *BY),
        roster.log_out("bob", *BY),
    ):
        assert await unknown is None
    told = await audit(database, who=BY[0])
    assert [(row.kind, row.address, row.detail) for row in reversed(told)] == [
        ("account-created", BY[1], "bob: viewer of site=fra"),
        ("link-created", BY[1], "for the password of bob"),
        ("account-changed", BY[1], "bob: operator of all hosts"),
        ("account-disabled", BY[1], "bob"),
        ("link-created", BY[1], "for the password of bob"),
        ("account-removed", BY[1], "bob"),
    ]


@pytest.mark.parametrize("change", [UserChange(), UserChange(role="viewer", disabled=True)])
async def test_a_change_is_of_one_thing(database: Database, change: UserChange) -> None:
    with pytest.raises(DeskRefusedError, match="one at a time"):
        await StoredRoster(database).change("ada", change, *BY)


async def test_of_two_admins_who_shut_out_each_other_one_stays(database: Database) -> None:
    roster = StoredRoster(database)
    for name in ("ada", "eve"):
        await admin(database, name)
    refused = []

    async def shut_out(name: str, change: UserChange | None) -> None:
        try:
            if change is None:
                await roster.remove(name, *BY)
            else:
                await roster.change(name, change, *BY)
        except LastAdminError as error:
            refused.append(str(error))

    async with trio.open_nursery() as at_once:
        at_once.start_soon(shut_out, "ada", UserChange(disabled=True))
        at_once.start_soon(shut_out, "eve", None)
    (why,) = refused
    assert "is the last admin who can log in" in why
    (left,) = [one for one in await roster.users() if one.disabled is None]
    for change in (UserChange(role="viewer"), UserChange(disabled=True), None):
        await shut_out(left.name, change)
    assert len(refused) == 4
    assert await roster.change(left.name, UserChange(role="admin"), *BY) == left


async def test_what_the_database_holds_is_told_and_kept_for_a_while(database: Database) -> None:
    await admin(database, "ada")
    holdings = StoredHoldings(database, Retention)
    found = await holdings.look()
    tables = {table.name: table for table in found.tables}
    assert tables["accounts"].kind is None
    entries = tables["access_audit"]
    assert (entries.kind, entries.retention_days) == ("audit", 365)
    assert entries.oldest is not None
    assert entries.deleted_next is not None
    assert (entries.deleted_next - entries.oldest).days == 365
    assert found.schema.pending == ()
    assert found.bytes > 0
    assert await holdings.look() is found


async def test_while_the_database_is_away_both_say_so() -> None:
    nowhere = Database("postgresql://127.0.0.1:1/nowhere", None, Storage(statement_timeout=1.0))
    try:
        with pytest.raises(DeskClosedError):
            await StoredRoster(nowhere).users()
        with pytest.raises(HistoryUnavailable):
            await StoredHoldings(nowhere, Retention).look()
    finally:
        nowhere.close()
