"""The examples of docs/client.md, each run as a program."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from tests.web.fleet_in_memory import FleetInMemory
from tests.web.live_in_memory import LiveInMemory

PAGE = Path(__file__).parents[2] / "docs" / "client.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
SAID = (
    r"down\ntwo \none web app:1\n",
    r"\S+ \S+ one web die\ngo on with last_id = \d+-\w+\n",
    r"\['stats', 'web', 'web'\]\n1 at first\n",
    r"unknown-host No host is called 'egde-1'.*\('edge-1',\) \w{32}\n",
)


def test_all_examples_are_run() -> None:
    assert len(EXAMPLES) == len(SAID)


@pytest.mark.parametrize(("example", "said"), list(zip(EXAMPLES, SAID, strict=False)))
async def test_an_example_does_what_it_says(
    address: str, fleet: FleetInMemory, live: LiveInMemory, example: str, said: str
) -> None:
    fleet.add_host("edge-1")
    live.container("web", labels={"site": "fra"})
    program = example.replace("127.0.0.1:8080", address)

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
        )

    async with trio.open_nursery() as nursery:
        done: list[subprocess.CompletedProcess[str]] = []

        async def work() -> None:
            done.append(await trio.to_thread.run_sync(run))

        nursery.start_soon(work)
        if "follow_events" in example:
            with trio.fail_after(60):
                while not fleet.subscribers and not done:  # noqa: ASYNC110 - nobody tells of it
                    await trio.sleep(0.01)
            fleet.emit("die")
    assert done[0].returncode == 0, done[0].stderr
    assert re.fullmatch(said, done[0].stdout), done[0].stdout
