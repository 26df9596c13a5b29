"""A program that serves a data directory until it is killed: `DATA_DIR DEATH_MODE`."""

import sys
from pathlib import Path

import trio

from storage.embedded import embedded_server


async def main(data_dir: Path, death_mode: str) -> None:
    async with embedded_server(data_dir, death_mode=death_mode) as conninfo:
        print(conninfo, flush=True)
        await trio.sleep_forever()


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), sys.argv[2])
