"""What is killed: a store under load. `load|finish DATA_DIR LEDGER URL` (URL `-`: embedded).

`load` offers rows for ever and enters each in the ledger once it was accepted: what the kernel took
outlives a kill. `finish` offers nothing, and ends when all that was accepted is in the tables and
rolled up.
"""

import functools
import itertools
import logging
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import trio

from config.models import Config, Fleet, Storage
from storage import rollups
from storage.database import Database
from storage.errors import StorageError
from storage.recorder import Recorder
from storage.rows import EventRow, LogRow, StatsRow
from storage.store import Store, open_store
from tests.storage import samples

TICK = 0.05
CONTAINERS = 20


def rows_of(moment: datetime, number: int) -> list[StatsRow | EventRow | LogRow]:
    """What is offered at one tick: a sample of every container, an event and a log line."""
    nanos = int(moment.timestamp() * 1_000_000) * 1000
    stats = [
        msgspec.structs.replace(
            samples.stats(number, container=f"c{index}"),
            time=moment,
            started=moment,
            cpu_increase=number,
            network_rx_increase=index,
        )
        for index in range(CONTAINERS)
    ]
    event = msgspec.structs.replace(samples.event(0), time=moment, time_nano=nanos)
    log = LogRow(
        time=moment,
        time_nano=nanos,
        host="h",
        container_id="c0",
        name="web",
        identity="name:web",
        stream="stdout",
        sequence=0,
        level=None,
        line=f"line {number}",
        truncated=False,
    )
    return [*stats, event, log]


async def load(recorder: Recorder, ledger: int) -> None:
    for number in itertools.count():
        moment = datetime.now(UTC)
        for row in rows_of(moment, number):
            recorder.offer(row)
        os.write(ledger, f"{moment.isoformat()} {time.time()}\n".encode())
        await trio.sleep(TICK)


async def roll_up_at_once(database: Database) -> None:
    """The upkeep without its patience: whatever comes a moment later is late."""
    while True:
        try:
            await roll_up(database, timedelta(0))
        except StorageError as error:
            logging.info("not rolled up now: %s", error)
        await trio.sleep(0.5)


async def roll_up(database: Database, lag: timedelta) -> None:
    edition = (await database.about()).edition
    family = "container_stats"
    await database.maintain(functools.partial(rollups.advance, family=family, days=7, lag=lag))
    for step in (rollups.roll_up, rollups.roll_up_late):
        while await database.maintain(functools.partial(step, family=family, edition=edition)):
            pass


async def finish(store: Store) -> None:
    while True:
        status = store.recorder.status()
        if status.state == "writing" and not sum(status.queued.values()) + status.spool.rows:
            break
        await trio.sleep(0.05)
    await roll_up(store.database, timedelta(minutes=-2))
    status = store.recorder.status()
    print(sum(status.dropped.values()), sum(status.refused.values()), flush=True)


async def main(job: str, data_dir: Path, ledger: Path, url: str) -> None:
    config = Config(
        fleet=Fleet(data_dir=data_dir),
        storage=Storage(url=None if url == "-" else url),
        hosts={},
    )
    async with open_store(config) as store:
        if job == "finish":
            await finish(store)
            return
        appended = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(load, store.recorder, appended)
            nursery.start_soon(roll_up_at_once, store.database)
            print("ready", flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    trio.run(main, sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
