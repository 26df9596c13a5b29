"""How long it takes to roll up an hour of samples, and what rows take on disk.

On real servers: plain PostgreSQL and TimescaleDB, Apache edition. The samples are made by the
server itself, so only the rollup is measured.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime, timedelta

import psycopg

from storage import partitions, rollups
from storage.edition import About
from storage.layout import LAYOUT
from storage.migrate import SCHEMA, upgrade
from storage.sessions import Connection
from tests.lab.postgres import Kind, PostgresServer

FAMILY = "container_stats"

_SAMPLES = """
INSERT INTO container_stats
SELECT time, 'host-' || n %% 10, md5(n::text) || md5((n + 1)::text), 'web-' || n,
       'compose:project/web/' || n, random() * 100, 10000000 * extract(epoch FROM time)::bigint,
       98765432109876, 4, (random() * 1e9)::bigint, 8589934592,
       1000 * extract(epoch FROM time)::bigint, 900 * extract(epoch FROM time)::bigint,
       4096000, 8192000, 12, '2026-01-01', 50000000, 5000, 4500, 0, 0
FROM generate_series(%(start)s, %(end)s::timestamptz - interval '1 ms', %(every)s) AS time,
     generate_series(1, %(containers)s) AS n
"""
_SUMMARIZE = """
SELECT brin_summarize_new_values(pg_class.oid)
FROM pg_class JOIN pg_am ON pg_am.oid = relam
WHERE amname = 'brin' AND relkind = 'i'
"""
_PLAIN_SIZE = """
SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = %s::regclass
"""


def measure(kind: Kind, containers: int, every: float) -> None:
    """Roll up the last whole hour, then its last minute again; print seconds and bytes."""
    with PostgresServer(kind) as server, psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"SET search_path TO {SCHEMA}, public".encode())
        connection.execute("SET timezone TO 'UTC'")
        about = upgrade(connection, "the server")
        end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        count = _fill(connection, about, end, containers, every)
        whole = _seconds_to_roll_up(connection, about)
        name = f"{kind}, {containers:,} containers every {every:g} s"
        print(
            f"{name}: {count:,} samples rolled up in {whole:.2f} s,"
            f" {whole / count * 1e6:.1f} us each"
        )
        for level in rollups.levels(FAMILY):
            begun = time.perf_counter()
            last = level.start(end - timedelta(minutes=1))
            query = level.select(about.edition, rollups.statement("span")).encode()
            connection.execute(query, {"start": last, "end": last + level.width})
            print(f"  its last bucket of {level.target}: {time.perf_counter() - begun:.3f} s")
        for table in (FAMILY, *(level.target for level in rollups.levels(FAMILY))):
            print(f"  {table}: {_bytes_each(connection, about, table):.0f} bytes a row")


def _fill(
    connection: Connection, about: About, end: datetime, containers: int, every: float
) -> int:
    if about.edition == "plain":
        for table, layout in LAYOUT.items():
            partitions.keep_up(connection, table, layout.width, end, end)
    values = {"start": end - timedelta(hours=1), "end": end}
    sizes = {"every": timedelta(seconds=every), "containers": containers}
    count = connection.execute(_SAMPLES, {**values, **sizes}).rowcount
    connection.execute(_SUMMARIZE)  # as autovacuum does
    return count


def _seconds_to_roll_up(connection: Connection, about: About) -> float:
    assert rollups.advance(connection, FAMILY, 7)
    begun = time.perf_counter()
    while rollups.roll_up(connection, FAMILY, about.edition):
        pass
    return time.perf_counter() - begun


def _bytes_each(connection: Connection, about: About, table: str) -> float:
    size = _PLAIN_SIZE if about.edition == "plain" else "SELECT hypertable_size(%s)"
    taken = connection.execute(size, [table]).fetchone()
    count = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()  # noqa: S608 - names of ours
    assert taken is not None
    assert count is not None
    return float(str(taken[0])) / int(str(count[0]))


def main() -> None:
    """Measure on each kind of server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--containers", type=int, default=1000)
    parser.add_argument("--every", type=float, nargs="+", default=[10.0, 5.0], help="seconds")
    options = parser.parse_args()
    kinds: tuple[Kind, ...] = ("plain", "timescaledb-apache")
    for kind in kinds:
        for every in options.every:
            measure(kind, options.containers, every)


if __name__ == "__main__":
    main()
