"""Accounts, their sessions and links in a real database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import trio

from config.models import Storage
from storage.access import access_version, audit
from storage.account_sessions import (
    MOST_SESSIONS,
    SessionRecord,
    add_session,
    end_session,
    end_sessions,
    find_session,
    note_seen,
    sessions,
)
from storage.accounts import (
    AccountRecord,
    AccountRefusedError,
    LinkRecord,
    account_of_subject,
    accounts,
    add_account,
    add_link,
    change_account,
    count_accounts,
    find_account,
    find_link,
    rehash_password,
    remove_account,
)
from storage.database import Database
from storage.rows import AuditRow

NOW = datetime.now(UTC).replace(microsecond=0)
IDLE = timedelta(hours=12)
HASH = "hash"


def told(kind: str, who: str = "ada", detail: str = "") -> AuditRow:
    return AuditRow(time=datetime.now(UTC), kind=kind, who=who, address="::1", detail=detail)


def account(name: str, password: str | None = HASH, **others: str) -> AccountRecord:
    return AccountRecord(
        name=name,
        password=password,
        role="viewer",
        scope=["site=fra"],
        created=NOW,
        created_by="root",
        changed=NOW,
        issuer=others.get("issuer"),
        subject=others.get("subject"),
    )


def session(number: int, of: str = "ada") -> SessionRecord:
    return SessionRecord(
        id=f"s{number}",
        hash=bytes([number]) * 32,
        account=of,
        role="viewer",
        scope=["site=fra"],
        has_password=True,
        created=NOW + timedelta(seconds=number),
        seen=NOW + timedelta(seconds=number),
        expires=NOW + timedelta(days=30),
        address="::1",
        agent="a browser\0",
    )


def link(number: int, of: str | None, expires: datetime = NOW + timedelta(hours=1)) -> LinkRecord:
    return LinkRecord(
        hash=bytes([number]) * 32, account=of, created=NOW, created_by="root", expires=expires
    )


@pytest.fixture
async def database(fresh_embedded: str) -> AsyncIterator[Database]:
    made = Database(fresh_embedded, None, Storage())
    await made.prepare()
    yield made
    made.close()


async def begin(database: Database, number: int, of: str = "ada", was: str | None = "hash") -> bool:
    return await add_session(database, session(number, of), was, told("login", of))


async def ids(database: Database) -> list[str]:
    return [one.id for one in await sessions(database, IDLE)]


async def test_an_account_is_made_changed_and_removed_and_its_sessions_follow(
    database: Database,
) -> None:
    versions = [await access_version(database)]
    await add_account(database, account("ada"), told("account-created"))
    versions.append(await access_version(database))
    elsewhere = account("bob", None, issuer="https://id.example", subject="4711")
    await add_account(database, elsewhere, told("account-created", "bob"))
    with pytest.raises(AccountRefusedError, match="called 'ada'"):
        await add_account(database, account("ada"), told("account-created"))
    assert await accounts(database) == [account("ada"), elsewhere]
    assert await account_of_subject(database, "https://id.example", "4711") == elsewhere
    assert await account_of_subject(database, "https://id.example", "4712") is None
    assert await find_account(database, "no\0ne") is None

    for number in (1, 2):
        assert await begin(database, number)
    assert not await begin(database, 3, was="another hash")  # it was changed meanwhile
    versions.append(await access_version(database))
    assert await ids(database) == ["s2", "s1"]
    await rehash_password(database, "ada", "another hash", "x")
    await rehash_password(database, "ada", "hash", "hash, stronger")
    assert await ids(database) == ["s2", "s1"]

    assert await change_account(
        database, "ada", told("role"), role="admin", scope=[], keep_session=""
    )
    versions.append(await access_version(database))
    assert [(one.role, one.scope) for one in await sessions(database, IDLE)] == [("admin", [])] * 2
    assert await change_account(
        database, "ada", told("password"), password="new", keep_session="s2"
    )
    assert await ids(database) == ["s2"]
    assert await change_account(database, "ada", told("disabled"), disabled=True)
    assert await ids(database) == []
    assert not await begin(database, 4, was="new")
    assert await change_account(database, "ada", told("enabled"), disabled=False)
    assert await begin(database, 5, was="new")
    found = await find_account(database, "ada")
    assert found is not None
    assert (found.password, found.role, found.disabled) == ("new", "admin", None)
    assert found.last_login == session(5).created
    assert await remove_account(database, "ada", told("removed"))
    assert not await remove_account(database, "ada", told("removed"))
    assert not await change_account(database, "ada", told("role"), role="admin")
    assert await ids(database) == []
    versions.append(await access_version(database))
    assert sorted(set(versions)) == versions
    kinds = {row.kind for row in await audit(database, who="ada")}
    assert kinds == {"account-created", "login", "role", "password", "disabled", "enabled"} | {
        "removed"
    }


async def test_sessions_end_by_time_by_number_and_by_word(database: Database) -> None:
    await add_account(database, account("ada"), told("account-created"))
    await add_account(database, account("bob"), told("account-created"))
    await begin(database, 0, "bob")
    for number in range(1, MOST_SESSIONS + 3):
        await begin(database, number)
    kept = [f"s{number}" for number in range(MOST_SESSIONS + 2, 2, -1)]
    assert await ids(database) == [*kept, "s0"]
    assert await find_session(database, session(3).hash, IDLE) == msgspec.structs.replace(
        session(3), agent="a browser\N{REPLACEMENT CHARACTER}"
    )
    assert await find_session(database, session(1).hash, IDLE) is None
    await note_seen(database, {"s3": NOW + timedelta(hours=1), "s4": NOW - timedelta(days=1)})
    assert (await ids(database))[0] == "s3"
    before = await access_version(database)
    await note_seen(database, {"s3": NOW + timedelta(hours=2)})
    assert await access_version(database) == before  # being used changes nothing
    assert await sessions(database, timedelta(days=-1)) == []
    assert await end_session(database, session(4).hash, told("logout"))
    assert not await end_session(database, session(4).hash, told("logout"))
    ended = await end_sessions(database, "ada", lambda many: told("logout", detail=f"{many}"), "s5")
    assert ended == MOST_SESSIONS - 2
    assert await ids(database) == ["s5", "s0"]
    again = session(30)
    await add_session(database, again, "hash", told("login"), replaces=session(5).hash)
    assert await ids(database) == ["s30", "s0"]


async def test_a_link_is_used_once_and_the_first_account_is_made_once(database: Database) -> None:
    await add_link(database, link(1, None), told("link"))
    await add_link(database, link(2, None), told("link"))
    assert await find_link(database, link(1, None).hash) is None  # the newer one counts
    assert await find_link(database, link(2, None).hash) == link(2, None)
    outcomes: list[str] = []

    async def make(name: str) -> None:
        try:
            await add_account(database, account(name), told("first"), link=link(2, None).hash)
            outcomes.append("made")
        except AccountRefusedError as error:
            outcomes.append(str(error))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(make, "ada")
        nursery.start_soon(make, "eve")
    assert sorted(outcomes)[0].startswith("This link")
    assert outcomes.count("made") == await count_accounts(database) == 1
    with pytest.raises(AccountRefusedError, match="an account already"):
        await add_link(database, link(3, None), told("link"))
    with pytest.raises(AccountRefusedError, match="no account called 'bob'"):
        await add_link(database, link(3, "bob"), told("link"))
    (made,) = await accounts(database)
    old = link(4, made.name, NOW - timedelta(seconds=1))
    await add_link(database, old, told("link"))
    assert await find_link(database, old.hash) is None
    assert not await change_account(
        database, made.name, told("password"), password="x", link=old.hash
    )
    await add_link(database, link(5, made.name), told("link"))
    new = link(5, made.name).hash
    await begin(database, 1, made.name)
    assert not await change_account(database, "bob", told("password"), password="x", link=new)
    await add_link(database, link(5, made.name), told("link"))
    assert await change_account(database, made.name, told("password"), password="x", link=new)
    assert not await change_account(database, made.name, told("password"), password="y", link=new)
    assert await ids(database) == []
