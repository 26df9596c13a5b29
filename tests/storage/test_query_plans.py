"""Questions about one container or host read by the key, however much there is of others."""

import re
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg
import pytest

from config.models import Storage
from storage.batch import batch_of, write_batch
from storage.database import Database
from storage.layout import LAYOUT
from storage.partitions import make, starts
from storage.statements import statements
from tests.storage import samples

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)

_FILL = """
INSERT INTO {table} ({columns})
SELECT {values}
FROM generate_series(%(start)s::timestamptz, %(end)s::timestamptz, %(every)s) AS t,
     generate_series(1, 20) AS n
"""
_WHO = "t, 'h', 'c' || n, 'web', 'name:web'"
_RAW = (
    "time, host, container_id, name, identity, cpu_total, online_cpus, memory_used, memory_limit",
    f"{_WHO}, 1, 1, 1, 1",
)
_ROLLED_UP = (
    "time, host, container_id, name, identity, samples, cpu_samples, memory_used_avg,"
    " memory_used_min, memory_used_max, memory_used_last, memory_limit_last",
    f"{_WHO}, 1, 0, 1, 1, 1, 1, 1",
)
_MACHINE = (
    "time, host, source, cpus, cpu_percent, memory_total, memory_used",
    "t, 'c' || n, 'machine', 1, 1, 1, 1",
)
_MACHINES_ROLLED_UP = (
    "time, host, samples, cpu_samples, cpus_last, cpu_percent_avg, memory_total_last,"
    " memory_used_avg, memory_used_min, memory_used_max, memory_used_last",
    "t, 'c' || n, 1, 1, 1, 1, 1, 1, 1, 1, 1",
)
_LINES = (
    "time, host, container_id, name, identity, time_nano, stream, sequence, line, truncated",
    f"{_WHO}, extract(epoch FROM t) * 1000000000, 'stdout', 0, 'line', false",
)
_EVENTS = (
    "time, host, actor_id, name, type, action, time_nano, attributes",
    "t, 'h', 'c' || n, 'web', 'container', 'start', extract(epoch FROM t) * 1000000000, '{}'",
)
_CHANGES = (
    "time, revision, kind, domain, path, before, after, summary, cause_event, cause_host,"
    " cause_container, cause_container_id",
    "t, n, 'changed', 'c' || n, '/', '[]', '[]', '', 'die', 'h', 'web', 'c1'",
)
TABLES = {
    "container_stats": _RAW,
    "container_stats_1h": _ROLLED_UP,
    "host_stats": _MACHINE,
    "host_stats_1h": _MACHINES_ROLLED_UP,
    "container_logs": _LINES,
    "container_events": _EVENTS,
    "route_changes": _CHANGES,
}


_BY_CONTAINER = ("stats_history", "latest_stats", "container_events", "life_events")


def _fill(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    span = {"start": NOW - timedelta(hours=20), "end": NOW, "every": timedelta(minutes=2)}
    for table, (columns, values) in TABLES.items():
        sql = _FILL.replace("{table}", table).replace("{columns}", columns)
        connection.execute(sql.replace("{values}", values).encode(), span)
        connection.execute(f"ANALYZE {table}".encode())
    connection.execute(
        "INSERT INTO containers SELECT 'h', 'c' || n, 'web' || n, 'name:web', '', '', '', '',"
        " '{}', NULL, NULL, NULL, NULL, 0, now() FROM generate_series(1, 20) AS n"
    )


async def test_one_container_is_read_by_the_key(conninfo: str) -> None:
    database = Database(conninfo, None, Storage())
    await database.prepare()
    edition = (await database.about()).edition
    database.close()
    if edition == "timescaledb-community":
        pytest.skip("there rollups are views, which cannot be filled")
    values = {
        **dict.fromkeys(
            ("refs", "levels", "streams", "text", "regex", "cursor_time", "cursor_nano")
        ),
        **dict.fromkeys(("cursor_host", "cursor_container", "cursor_stream", "cursor_sequence")),
        "host": "h",
        "hosts": ["h"],
        "containers": ["c7"],
        "start": NOW - timedelta(hours=10),
        "rolled_to": NOW - timedelta(hours=1),
        "end": NOW,
        "width": timedelta(hours=1),
        "reach": timedelta(days=1),
        "limit": 100,
    }
    marks = {b":resolution": b"1h", b":order": b"DESC", b":beyond": b"<"}
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SET search_path = fleet, public")
        _fill(connection)
        others: dict[str, dict[str, object]] = {
            "logs": {**values, "refs": ["c7"], "labels": "{}", "keys": []},
            "hosts_stats": {**values, "hosts": ["c7", "c8"]},
            "route_changes": {
                "domain": "c7",
                "host": None,
                "hosts": None,
                "since": NOW - timedelta(hours=10),
                "before": "infinity",
                "limit": 100,
            },
        }
        for name in (*_BY_CONTAINER, *others):
            sql = statements()[name]
            for mark, word in marks.items():
                sql = sql.replace(mark, word)
            wanted = others.get(name, values)
            rows = connection.execute(b"EXPLAIN " + sql, wanted).fetchall()
            plan = "\n".join(str(line) for (line,) in rows)
            scans = [line for line in plan.split("\n") if "Seq Scan on" in line]
            large = [line for line in scans if "on containers" not in line]
            assert not [line for line in large if "_default" not in line], f"{name}\n{plan}"
            assert "Index" in plan, f"{name}\n{plan}"


async def test_a_page_of_events_reads_only_the_weeks_it_may_lie_in(conninfo: str) -> None:
    database = Database(conninfo, None, Storage())
    await database.prepare()
    times = [NOW, NOW + timedelta(days=30)]
    events = [msgspec.structs.replace(samples.event(0), time=time) for time in times]
    await database.write(lambda connection: write_batch(connection, batch_of(events)))
    edition = (await database.about()).edition
    database.close()
    unnamed: dict[str, object] = {
        **dict.fromkeys(("hosts", "containers", "types", "actions", "before")),
        "labels": "{}",
        "keys": [],
        "unlabelled": True,
    }
    between = NOW + timedelta(days=15)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SET search_path = fleet, public")
        if edition == "plain":
            width = LAYOUT["container_events"].width
            make(connection, "container_events", width, starts(NOW, times[1], width))

        def tables(**bounds: object) -> set[str]:
            values = {**unnamed, "since": "-infinity", "until": "infinity", "limit": 9, **bounds}
            sql = b"EXPLAIN (FORMAT JSON) " + statements()["recent_events"]
            row = connection.execute(sql, values).fetchone()
            return set(re.findall(r"'Relation Name': '(\w+)'", str(row)))

        everywhere = tables()
        assert tables(until=between) < everywhere
        assert tables(since=between) < everywhere
