r"""How fast rows are written: `write_batch` beside psql's `\copy` of the very same rows.

`python -m bench.writer` makes samples of many containers, writes them into `container_stats` in
batches through one connection, and has psql copy them from a file in one go, binary and text;
each way in turn, several times, into the emptied table. Servers sync to disk as in production.

Besides: rows per second that the spool takes and that are replayed from it, and the CPU that the
recorder needs for 1,000 containers sampled every 5 s.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import trio
from psycopg.conninfo import make_conninfo

import storage.replay
from config.models import Storage
from storage.batch import batch_of, write_batch
from storage.binaries import bundled_programs
from storage.database import Database
from storage.embedded import embedded_server
from storage.recorder import open_recorder
from storage.rows import StatsRow
from storage.spool import open_spool
from storage.tables import STATS
from storage.tally import Tally
from tests.lab.postgres import PostgresServer

SIZES = (500, 5000)
SYNCED = {"fsync": "on", "full_page_writes": "on"}
CONTAINERS = 1000
EVERY_SECONDS = 5.0


def rows_of(count: int) -> list[StatsRow]:
    """Samples of 1,000 containers until now, in the order in which they would come."""
    rounds = -(-count // CONTAINERS)
    begin = datetime.now(UTC) - timedelta(seconds=EVERY_SECONDS * rounds)
    return [
        _row(begin + timedelta(seconds=EVERY_SECONDS * (n // CONTAINERS)), n % CONTAINERS, n)
        for n in range(count)
    ]


def _row(at: datetime, container: int, number: int) -> StatsRow:
    return StatsRow(
        time=at,
        host=f"host-{container % 10}",
        container_id=f"{container:064x}",
        name=f"shop-web-{container}",
        identity=f"compose:shop/web/{container}",
        cpu_percent=number % 1000 / 10,
        cpu_total=10_000_000 * number,
        system_total=None,
        online_cpus=8,
        memory_used=100_000_000 + number,
        memory_limit=2**33,
        network_rx=number * 1000,
        network_tx=number * 500,
        block_read=number * 4096,
        block_write=number * 4096,
        pids=12,
        started=at - timedelta(hours=1),
        cpu_increase=10_000_000,
        network_rx_increase=1000,
        network_tx_increase=500,
        block_read_increase=4096,
        block_write_increase=4096,
    )


class Bench:
    """One database under measurement, with the rows in it and in files."""

    def __init__(self, conninfo: str, rows: Sequence[StatsRow], folder: Path) -> None:
        self.conninfo = make_conninfo(conninfo, options="-c search_path=fleet,public")
        self.rows = rows
        self._files = {kind: folder / kind for kind in ("binary", "text")}
        self._columns = ", ".join(STATS.columns)

    def ways(self) -> dict[str, Callable[[], None]]:
        """What is measured, by name."""
        return {
            **{f"write_batch, {size:,} rows": self._writing(size) for size in SIZES},
            **{f"psql \\copy, {kind}": self._copying(kind) for kind in self._files},
        }

    def prepare_files(self) -> None:
        """Write all rows once, and have psql write the files."""
        self._writing(SIZES[-1])()
        for kind, path in self._files.items():
            select = f"(SELECT {self._columns} FROM container_stats)"  # noqa: S608 - names of ours
            self._psql(f"\\copy {select} TO '{path}' WITH (FORMAT {kind})")

    def emptied(self, way: Callable[[], None]) -> float:
        """Rows per second of `way` into the empty table."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute("TRUNCATE container_stats")
        began = time.perf_counter()
        way()
        return len(self.rows) / (time.perf_counter() - began)

    def _writing(self, size: int) -> Callable[[], None]:
        batches = [batch_of(self.rows[at : at + size]) for at in range(0, len(self.rows), size)]

        def write() -> None:
            with psycopg.connect(self.conninfo, autocommit=True) as connection:
                for batch in batches:
                    write_batch(connection, batch)

        return write

    def _copying(self, kind: str) -> Callable[[], None]:
        target, path = f"container_stats ({self._columns})", self._files[kind]
        return lambda: self._psql(f"\\copy {target} FROM '{path}' WITH (FORMAT {kind})")

    def _psql(self, command: str) -> None:
        psql = bundled_programs() / "bin" / "psql"
        subprocess.run([psql, self.conninfo, "-qXc", command], check=True)


