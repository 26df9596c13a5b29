"""Tokens in memory as the database has them: made, revoked, expired, and while it is away."""

import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
import trio
import trio.testing

from config.models import Storage
from fleet.access.copy import read_copy
from fleet.access.keeper import AccessKeeper
from fleet.access.tokens import hashed, new_token
from storage.access import TokenRecord, add_token, revoke_token, tokens
from storage.database import Database
from storage.rows import AuditRow
from web.access.model import Access
from web.access.static import ANYONE, STATIC, StaticAuthority

AWAY = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture
async def database(fresh_embedded: str) -> AsyncIterator[Database]:
    made = Database(fresh_embedded, None, Storage())
    await made.prepare()
    yield made
    made.close()


async def made_token(
    database: Database, name: str, *, scope: tuple[str, ...] = (), expires: datetime | None = None
) -> str:
    made = new_token()
    record = TokenRecord(
        id=made.id,
        name=name,
        hash=hashed(made.token),
        role="operator",
        scope=list(scope),
        created=datetime.now(UTC),
        created_by="root",
        expires=expires,
    )
    await add_token(database, record, "")
    return made.token


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


class Kept:
    """A keeper, and what it told the audit."""

    def __init__(self, database: Database, path: Path) -> None:
        self.told: list[AuditRow] = []
        self.later = timedelta()
        static = StaticAuthority("static", ANYONE)
        self.keeper = AccessKeeper(database, path, static, self.told.append, self._now)

    def _now(self) -> datetime:
        return datetime.now(UTC) + self.later


async def test_a_token_works_at_once_and_ends_within_seconds(
    database: Database, tmp_path: Path, nursery: trio.Nursery
) -> None:
    kept = Kept(database, tmp_path / "access.json")
    keeper = kept.keeper
    await nursery.start(keeper.run)
    token = await made_token(database, "one", scope=("site=fra", "edge"))
    access = await keeper.by_token(token)
    assert isinstance(access, Access)
    assert (access.kind, access.name, access.role) == ("token", "one", "operator")
    assert access.scope == (("site", "fra"), ("edge", None))
    assert await keeper.by_token(token[:-1] + ("a" if token[-1] != "a" else "b")) == "unknown"
    assert await keeper.by_token(new_token().token) == "unknown"
    assert await keeper.by_token("fleet_") == "unknown"
    assert await keeper.by_token("static") == STATIC
    with anyio.CancelScope() as scope, keeper.lease(access, scope):
        await revoke_token(database, access.id, "root", "")
        with trio.fail_after(60):
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert await keeper.by_token(token) == "revoked"
    with anyio.CancelScope() as late, keeper.lease(access, late):
        await trio.lowlevel.checkpoint()
    assert late.cancelled_caught


async def test_who_is_nobody_is_looked_for_once(
    database: Database, tmp_path: Path, nursery: trio.Nursery
) -> None:
    keeper = Kept(database, tmp_path / "access.json").keeper
    await nursery.start(keeper.run)
    stranger = new_token().token

    async def answered_at_once() -> bool:
        try:
            with trio.testing.assert_no_checkpoints():
                assert await keeper.by_token(stranger) == "unknown"
        except AssertionError:
            return False
        return True

    assert not await answered_at_once()
    with trio.fail_after(60):
        while not await answered_at_once():
            pass  # it was looked for, but the database took its time
    assert isinstance(await keeper.by_token(await made_token(database, "one")), Access)


async def test_an_expired_token_ends_what_it_began(
    database: Database, tmp_path: Path, nursery: trio.Nursery
) -> None:
    kept = Kept(database, tmp_path / "access.json")
    token = await made_token(database, "one", expires=datetime.now(UTC) + timedelta(days=1))
    await nursery.start(kept.keeper.run)
    access = await kept.keeper.by_token(token)
    assert isinstance(access, Access)
    with anyio.CancelScope() as scope, kept.keeper.lease(access, scope):
        kept.later = timedelta(days=2)
        with trio.fail_after(60):
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert await kept.keeper.by_token(token) == "expired"


async def test_what_was_known_holds_while_the_database_is_away(
    database: Database, tmp_path: Path, nursery: trio.Nursery
) -> None:
    path = tmp_path / "access.json"
    token, revoked = await made_token(database, "one"), await made_token(database, "two")
    await revoke_token(database, "two", "root", "")
    await nursery.start(Kept(database, path).keeper.run)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert files(tmp_path) == [path]
    assert token.rpartition("_")[2] not in path.read_text()
    away = Kept(Database(AWAY, None, Storage()), path).keeper
    await nursery.start(away.run)
    assert isinstance(await away.by_token(token), Access)
    assert await away.by_token(revoked) == "unknown"

    path.write_text("rubbish")
    assert read_copy(path) is None
    blank = Kept(Database(AWAY, None, Storage()), path).keeper
    await nursery.start(blank.run)
    assert await blank.by_token(token) == "unavailable"
    assert await blank.by_token("static") == STATIC


async def test_uses_and_refusals_are_told_in_sums(database: Database, tmp_path: Path) -> None:
    kept = Kept(database, tmp_path / "access.json")
    token = await made_token(database, "one")
    async with trio.open_nursery() as nursery:
        await nursery.start(kept.keeper.run)
        access = await kept.keeper.by_token(token)
        assert isinstance(access, Access)
        for address in ("::1", "::2", "::1"):
            kept.keeper.used(access, address)
        kept.later = timedelta(hours=1, seconds=1)
        kept.keeper.used(access, "::1")
        for _ in range(3):
            kept.keeper.refused("unknown", "fleet_nobody", "::3")
        kept.keeper.refused("revoked", token, "::3")
        for number in range(2000):
            kept.keeper.refused("unknown", "x", f"10.0.{number // 256}.{number % 256}")
        nursery.cancel_scope.cancel()
    used = [(row.who, row.address) for row in kept.told if row.kind == "token-used"]
    assert used == [(access.id, "::1"), (access.id, "::2"), (access.id, "::1")]
    refused = [row for row in kept.told if row.kind == "token-refused"]
    assert [(row.who, row.detail, row.count) for row in refused[:2]] == [
        ("", "unknown", 3),
        (access.id, "revoked", 1),
    ]
    assert sum(row.count for row in refused) == 2004
    assert len(refused) <= 1001
    assert len({row.time for row in refused}) == len(refused)
    assert not any("fleet_" in str(row) for row in kept.told)
    (stored,) = await tokens(database)
    assert stored.used_from == "::1"  # written at the end
