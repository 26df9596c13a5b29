"""What TimescaleDB Community does by itself: continuous aggregates, their refresh, compression.

The aggregates have the names and columns that rollups have elsewhere. They are real-time: what is
not materialized yet is computed from samples when it is read, and samples that come late are
found by TimescaleDB and corrected at the next refresh.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

from psycopg import sql

from config.models import Retention
from storage.alone import RETENTION, alone
from storage.layout import ROLLUPS, SAMPLED
from storage.rollups import Level, levels
from storage.sessions import Connection

COMPRESS_AFTER = timedelta(days=1)
AHEAD = timedelta(hours=1)  # that fleet's clock may be: what is old goes by it, not the database's
_DAY = timedelta(days=1)

_COMPRESSED = {  # and the columns whose values are kept apart
    "container_stats": "host, container_id",
    "host_stats": "host",
    "container_logs": "host, container_id",
    "container_stats_1m": "host, container_id",
    "host_stats_1m": "host",
}
_REFRESH_EVERY = {"1m": timedelta(minutes=1), "1h": timedelta(minutes=10), "1d": timedelta(hours=1)}

# Newer releases refresh in batches, the newest first, and show nothing of the older ones meanwhile.
_OLDEST_FIRST = {"refresh_newest_first": "false", "buckets_per_batch": "720"}
_PARAMETERS = """
SELECT unnest(proargnames) FROM pg_proc WHERE proname = 'add_continuous_aggregate_policy'
"""

_JOB = """
SELECT (config->>%s)::interval
FROM timescaledb_information.jobs
JOIN _timescaledb_catalog.hypertable
    ON hypertable.id = coalesce(config->>'mat_hypertable_id', config->>'hypertable_id')::int
WHERE proc_name = %s
  AND hypertable.schema_name = coalesce(%s, current_schema()) AND hypertable.table_name = %s
"""
_MATERIALIZED = """
SELECT materialization_hypertable_schema, materialization_hypertable_name
FROM timescaledb_information.continuous_aggregates
WHERE view_schema = current_schema() AND view_name = %s
"""


def aggregates() -> list[Level]:
    """All levels, in the order in which one is made from the other."""
    return [level for family in SAMPLED for level in levels(family)]


def make_aggregate(connection: Connection, level: Level) -> None:
    """Make the continuous aggregate `level.target`, with nothing in it."""
    select = level.select("timescaledb-community")
    connection.execute(
        f"CREATE MATERIALIZED VIEW {level.target}"
        " WITH (timescaledb.continuous, timescaledb.materialized_only = false)"
        f" AS {select} WITH NO DATA".encode()
    )
    width = ROLLUPS[level.target].width
    name = ".".join(materialized(connection, level.target))
    connection.execute("SELECT set_chunk_time_interval(%s, %s)", [name, width])


def materialized(connection: Connection, view: str) -> tuple[str, str]:
    """Schema and name of the hypertable that holds what is materialized of `view`."""
    return cast("tuple[str, str]", connection.execute(_MATERIALIZED, [view]).fetchone())


def materialized_to(connection: Connection, view: str) -> datetime | None:
    """Where the newest bucket begins that is materialized of `view`; None where none is."""
    newest = sql.SQL("SELECT max(time) FROM {}")
    name = sql.Identifier(*materialized(connection, view))
    return cast("tuple[datetime | None]", connection.execute(newest.format(name)).fetchone())[0]


def keep_policies(connection: Connection, retention: Retention) -> bool:
    """Have TimescaleDB refresh and compress in the background; returns whether anything changed.

    A refresh looks back as far as there are samples for certain, and never at what retention has
    dropped the samples of: that would empty the aggregate. Retention goes by fleet's clock.

    Raises:
        psycopg.Error: as met.
    """
    changed = False
    with connection.transaction():
        if not alone(connection, RETENTION):
            return False
        for level in aggregates():
            changed |= _keep_refresh(connection, level, retention)
        for table, segments in _COMPRESSED.items():
            after = COMPRESS_AFTER
            if table in ROLLUPS:  # and not while it is being refreshed
                after += timedelta(days=retention.samples)
            changed |= _keep_compression(connection, table, segments, after)
    return changed


def _keep_refresh(connection: Connection, level: Level, retention: Retention) -> bool:
    suffix = level.target[-2:]
    back = {
        "1m": retention.samples * _DAY - AHEAD,
        "1h": min((retention.samples + 1) * _DAY, retention.minutes * _DAY - AHEAD),
        "1d": min((retention.samples + 2) * _DAY, retention.hours * _DAY - AHEAD),
    }[suffix]
    back = max(back, 3 * level.width)  # a window holds two buckets at least
    name = materialized(connection, level.target)
    known = _job(connection, "start_offset", "policy_refresh_continuous_aggregate", name)
    if known == back:
        return False
    connection.execute("SELECT remove_continuous_aggregate_policy(%s, true)", [level.target])
    known_names = {row[0] for row in connection.execute(_PARAMETERS)}
    order = "".join(f", {n} => {value}" for n, value in _OLDEST_FIRST.items() if n in known_names)
    connection.execute(
        "SELECT add_continuous_aggregate_policy("
        f"%s, %s::interval, %s::interval, %s::interval{order})".encode(),
        [level.target, back, level.width, _REFRESH_EVERY[suffix]],
    )
    return True


def _keep_compression(connection: Connection, table: str, segments: str, after: timedelta) -> bool:
    name = materialized(connection, table) if table in ROLLUPS else (None, table)
    known = _job(connection, "compress_after", "policy_compression", name)
    if known == after:
        return False
    if known is None:
        kind = "MATERIALIZED VIEW" if table in ROLLUPS else "TABLE"
        connection.execute(
            f"ALTER {kind} {table} SET (timescaledb.compress,"
            f" timescaledb.compress_segmentby = '{segments}',"
            " timescaledb.compress_orderby = 'time')".encode()
        )
    connection.execute("SELECT remove_compression_policy(%s, true)", [table])
    connection.execute("SELECT add_compression_policy(%s, %s::interval)", [table, after])
    return True


def _job(
    connection: Connection, setting: str, kind: str, hypertable: tuple[str | None, str]
) -> timedelta | None:
    row = connection.execute(_JOB, [setting, kind, *hypertable]).fetchone()
    return cast("tuple[timedelta]", row)[0] if row else None
