"""Rows that the database never takes, for reasons that do not say so: they hold up no others."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import tenacity
import trio

from config.models import Storage
from storage.database import Database
from storage.recorder import open_recorder
from tests.storage import samples
from tests.storage.samples import offer_many

FAST = Storage(batch_size=50, batch_age=0.1)
ODD = """
CREATE SEQUENCE public.tries;
CREATE FUNCTION public.odd() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('public.tries');  -- stays when all else is rolled back
    RAISE EXCEPTION 'an odd row' USING ERRCODE = '{state}';
END $$;
CREATE TRIGGER odd BEFORE INSERT ON fleet.container_stats
    FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION public.odd();
"""
MEND = "DROP FUNCTION IF EXISTS public.odd CASCADE; DROP SEQUENCE IF EXISTS public.tries"


@pytest.fixture
def owner(embedded_conninfo: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """A session in an empty database, in which failures are soon tried again."""
    monkeypatch.setattr("storage.replay.BACKOFF", tenacity.wait_fixed(0.02))
    with psycopg.connect(embedded_conninfo, autocommit=True) as connection:
        yield connection
        connection.execute(MEND)


async def _until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(30):
        while not condition():  # noqa: ASYNC110 - a status has no event
            await trio.sleep(0.02)


def _one(connection: psycopg.Connection, sql: str) -> int:
    row = connection.execute(sql.encode()).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("state", ["XX000", "0A000"])
async def test_a_row_that_is_never_taken_is_set_aside_while_others_are(
    owner: psycopg.Connection,
    embedded_conninfo: str,
    spool: Path,
    caplog: pytest.LogCaptureFixture,
    state: str,
) -> None:
    database = Database(embedded_conninfo, None, FAST)
    await database.prepare()
    owner.execute(ODD.format(state=state, when="NEW.cpu_total = 13").encode())
    live = 1000

    async with open_recorder(database, FAST, spool) as recorder:
        offer_many(recorder, (samples.stats(number) for number in range(30)))
        offer_many(recorder, (samples.event(number) for number in range(5)))

        def set_aside() -> bool:
            nonlocal live
            recorder.offer(samples.stats(live))
            live += 1
            status = recorder.status()
            return not status.spool.rows and any(status.refused.values())

        await _until(set_aside)
    status = recorder.status()
    assert {name: count for name, count in status.refused.items() if count} == {
        "container_stats": 1
    }
    assert "an odd row" in caplog.text
    assert _one(owner, "SELECT count(*) FROM fleet.container_events") == 5
    assert _one(owner, "SELECT count(*) FROM fleet.container_stats") == 29 + live - 1000
    assert not any(status.dropped.values())
    database.close()


async def test_rows_of_a_table_that_takes_nothing_are_kept_however_often_they_fail(
    owner: psycopg.Connection, embedded_conninfo: str, spool: Path
) -> None:
    database = Database(embedded_conninfo, None, FAST)
    await database.prepare()
    owner.execute(ODD.format(state="XX000", when="true").encode())
    live = 0

    async with open_recorder(database, FAST, spool) as recorder:
        offer_many(recorder, (samples.stats(number) for number in range(3)))
        await _until(lambda: recorder.status().spool.rows == 3)

        def tried() -> bool:
            nonlocal live
            recorder.offer(samples.event(live))
            live += 1
            return recorder.status().written["container_events"] >= 20 and (
                _one(owner, "SELECT last_value FROM public.tries") >= 40
            )

        await _until(tried)
        assert not any(recorder.status().refused.values())
        owner.execute(MEND)
        await _until(lambda: recorder.status().written["container_stats"] == 3)
    assert not any(recorder.status().refused.values())
    assert _one(owner, "SELECT count(*) FROM fleet.container_stats") == 3
    database.close()
