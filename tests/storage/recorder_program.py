"""A program that records samples until it is killed: `CONNINFO SPOOL FIRST`.

It offers samples from number FIRST on, and now and then waits until all are kept and prints the
next number. With FIRST -1 it offers none, and prints `empty` when the spool is.
"""

import sys
from itertools import count
from pathlib import Path

import trio

from config.models import Storage
from storage.database import Database
from storage.recorder import open_recorder
from tests.storage import samples

SETTINGS = Storage(batch_size=50, batch_age=0.05)


async def main(conninfo: str, spool: Path, first: int) -> None:
    database = Database(conninfo, None, SETTINGS)
    async with open_recorder(database, SETTINGS, spool) as recorder:
        if first < 0:
            while recorder.status().spool.rows:  # noqa: ASYNC110 - a status has no event
                await trio.sleep(0.002)
            print("empty", flush=True)
            await trio.sleep_forever()
        for number in count(first):
            recorder.offer(samples.stats(number))
            if number % 7 == 0:
                await trio.sleep(0.002)
            if number % 500 == 499:
                while sum(recorder.status().queued.values()):  # noqa: ASYNC110 - as above
                    await trio.sleep(0.002)
                print(number + 1, flush=True)


if __name__ == "__main__":
    trio.run(main, sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
