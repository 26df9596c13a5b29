"""How routes changed: found by domain, host and time, newest first."""

from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest

from config.models import Storage
from storage.batch import batch_of, write_batch
from storage.database import Database
from storage.queries_routes import route_changes
from storage.rows import RouteChangeRow
from tests.storage.samples import START, route_change

ODD = "we\"b'%s\\ {} ü🐳"


@pytest.fixture
async def database(fresh_conninfo: str) -> AsyncIterator[Database]:
    made = Database(fresh_conninfo, None, Storage())
    await made.prepare()
    yield made
    made.close()


async def test_changes_are_found_newest_first(database: Database) -> None:
    many = [route_change(number) for number in range(5)]
    api = route_change(5, path="/api")
    removed = msgspec.structs.replace(
        route_change(5, domain="nas.lan"), kind="removed", status=None, after=[], summary=ODD
    )
    elsewhere = msgspec.structs.replace(
        route_change(6, domain="nas.lan"), before=[], after=["h2/h 10.0.0.7:80"], cause_host=""
    )
    written = [*many, api, removed, elsewhere]
    for _ in range(2):  # written again, nothing is doubled
        await database.write(lambda connection: write_batch(connection, batch_of(written)))

    async def found(**wanted: object) -> list[RouteChangeRow]:
        return await route_changes(database, **wanted)  # type: ignore[arg-type] # by name

    assert await found() == [elsewhere, removed, api, *many[::-1]]
    assert await found(limit=2) == [elsewhere, removed]
    assert await found(domain="app.lan") == [api, *many[::-1]]
    assert await found(domain="nas.lan", host="h") == [removed]  # not h2, nor the container h
    assert await found(host="other") == [removed, api, *many[::-1]]  # a member of their pools
    since, before = START + timedelta(seconds=1), START + timedelta(seconds=3)
    assert await found(since=since, before=before) == many[2:0:-1]
    assert await found(domain="app.lan\0") == await found(host="%") == []
