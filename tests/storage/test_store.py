"""All of storage together."""

from pathlib import Path

import psycopg
import pytest
import trio

from config.models import Config, Fleet, Storage
from storage.errors import DatabaseError
from storage.queries import last_event_nanos
from storage.store import open_store
from tests.storage import samples
from tests.storage.programs import postgres_processes
from tests.storage.samples import offer_many


async def test_a_store_writes_reads_and_leaves_nothing(data_dir: Path) -> None:
    config = Config(fleet=Fleet(data_dir=data_dir), storage=Storage(), hosts={})
    async with open_store(config, {}) as store:
        offer_many(store.recorder, [samples.host(), samples.event(1)])
    assert postgres_processes(data_dir) == []
    async with open_store(config, {}) as store:
        assert "h" in await last_event_nanos(store.database)


async def test_an_external_database_that_is_away_is_no_obstacle(tmp_path: Path) -> None:
    url = f"postgresql://fleet@/fleet?host={tmp_path}"
    config = Config(fleet=Fleet(data_dir=tmp_path), storage=Storage(url=url), hosts={})
    with trio.fail_after(20):
        async with open_store(config, {}, drain_seconds=0.1) as store:
            store.recorder.offer(samples.health(1))
            assert store.recorder.status().queued["host_health"] == 1


async def test_a_database_that_refuses_is_told_as_it_is(
    embedded_conninfo: str, tmp_path: Path
) -> None:
    storage = Storage(url=psycopg.conninfo.make_conninfo(embedded_conninfo, dbname="nowhere"))
    config = Config(fleet=Fleet(data_dir=tmp_path), storage=storage, hosts={})
    with pytest.raises(DatabaseError, match="createdb"):
        async with open_store(config, {}):
            pass
