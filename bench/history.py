"""How long the questions about the past take, over a week of a thousand containers.

`python -m bench.history` fills a real server of each kind with SQL: samples for as long as they are
asked for one by one, minutes, hours and days as upkeep would leave them. Rows lie in the order of
time, as they come. Each question is asked of many containers in turn: once each after a restart of
PostgreSQL (its cache empty, the system's not), then again.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import trio

from config.models import Storage
from storage import partitions
from storage.database import Database
from storage.layout import LAYOUT
from storage.queries_logs import LinesMeant, LogQueries
from storage.queries_past import PastQueries
from storage.queries_stats import Meant, StatsQueries
from storage.sessions import Connection
from tests.lab.postgres import PostgresServer
from tests.storage.servers import COMMUNITY, URL_VARIABLE, community_server

PER_HOST = 50
TARGET_MS = 200.0

_SERIES = """
FROM generate_series(%(start)s::timestamptz, %(end)s::timestamptz - %(every)s, %(every)s) AS t,
     generate_series(0, %(containers)s - 1) AS n
"""
_WHO = "'host-' || n / 50, lpad(to_hex(n), 64, '0'), 'web-' || n, 'name:web-' || n"
_FILL = {
    "container_stats": (
        "INSERT INTO container_stats (time, host, container_id, name, identity, cpu_percent,"
        " cpu_total, online_cpus, memory_used, memory_limit, network_rx_increase,"
        " network_tx_increase, block_read_increase, block_write_increase, cpu_increase, pids)"
        f" SELECT t, {_WHO}, mod(n, 100), 1, 4, 1000000 * n, 4000000000, n, n, n, n, n, 5"
    ),
    **{
        f"container_stats_{width}": (
            f"INSERT INTO container_stats_{width} (time, host, container_id, name, identity,"
            " samples, cpu_samples, cpu_percent_avg, cpu_percent_min, cpu_percent_max,"
            " cpu_percent_last, memory_used_avg, memory_used_min, memory_used_max,"
            " memory_used_last, memory_limit_last, pids_max, pids_last, cpu_increase,"
            " network_rx_increase, network_tx_increase, block_read_increase,"
            f" block_write_increase) SELECT t, {_WHO}, 6, 6, mod(n, 100), 0, mod(n, 100), n,"
            " n, n, n, n, 4000000000, 5, 5, n, n, n, n, n"
        )
        for width in ("1m", "1h", "1d")
    },
}
_CONTAINERS = """
INSERT INTO containers (host, id, name, identity, image, image_id, state, health, labels, created,
                        started, restart_count, seen)
SELECT 'host-' || n / 50, lpad(to_hex(n), 64, '0'), 'web-' || n, 'name:web-' || n, 'app:1',
       'sha256:1', 'running', 'none', jsonb_build_object('site', 'site-' || mod(n, 5)),
       %(start)s, %(start)s, 0, %(end)s
FROM generate_series(0, %(containers)s - 1) AS n
"""
_LOGS = """
INSERT INTO container_logs (time, time_nano, host, container_id, name, identity, stream, sequence,
                            level, line, truncated)
SELECT t, extract(epoch FROM t)::bigint * 1000000000, 'host-' || n / 50, lpad(to_hex(n), 64, '0'),
       'web-' || n, 'name:web-' || n, 'stdout', 0, 'info',
       'GET /things/' || n || ' answered in ' || extract(second FROM t) || ' ms', false
