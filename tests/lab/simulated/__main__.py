"""``python -m tests.lab.simulated``: serve simulated Engines until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from tests.lab.ports import free_port
from tests.lab.simulated.control import ControlServer
from tests.lab.simulated.plan import Plan

PARENT_SECONDS = 1.0  # between two looks at whether it is there


async def serve(plan: Plan, part: int) -> None:
    """Serve the hosts of one process until it is told to end, or its parent is gone.

    The tables of its hosts are written once they listen.
    """
    over, parent = asyncio.Event(), os.getppid()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    hosts = plan.make(part)
    for host in hosts:
        await host.listen()
    control = ControlServer({host.name: host for host in hosts})
    async with await control.listen(plan.control(part)):
        gc.freeze()  # thousands of containers, which stay, are not to be looked through again
        plan.tables(part).write_text(plan.toml(hosts))
        for host in hosts:
            host.live(plan.rate)
        print(f"part {part} serves", flush=True)
        while not over.is_set() and os.getppid() == parent:
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), PARENT_SECONDS)
    for host in hosts:
        host.live(0)
        host.refuse()


def start_parts(plan: Plan, words: Sequence[str], stack: ExitStack) -> list[subprocess.Popen[str]]:
    """Start a process for each part, and wait until all serve."""
    command = [sys.executable, "-m", "tests.lab.simulated", *words]
    processes = []
    for part in range(plan.processes):
        process = subprocess.Popen(
            [*command, "--part", str(part)], stdout=subprocess.PIPE, text=True
        )
        stack.enter_context(process)
        stack.callback(process.terminate)
        processes.append(process)
    for process in processes:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise SystemExit("a part ended before it served")
    return processes


def write_config(plan: Plan, listen: str) -> Path:
    """Write ``hosts.toml`` out of the tables of all parts."""
    head = f'[fleet]\nlisten = "{listen}"\ndata_dir = "{plan.folder / "data"}"\n'
    parts = (plan.tables(part).read_text() for part in range(plan.processes))
    config = plan.folder / "hosts.toml"
    config.write_text("\n".join((head, *parts)))
    return config


def options(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.simulated", description=__doc__)
    parser.add_argument("--hosts", type=int, default=10)
    parser.add_argument("--containers", type=int, default=20, help="of each host")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, required=True, help="for sockets and hosts.toml")
    parser.add_argument("--rate", type=float, default=0.0, help="events a second and host")
    parser.add_argument("--logged", type=float, default=0.02, help="share of containers, 0 to 1")
    parser.add_argument("--tls", type=float, default=0.0, help="share of hosts, from 0 to 1")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--listen", help="fleet's own address, for hosts.toml")
    parser.add_argument("--part", type=int, help=argparse.SUPPRESS)
    return parser.parse_args(words)


def main(words: Sequence[str]) -> None:
    """Start one process for each part, and end them when told to."""
    chosen = options(words)
    plan = Plan(
        hosts=chosen.hosts,
        containers=chosen.containers,
        seed=chosen.seed,
        folder=chosen.folder.absolute(),
        tls=chosen.tls,
        rate=chosen.rate,
        logged=chosen.logged,
        processes=chosen.processes,
    )
    _allow_many_files()
    if chosen.part is not None:
        asyncio.run(serve(plan, chosen.part))
        return
    plan.folder.mkdir(parents=True, exist_ok=True)
    if plan.tls:
        plan.prepare_tls()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        parts = start_parts(plan, words, stack)
        config = write_config(plan, chosen.listen or f"127.0.0.1:{free_port()}")
        print(config, flush=True)
        try:
            for part in parts:
                part.wait()
        except KeyboardInterrupt:
            return
    raise SystemExit("a part ended by itself")


def _allow_many_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    main(sys.argv[1:])
