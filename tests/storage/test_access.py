"""Tokens and the audit in a real database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from config.models import Retention, Storage
from storage.access import (
    TokenRecord,
    TokenRefusedError,
    access_version,
    add_token,
    audit,
    note_uses,
    revoke_token,
    tokens,
)
from storage.batch import batch_of, write_batch
from storage.database import Database
from storage.retention import sweep
from storage.rows import AuditRow

NOW = datetime.now(UTC).replace(microsecond=0)


def token(id_: str, name: str, *, expires: datetime | None = None) -> TokenRecord:
    return TokenRecord(
        id=id_,
        name=name,
        hash=id_.encode() * 3,
        role="viewer",
        scope=["site=fra", "edge"],
        created=datetime.now(UTC),
        created_by="root",
        expires=expires,
    )


@pytest.fixture
async def database(fresh_embedded: str) -> AsyncIterator[Database]:
    made = Database(fresh_embedded, None, Storage())
    await made.prepare()
    yield made
    made.close()


async def test_a_token_is_kept_used_and_revoked_and_each_change_grows_the_version(
    database: Database,
) -> None:
    one, two = token("aaaaaaaaaa", "one"), token("bbbbbbbbbb", "two", expires=NOW)
    versions = [await access_version(database)]
    for made in (one, two):
        await add_token(database, made, "10.0.0.1")
        versions.append(await access_version(database))
    assert await tokens(database) == [one, two]
    with pytest.raises(TokenRefusedError, match="called 'one'"):
        await add_token(database, token("cccccccccc", "one"), "")
    later = NOW + timedelta(seconds=5)
    await note_uses(database, {"aaaaaaaaaa": (later, "::1"), "gonegonego": (NOW, "::1")})
    await note_uses(database, {"aaaaaaaaaa": (NOW, "::2")})  # told late, by another process
    assert await access_version(database) == versions[-1]  # a use changes nothing
    (used, _) = await tokens(database)
    assert used == msgspec.structs.replace(one, used=later, used_from="::1")
    revoked = await revoke_token(database, "one", "root", "10.0.0.2")
    assert revoked is not None
    assert (revoked.id, revoked.revoked_by) == ("aaaaaaaaaa", "root")
    assert await revoke_token(database, "aaaaaaaaaa", "root", "") is None
    assert await revoke_token(database, "no\0ne", "root", "") is None
    versions.append(await access_version(database))
    assert sorted(set(versions)) == versions
    await add_token(database, token("cccccccccc", "one"), "")  # the name is free again
    told = [(row.kind, row.who, row.address, row.detail) for row in await audit(database)]
    assert sorted(told) == [
        ("token-created", "root", "", "one (cccccccccc): viewer of site=fra and edge, for ever"),
        (
            "token-created",
            "root",
            "10.0.0.1",
            "one (aaaaaaaaaa): viewer of site=fra and edge, for ever",
        ),
        (
            "token-created",
            "root",
            "10.0.0.1",
            f"two (bbbbbbbbbb): viewer of site=fra and edge, until {NOW:%Y-%m-%d %H:%M} UTC",
        ),
        ("token-revoked", "root", "10.0.0.2", "one (aaaaaaaaaa)"),
    ]


async def test_the_audit_is_found_by_what_it_says(database: Database) -> None:
    written = [
        AuditRow(
            time=NOW + timedelta(seconds=number),
            kind="token-used" if number % 2 else "token-refused",
            who=f"t{number % 3}",
            address="::1",
            detail="x\0y",
            count=number,
        )
        for number in range(6)
    ]
    for _ in range(2):  # written again, nothing is doubled
        await database.write(lambda connection: write_batch(connection, batch_of(written)))

    async def counts(**wanted: object) -> list[int]:
        return [row.count for row in await audit(database, **wanted)]  # type: ignore[arg-type] # by name

    assert await counts() == [5, 4, 3, 2, 1, 0]
    assert await counts(kind="token-used", limit=2) == [5, 3]
    assert await counts(who="t0", address="::1") == [3, 0]
    since, before = (NOW + timedelta(seconds=second) for second in (2, 4))
    assert await counts(since=since, before=before) == [3, 2]
    assert await counts(who="%", address="nul\0") == []


async def test_tokens_that_ended_go_with_their_audit(database: Database) -> None:
    await add_token(database, token("aaaaaaaaaa", "old", expires=NOW - timedelta(days=9)), "")
    await add_token(database, token("bbbbbbbbbb", "ended", expires=NOW - timedelta(days=1)), "")
    await add_token(database, token("cccccccccc", "for ever"), "")
    await add_token(database, token("dddddddddd", "revoked"), "")
    await note_uses(database, {"aaaaaaaaaa": (NOW, "::1")})
    await revoke_token(database, "revoked", "root", "")
    edition = (await database.about()).edition
    await sweep(database, edition, Retention(audit=5), NOW)
    assert [one.name for one in await tokens(database)] == ["ended", "for ever", "revoked"]
    await sweep(database, edition, Retention(audit=5), NOW + timedelta(days=6))
    assert [one.name for one in await tokens(database)] == ["for ever"]