"""


def fill(url: str, options: argparse.Namespace, now: datetime) -> dict[str, tuple[int, float]]:
    """Rows written and megabytes by table."""
    spans = {
        "container_stats": (options.raw_days, timedelta(seconds=options.every)),
        "container_stats_1m": (options.days, timedelta(minutes=1)),
        "container_stats_1h": (90, timedelta(hours=1)),
        "container_stats_1d": (365, timedelta(days=1)),
    }
    found = {}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET search_path = fleet, public")
        connection.execute("SET synchronous_commit = off")
        connection.execute("UPDATE rollup_progress SET readable_to = %s", [now])
        sizes = {"containers": options.containers, "start": now - timedelta(days=90), "end": now}
        connection.execute(_CONTAINERS.encode(), sizes)
        statements = {**_FILL, "container_logs": _LOGS}
        spans["container_logs"] = (1, timedelta(seconds=120))
        for table, (days, every) in spans.items():
            start = now - timedelta(days=days)
            _make_partitions(connection, table, start, now)
            values = {**sizes, "start": start, "every": every}
            rows = connection.execute((statements[table] + _SERIES).encode(), values).rowcount
            connection.execute(f"VACUUM ANALYZE {table}".encode())
            found[table] = (rows, _megabytes(connection, table))
    return found


def _make_partitions(connection: Connection, table: str, start: datetime, end: datetime) -> None:
    """Those that would have been made as time went on, where partitions are ours to make."""
    sql = "SELECT FROM pg_partitioned_table WHERE partrelid = %s::regclass"
    if connection.execute(sql.encode(), [table]).rowcount:
        width = LAYOUT[table].width
        partitions.make(connection, table, width, partitions.starts(start, end, width))


def _megabytes(connection: psycopg.Connection[tuple[object, ...]], table: str) -> float:
    parts = (
        "SELECT sum(pg_total_relation_size(relid)) / 1e6 FROM pg_partition_tree(%s)"
        if not connection.execute(
            "SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'"
        ).fetchone()
        else "SELECT hypertable_size(%s::regclass) / 1e6"
    )
    row = connection.execute(parts.encode(), [table]).fetchone()
    return float(str(row[0])) if row and row[0] is not None else 0.0


Question = Callable[[int], Awaitable[object]]


def questions(database: Database, now: datetime, containers: int) -> dict[str, Question]:
    """Each by what it asks; a number stands for a container."""
    settings = Storage()
    stats, past = StatsQueries(database, settings), PastQueries(database, settings)
    logs = LogQueries(database, settings)
    hours = {"1 h": 1, "24 h": 24, "7 d": 168, "90 d": 2160}

    def who(number: int) -> tuple[str, str]:
        n = number * 37 % containers
        return f"host-{n // PER_HOST}", f"{n:064x}"

    def one(span: timedelta) -> Question:
        def ask(number: int) -> Awaitable[object]:
            host, name = who(number)
            return stats.containers(host, [name], now - span, now, 300)

        return ask

    made: dict[str, Question] = {}
    for name, count in hours.items():
        made[f"a container, {name}"] = one(timedelta(hours=count))
    for name, count in hours.items():
        span = timedelta(hours=count)
        made[f"total of a host, {name}"] = lambda number, span=span: stats.total(  # type: ignore[misc] # bound at once
            Meant(hosts=(who(number)[0],)), now - span, now, 300
        )
        made[f"total of a label, {name}"] = lambda number, span=span: stats.total(  # type: ignore[misc] # bound at once
            Meant(labels=(("site", f"site-{number % 5}"),)), now - span, now, 300
        )
        made[f"total of all, {name}"] = lambda _number, span=span: stats.total(  # type: ignore[misc] # bound at once
            Meant(), now - span, now, 300
        )
        made[f"top of all, {name}"] = lambda _number, span=span: stats.top(  # type: ignore[misc] # bound at once
            Meant(), now - span, now, "cpu", 10
        )
    day = timedelta(days=1)
    made["uptime, 30 d"] = lambda number: past.uptime(
        who(number)[0], [who(number)[1]], now - 30 * day, now
    )
    made["log tail of one, 24 h"] = lambda number: logs.lines(
        LinesMeant(hosts=who(number)[:1], containers=who(number)[1:]), now - day, now, 100
    )
    made["log tail of all, 24 h"] = lambda _number: logs.lines(LinesMeant(), now - day, now, 100)
    made["log text in all, 1 h"] = lambda number: logs.lines(
        LinesMeant(text=f"/things/{number} "), now - day / 24, now, 100
    )
    return made


async def measure(question: Question, turns: int, first: int) -> list[float]:
    """Milliseconds of each turn, each about another container."""
    taken = []
    for number in range(first, first + turns):
        begun = time.perf_counter()
        await question(number)
        taken.append((time.perf_counter() - begun) * 1000)
    return taken


def _shown(taken: list[float]) -> str:
    p95 = statistics.quantiles(taken, n=20, method="inclusive")[-1]
    mark = " " if p95 < TARGET_MS else "!"
    return f"{statistics.median(taken):>8.1f} {p95:>8.1f}{mark}"


@contextmanager
def servers(kind: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """A server's URL, and what restarts it (nothing, where it is not ours)."""
    if kind == COMMUNITY:
        with community_server() as community:
            yield community.conninfo, lambda: None
        return
    with PostgresServer(kind) as server:  # type: ignore[arg-type] # one of its kinds

        def restart() -> None:
            server.terminate()
            server.start_again()

        yield server.url, restart


async def compare(kind: str, options: argparse.Namespace) -> None:
    """Fill a server, ask everything cold and warm, print."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    with servers(kind) as (url, restart):
        database = Database(url, None, Storage(statement_timeout=60.0))
        await database.prepare()
        begun = time.perf_counter()
        rows = fill(url, options, now)
        print(f"\n{kind}: filled in {time.perf_counter() - begun:.0f} s")
        for table, (count, megabytes) in rows.items():
            print(f"  {table:<20} {count:>11,} rows {megabytes:>7.0f} MB")
        print(f"{'ms':<24} {'cold p50':>8} {'p95':>8}  {'warm p50':>8} {'p95':>8}")
        for name, question in questions(database, now, options.containers).items():
            restart()
            database.close()
            await measure(lambda _number: database.about(), 1, 0)  # connect
            cold = await measure(question, options.turns, 0)
            warm = await measure(question, options.turns, 0)
            print(f"{name:<24} {_shown(cold)} {_shown(warm)}", flush=True)
        database.close()


def main() -> None:
    """Measure on each kind of server."""
    kinds = ["plain", "timescaledb-apache", *([COMMUNITY] if os.environ.get(URL_VARIABLE) else [])]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=kinds, default=kinds)
    parser.add_argument("--containers", type=int, default=1000)
    parser.add_argument("--every", type=float, default=60.0, help="seconds between samples")
    parser.add_argument("--raw-days", type=int, default=1, help="days of samples")
    parser.add_argument("--days", type=int, default=7, help="days of minutes")
    parser.add_argument("--turns", type=int, default=20, help="of each question, cold and warm")
    options = parser.parse_args()
    for kind in options.kinds:
        trio.run(compare, kind, options)


if __name__ == "__main__":
    main()