def compare(bench: Bench, turns: int) -> None:
    """All ways in turn; medians, and the ratio to psql's text, which is what people use."""
    bench.prepare_files()
    ways = bench.ways()
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(turns):
        for name, way in ways.items():
            speeds[name].append(bench.emptied(way))
    medians = {name: statistics.median(found) for name, found in speeds.items()}
    print(f"{'':<28} {'rows/s':>9} {'/ text':>7} {'/ binary':>9}")
    for name, speed in medians.items():
        text, binary = medians["psql \\copy, text"], medians["psql \\copy, binary"]
        print(f"{name:<28} {speed:>9,.0f} {speed / text:>7.2f} {speed / binary:>9.2f}")


async def spool_and_replay(conninfo: str, rows: Sequence[StatsRow], folder: Path) -> None:
    """Rows per second onto disk, in batches of each size, and from there into the database."""
    for size in SIZES:
        async with open_spool(folder / str(size), 2**30, Tally()) as spool:
            began = time.perf_counter()
            for at in range(0, len(rows), size):
                await spool.append(batch_of(rows[at : at + size]))
            speed = len(rows) / (time.perf_counter() - began)
            print(f"spool, synced each {size:,} rows{'':<3} {speed:>9,.0f} rows/s", flush=True)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("TRUNCATE fleet.container_stats")
    storage.replay.ROWS_PER_SECOND = 10**9
    settings = Storage()
    database = Database(conninfo, None, settings)
    began = time.perf_counter()
    async with open_recorder(database, settings, folder / str(SIZES[0])) as recorder:
        while recorder.status().spool.rows:  # noqa: ASYNC110 - a status has no event
            await trio.sleep(0.01)
        speed = len(rows) / (time.perf_counter() - began)
    database.close()
    print(f"replay, not limited          {speed:>9,.0f} rows/s", flush=True)


async def sustained(conninfo: str, folder: Path, seconds: float) -> None:
    """CPU of the recorder while 1,000 containers are sampled every 5 s, spread evenly."""
    settings = Storage()
    database = Database(conninfo, None, settings)
    await database.prepare()
    rows = rows_of(int(CONTAINERS * seconds / EVERY_SECONDS))
    async with open_recorder(database, settings, folder / "live") as recorder:
        began, used = trio.current_time(), time.process_time()
        for number, row in enumerate(rows):
            recorder.offer(row)
            if number % 10 == 9:
                await trio.sleep_until(began + number * EVERY_SECONDS / CONTAINERS)
        share = (time.process_time() - used) / (trio.current_time() - began)
        status = recorder.status()
    database.close()
    written = status.written["container_stats"]
    print(f"recorder, 200 rows/s: {share:.1%} of a core, {written} rows written in {seconds:g} s")


@contextmanager
def _server(kind: str) -> Iterator[str]:
    if kind == "timescaledb-apache":
        with PostgresServer("timescaledb-apache", settings=SYNCED) as server:
            yield server.url
    else:
        with PostgresServer("plain", settings=SYNCED) as server:
            yield server.url


async def _measure(conninfo: str, options: argparse.Namespace) -> None:
    database = Database(conninfo, None, Storage())
    await database.prepare()
    database.close()
    rows = rows_of(options.rows)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(conninfo, rows, Path(folder))
        await trio.to_thread.run_sync(compare, bench, options.turns)
        await spool_and_replay(conninfo, rows, Path(folder))
        await sustained(conninfo, Path(folder), options.seconds)


async def _measure_embedded(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # noqa: ASYNC240 - quick
        async with embedded_server(Path(folder) / "data") as conninfo:
            await _measure(conninfo, options)


def main() -> None:
    """Measure on each kind of server."""
    kinds = ("embedded", "plain", "timescaledb-apache")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", nargs="+", choices=kinds, default=list(kinds))
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=30.0, help="of sustained writing")
    options = parser.parse_args()
    for kind in options.servers:
        print(f"\n{kind}, {options.rows:,} rows", flush=True)
        if kind == "embedded":
            trio.run(_measure_embedded, options)
        else:
            with _server(kind) as conninfo:
                trio.run(_measure, conninfo, options)


if __name__ == "__main__":
    main()
