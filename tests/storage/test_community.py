"""Continuous aggregates: the same figures as elsewhere, and what TimescaleDB does by itself."""

import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from config.models import Retention
from storage import community, rollups, shape
from storage.batch import batch_of, write_batch
from storage.community import aggregates, keep_policies
from storage.edition import About
from storage.layout import SAMPLED
from storage.migrate import SCHEMA, upgrade
from storage.rows import Row
from storage.sessions import Connection
from tests.storage.recomputed import container_series, differences, host_series
from tests.storage.servers import URL_VARIABLE, Server, community_server

STEP = timedelta(seconds=20)
DAY = timedelta(days=1)
JOBS = """
SELECT job_id FROM timescaledb_information.jobs
WHERE proc_name = 'policy_refresh_continuous_aggregate' AND hypertable_schema = 'fleet'
ORDER BY job_id
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if URL_VARIABLE not in os.environ:
        pytest.skip(f"{URL_VARIABLE} names no TimescaleDB Community")
    with community_server() as server:
        yield server


@pytest.fixture
def connection(server: Server) -> Iterator[Connection]:
    with psycopg.connect(server.emptied(), autocommit=True) as connection:
        connection.execute(f"SET search_path TO {SCHEMA}, public".encode())
        connection.execute("SET timezone TO 'UTC'")
        yield connection


def _samples(start: datetime, count: int) -> list[Row]:
    rows: list[Row] = [*host_series(start, count, STEP, host="h", seed=1)]
    for container in ("a", "b"):
        rows += container_series(start, count, STEP, host="h", container=container, seed=2)
    random.Random(3).shuffle(rows)  # noqa: S311 - only to mix
    return rows


def _refresh(connection: Connection, since: datetime | None, until: datetime | None) -> None:
    refresh = "CALL refresh_continuous_aggregate(%s, %s::timestamptz, %s::timestamptz)"
    for level in aggregates():
        connection.execute(refresh, [level.target, since, until])


def test_aggregates_are_what_their_samples_say(connection: Connection) -> None:
    upgrade(connection, "it")
    start = datetime.now(UTC) - 3 * DAY
    write_batch(connection, batch_of(_samples(start, 3000)))
    assert differences(connection) == []  # before anything is materialized
    _refresh(connection, None, datetime.now(UTC) - 2 * DAY)
    assert differences(connection) == []  # half and half
    late = list(container_series(start, 100, STEP, host="h", container="late", seed=4))
    write_batch(connection, batch_of(late))
    assert connection.execute("SELECT count(*) FROM rollup_late").fetchone() == (0,)
    assert differences(connection) != []
    _refresh(connection, None, None)
    assert differences(connection) == []  # also of what came late


def test_samples_come_late_for_what_is_compressed(connection: Connection) -> None:
    upgrade(connection, "it")
    keep_policies(connection, Retention())
    rows = _samples(datetime.now(UTC) - 3 * DAY, 300)
    write_batch(connection, batch_of(rows[:500]))
    _refresh(connection, None, None)
    for table in SAMPLED:
        packed = connection.execute("SELECT compress_chunk(show_chunks(%s))", [table]).fetchall()
        assert packed
    for level in aggregates()[::3]:
        connection.execute("SELECT compress_chunk(show_chunks(%s))", [level.target])
    write_batch(connection, batch_of(rows))
    _refresh(connection, None, None)
    assert differences(connection) == []
    count = connection.execute("SELECT count(*) FROM container_stats").fetchone()
    assert count == (600,)


def test_policies_follow_the_configuration(connection: Connection) -> None:
    upgrade(connection, "it")
    assert keep_policies(connection, Retention())
    assert not keep_policies(connection, Retention())
    assert keep_policies(connection, Retention(samples=3))
    assert not keep_policies(connection, Retention(samples=3))
    jobs = connection.execute(
        "SELECT proc_name, count(*) FROM timescaledb_information.jobs"
        " WHERE proc_name LIKE 'policy_%%' AND hypertable_schema = 'fleet' GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert jobs == [("policy_compression", 5), ("policy_refresh_continuous_aggregate", 6)]


def test_no_sample_is_hidden_while_a_policy_refreshes_days(connection: Connection) -> None:
    upgrade(connection, "it")
    keep_policies(connection, Retention())
    orders = connection.execute(
        "SELECT DISTINCT config->>'refresh_newest_first' FROM timescaledb_information.jobs"
        " WHERE proc_name = 'policy_refresh_continuous_aggregate' AND hypertable_schema = 'fleet'"
    ).fetchall()
    assert orders in ([("false",)], [(None,)])  # of releases that know no order


@pytest.mark.parametrize("retention", [Retention(), Retention(samples=4, minutes=4)])
def test_rollups_stay_when_samples_go_by_a_clock_that_is_ahead(
    connection: Connection, retention: Retention
) -> None:
    upgrade(connection, "it")
    keep_policies(connection, retention)
    for age in (timedelta(days=retention.samples, minutes=20), timedelta(hours=1)):
        write_batch(connection, batch_of(_samples(datetime.now(UTC) - age, 300)))
    _refresh(connection, None, None)
    minutes = [level.target for level in aggregates() if level.target.endswith("_1m")]
    sources = list(SAMPLED)
    if retention.minutes == retention.samples:
        held = [community.materialized(connection, name) for name in minutes]
        sources += [".".join(name) for name in held]
    old = f"time < now() - interval '{retention.samples} days' + interval '50 minutes'"
    for source in sources:
        assert connection.execute(f"DELETE FROM {source} WHERE {old}".encode()).rowcount  # noqa: S608 - names of ours
    before = _sums(connection)
    connection.execute("SET client_min_messages TO error")
    for (job,) in connection.execute(JOBS).fetchall():
        connection.execute("CALL run_job(%s)", [job])
    assert _sums(connection) == before


def _sums(connection: Connection) -> list[object]:
    sums = [f"(SELECT sum(samples) FROM {level.target})" for level in aggregates()]  # noqa: S608 - as above
    return list(connection.execute(f"SELECT {', '.join(sums)}".encode()).fetchone() or ())


@pytest.mark.parametrize("before", ["plain", "timescaledb-apache"])
def test_rollups_of_before_stay_when_the_samples_are_gone(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    now = datetime.now(UTC)
    old, young = _samples(now - 20 * DAY, 200), _samples(now - DAY, 200)
    known = About(before, "18", None)  # type: ignore[arg-type] # one of the editions
    with monkeypatch.context() as patch:  # as before somebody installed it
        patch.setattr(shape, "_with_extension", lambda _connection, _where: known)
        upgrade(connection, "it")
        write_batch(connection, batch_of([*old, *young]))
        for family in SAMPLED:
            rollups.advance(connection, family, 30)
            while rollups.roll_up(connection, family, known.edition):
                pass
    for family in SAMPLED:
        connection.execute(f"DELETE FROM {family} WHERE time < now() - interval '7 days'".encode())  # noqa: S608 - names of ours
    upgrade(connection, "it")
    assert community.materialized_to(connection, "host_stats_1d") is not None
    _refresh(connection, now - 7 * DAY, now)  # what the policy does
    for level in aggregates():
        total = connection.execute(f"SELECT sum(samples) FROM {level.target}".encode()).fetchone()  # noqa: S608 - as above
        assert total == (400 * (2 if level.family == "container_stats" else 1),)
