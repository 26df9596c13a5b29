"""Rollups as they must be, by another way: from the samples' own counters, at every level."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from storage.layout import SAMPLED
from storage.rows import HostStatsRow, StatsRow
from storage.sessions import Connection
from tests.storage import samples

COUNTERS = {
    "container_stats": ("cpu_total", "network_rx", "network_tx", "block_read", "block_write"),
    "host_stats": ("network_rx", "network_tx"),
}
LEVELS = {"1m": "1 minute", "1h": "1 hour", "1d": "1 day"}
WHOLES = {  # column of the rollup: how it comes from samples in the order of their time
    "container_stats": {
        "name": "(array_agg(name ORDER BY time))[count(*)]",
        "identity": "(array_agg(identity ORDER BY time))[count(*)]",
        "samples": "count(*)",
        "cpu_samples": "count(cpu_percent)",
        "cpu_percent_min": "min(cpu_percent)",
        "cpu_percent_max": "max(cpu_percent)",
        "cpu_percent_last": "(array_remove(array_agg(cpu_percent ORDER BY time), NULL))"
        "[count(cpu_percent)]",
        "memory_used_min": "min(memory_used)",
        "memory_used_max": "max(memory_used)",
        "memory_used_last": "(array_agg(memory_used ORDER BY time))[count(*)]",
        "memory_limit_last": "(array_agg(memory_limit ORDER BY time))[count(*)]",
        "pids_max": "max(pids)",
        "pids_last": "(array_remove(array_agg(pids ORDER BY time), NULL))[count(pids)]",
        "cpu_increase": "sum(cpu_total_grew)",
        "network_rx_increase": "sum(network_rx_grew)",
        "network_tx_increase": "sum(network_tx_grew)",
        "block_read_increase": "sum(block_read_grew)",
        "block_write_increase": "sum(block_write_grew)",
    },
    "host_stats": {
        "samples": "count(*)",
        "cpu_samples": "count(cpu_percent)",
        "cpus_last": "(array_agg(cpus ORDER BY time))[count(*)]",
        "cpu_percent_min": "min(cpu_percent)",
        "cpu_percent_max": "max(cpu_percent)",
        "load_1_max": "max(load_1)",
        "memory_total_last": "(array_agg(memory_total ORDER BY time))[count(*)]",
        "memory_used_min": "min(memory_used)",
        "memory_used_max": "max(memory_used)",
        "memory_used_last": "(array_agg(memory_used ORDER BY time))[count(*)]",
        "swap_used_max": "max(swap_used)",
        "disk_used_max": "max(disk_used)",
        "disk_used_last": "(array_remove(array_agg(disk_used ORDER BY time), NULL))"
        "[count(disk_used)]",
        "network_rx_increase": "sum(network_rx_grew)",
        "network_tx_increase": "sum(network_tx_grew)",
    },
}
AVERAGES = {
    "container_stats": {"cpu_percent_avg": "cpu_percent", "memory_used_avg": "memory_used"},
    "host_stats": {
        "cpu_percent_avg": "cpu_percent",
        "memory_used_avg": "memory_used",
        "load_1_avg": "load_1",
    },
}


def differences(connection: Connection, *, counters: bool = True) -> list[object]:
    """Every row of every rollup that is not what its samples say, before `readable_to`.

    What `counters` grew by is found from themselves, else taken as it is stored.
    """
    found: list[object] = []
    for family in SAMPLED:
        for suffix, width in LEVELS.items():
            found += connection.execute(
                _difference(family, suffix, width, counters).encode()
            ).fetchall()
    return found


def _difference(family: str, suffix: str, width: str, counters: bool) -> str:
    key = "host, container_id" if family == "container_stats" else "host"
    wholes, averages = WHOLES[family], AVERAGES[family]
    started = "started IS NOT DISTINCT FROM lag(started) OVER w AND" if "," in key else ""
    grew = ", ".join(
        f"CASE WHEN lag({name}) OVER w IS NULL THEN NULL"
        f" WHEN {started} {name} >= lag({name}) OVER w"
        f" THEN {name} - lag({name}) OVER w ELSE {name} END AS {name}_grew"
        if counters
        else f"{name.removesuffix('_total')}_increase AS {name}_grew"
        for name in COUNTERS[family]
    )
    exact = ", ".join(f"{text} AS {name}" for name, text in wholes.items())
    mean = ", ".join(f"avg({source})::float8 AS {name}" for name, source in averages.items())
    table = f"{family}_{suffix}"
    differ = " OR ".join(
        [
            *(f"kept.{name} IS DISTINCT FROM wanted.{name}" for name in wholes),
            *(
                f"coalesce(abs(kept.{name} - wanted.{name}) > 1e-9 * abs(wanted.{name}),"
                f" kept.{name} IS DISTINCT FROM wanted.{name})"
                for name in averages
            ),
        ]
    )
    return f"""
        WITH known AS (
            SELECT *, {grew} FROM {family} WINDOW w AS (PARTITION BY {key} ORDER BY time)
        ), wanted AS (
            SELECT date_bin('{width}', time, '1970-01-01Z') AS time, {key}, {exact}, {mean}
            FROM known
            WHERE time < (SELECT readable_to FROM rollup_progress WHERE name = '{family}')
            GROUP BY 1, {key}
        )
        SELECT '{table}', to_jsonb(wanted), to_jsonb(kept)
        FROM wanted FULL JOIN {table} AS kept USING (time, {key})
        WHERE wanted.samples IS NULL OR kept.samples IS NULL OR {differ}
    """  # noqa: S608 - names of ours


def container_series(
    start: datetime, count: int, step: timedelta, *, host: str, container: str, seed: int
) -> Iterator[StatsRow]:
    """Samples of one container that restarts, is renamed, and whose counters may be unknown."""
    random_ = random.Random(seed)  # noqa: S311 - figures, no secrets
    counters: dict[str, int | None] = {}
    started = before_started = start
    for number in range(count):
        if random_.random() < 0.03:
            started = start + number * step
            values = {name: random_.randrange(1000) for name in COUNTERS["container_stats"]}
        else:
            values = {
                name: (counters.get(name) or 0) + random_.randrange(10**6)
                for name in COUNTERS["container_stats"]
            }
        again = bool(counters) and started == before_started
        yield msgspec.structs.replace(
            samples.stats(0, container=container, host=host),
            time=start + number * step,
            name=f"web-{number // 50}",
            identity=f"name:web-{number // 50}",
            cpu_percent=None if random_.random() < 0.1 else random_.random() * 400,
            memory_used=random_.randrange(2**33),
            pids=None if random_.random() < 0.5 else random_.randrange(100),
            started=started,
            **values,
            **{
                f"{name.removesuffix('_total')}_increase": grown(
                    values[name], counters.get(name), again
                )
                for name in values
            },
        )
        counters, before_started = dict(values), started


def host_series(
    start: datetime, count: int, step: timedelta, *, host: str, seed: int
) -> Iterator[HostStatsRow]:
    """Samples of one machine."""
    random_ = random.Random(seed)  # noqa: S311 - figures, no secrets
    before: int | None = None
    for number in range(count):
        moved = random_.randrange(100) if random_.random() < 0.03 else (before or 0) + 1000
        yield HostStatsRow(
            time=start + number * step,
            host=host,
            source="machine",
            cpus=4,
            cpu_percent=random_.random() * 400,
            load_1=random_.random(),
            load_5=0.0,
            load_15=0.0,
            memory_total=2**34,
            memory_used=random_.randrange(2**34),
            swap_total=0,
            swap_used=random_.randrange(100),
            disk_total=10**12,
            disk_used=None if random_.random() < 0.2 else random_.randrange(10**12),
            network_rx=moved,
            network_tx=moved,
            network_rx_increase=grown(moved, before, again=True),
            network_tx_increase=grown(moved, before, again=True),
        )
        before = moved


def grown(value: int, before: int | None, again: bool) -> int | None:
    """What a counter grew by; from zero where it began anew."""
    if before is None:
        return None
    return value - before if again and value >= before else value
