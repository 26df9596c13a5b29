"""Kills at random moments under load: what was accepted is in the tables, exactly once."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import datetime
from functools import partial
from pathlib import Path

import psycopg
import pytest
import trio

from tests.faults.kill_program import CONTAINERS
from tests.lab.fixtures import Lab
from tests.lab.postgres import Kind, PostgresServer
from tests.storage.programs import postgres_processes, postmaster_pid, served
from tests.storage.recomputed import differences
from tests.storage.test_rollups import connected

KILLS = 34  # of each of the three
GRACE = 1.0  # seconds before a kill of fleet within which a row may be lost
PATIENCE = 120.0


class Storm:
    """One store under load, and what may be killed of it.

    Args:
        folder: Becomes the data directory's parent.
        url: Of the database, or `-` for the embedded one.
        kill_database: Kills it; what starts it again is its own.
        seed: Of the schedule.
    """

    def __init__(
        self, folder: Path, url: str, kill_database: Callable[[], None], seed: int
    ) -> None:
        self.folder, self.url = folder, url
        self.data_dir, self.ledger = folder / "data", folder / "ledger"
        self.data_dir.mkdir(parents=True)
        self.kills: list[float] = []  # of fleet
        self._kill_database = kill_database
        self._random = random.Random(seed)  # noqa: S311 - a schedule, no secret
        self._program: subprocess.Popen[str] | None = None

    async def run(self) -> None:
        """Kill, start again and kill, then let everything that was accepted be written."""
        for _ in range(KILLS):
            if self._program is None:
                await self._start("load")
            span = self._random.choice([(0.0, 0.5), (GRACE, 2 * GRACE)])
            await trio.sleep(self._random.uniform(*span))
            whom = self._random.choice(["fleet", "fleet", "database", "both"])
            if whom != "database":
                self._kill_fleet()
            if whom != "fleet":
                await trio.to_thread.run_sync(self._kill_database)
        if self._program is not None:
            self._kill_fleet()
        said = await self._start("finish")
        assert said == "0 0", "rows were dropped or refused"
        self.close()

    async def _start(self, job: str) -> str:
        """Start the program; returns its first line."""
        program = self._program = self._started(job)
        assert program.stdout is not None
        with trio.fail_after(PATIENCE):
            line = await trio.to_thread.run_sync(program.stdout.readline, abandon_on_cancel=True)
        assert line, (self.folder / "log").read_text()[-4000:]
        return line.strip()

    def _started(self, job: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.faults.kill_program", job]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*command, str(self.data_dir), str(self.ledger), self.url],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def _kill_fleet(self) -> None:
        assert self._program is not None
        with self._program as program:
            program.kill()
            self.kills.append(time.time())
        self._program = None

    def close(self) -> None:
        """End what still runs."""
        if self._program is not None:
            with self._program as program:
                program.terminate()
            self._program = None

    def accepted(self) -> dict[datetime, float]:
        """When each tick's rows were accepted; the last line before a kill may be cut."""
        lines = [line.split() for line in self.ledger.read_text().splitlines()]
        return {datetime.fromisoformat(moment): float(at) for moment, at in lines}


def check(storm: Storm, connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Every row that was accepted is there once, but for those of the last second before a kill."""
    accepted = storm.accepted()
    excused = {
        moment
        for moment, at in accepted.items()
        if any(killed - GRACE <= at <= killed for killed in storm.kills)
    }
    assert len(accepted) > KILLS
    assert len(excused) < 0.8 * len(accepted), "most of them must not be excused"
    wanted = {"container_stats": CONTAINERS, "container_events": 1, "container_logs": 1}
    for table, each in wanted.items():
        query = f"SELECT time FROM {table}"  # noqa: S608 - names of ours
        counts = Counter(row[0] for row in connection.execute(query.encode()))
        lacking = [moment for moment in accepted if counts[moment] < each]
        assert set(lacking) <= excused, f"{table}: {sorted(set(lacking) - excused)}"
        assert all(count <= each for count in counts.values()), table
    assert differences(connection, counters=False) == []


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's own: those are closed to the account that a root's server runs as.
    made = Path(tempfile.mkdtemp(prefix="fleet-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def _kill_external(server: PostgresServer, random_: random.Random) -> None:
    server.kill()
    time.sleep(random_.uniform(0, 0.5))  # away for a moment; in a thread of its own
    server.start_again()


def _kill_embedded(data_dir: Path) -> None:
    with suppress(OSError, ValueError):  # fleet was killed, or has not started it again
        pid = postmaster_pid(data_dir)
        if pid in postgres_processes(data_dir):
            os.kill(pid, signal.SIGKILL)


async def test_a_hundred_kills_of_fleet_and_its_database_lose_nothing_that_was_kept(
    lab: Lab, folder: Path
) -> None:
    kinds: list[Kind] = ["plain", "timescaledb-apache"]
    servers = [lab.postgres(kind, settings={"fsync": "on"}) for kind in kinds]
    storms = [Storm(folder / "embedded", "-", partial(_kill_embedded, folder / "embedded/data"), 2)]
    for seed, server in enumerate(servers, 3):
        pauses = random.Random(seed)  # noqa: S311 - a schedule
        kill = partial(_kill_external, server, pauses)
        storms.append(Storm(folder / server.kind, server.url, kill, seed))
    with ExitStack() as stack:
        async with trio.open_nursery() as nursery:
            for storm in storms:
                stack.callback(storm.close)
                nursery.start_soon(storm.run)
    for storm in storms[1:]:
        with connected(storm.url) as connection:
            check(storm, connection)
    with served(storms[0].data_dir) as program, connected(program.conninfo) as connection:
        check(storms[0], connection)
