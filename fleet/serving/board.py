"""The counts of all workers in one place, as any of them may be asked for metrics.

Each has a number, for as long as it lives, and writes what it counted into a folder; who is asked
puts them together, each with the number of its worker.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

import anyio
import msgspec

from fleet.mirror.kinds import Metric
from web.exposition.text import Family

EVERY = 2.0  # seconds between what is written
OLD = 15.0  # seconds after which it is of a worker that is gone
MOST = 1000  # workers

_decoder = msgspec.json.Decoder(tuple[Metric, ...])


class Board:
    """One worker's place in the folder that all share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.number, self._held = _taken(folder)

    def together(self, own: list[Family]) -> list[Family]:
        """What this worker counted, and what the others did."""
        found: dict[str, Family] = {}
        for number, metrics in ((self.number, _metrics(own)), *self._others()):
            for metric in metrics:
                family = found.get(metric.name)
                if family is None:
                    kind = metric.kind
                    family = Family(metric.name, kind, metric.meaning)  # type: ignore[arg-type]  # as it was written
                    found[metric.name] = family
                family.lines += [_labelled(line, number) for line in metric.lines]
        return list(found.values())

    async def run(self, families: Callable[[], list[Family]]) -> NoReturn:
        """Write what was counted, until cancelled."""
        while True:
            self.write(families())
            await anyio.sleep(EVERY)

    def write(self, families: Iterable[Family]) -> None:
        """Write it now: a few KiB, which nobody waits for to reach a disk."""
        fresh = self._folder / f".{self.number}"
        fresh.write_bytes(msgspec.json.encode(_metrics(families)))
        fresh.replace(self._folder / f"{self.number}.json")

    def _others(self) -> Iterable[tuple[int, tuple[Metric, ...]]]:
        for path in sorted(self._folder.glob("*.json")):
            number = int(path.stem)
            try:
                is_old = time.time() - path.stat().st_mtime > OLD
                if number != self.number and not is_old:
                    yield number, _decoder.decode(path.read_bytes())
            except FileNotFoundError:  # another one comes in its place
                continue


def _taken(folder: Path) -> tuple[int, int]:
    """The first number that nobody has, and the descriptor that holds it."""
    for number in range(1, MOST):
        held = os.open(folder / f"{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
            continue
        return number, held
    raise AssertionError(f"more than {MOST} workers")


def _metrics(families: Iterable[Family]) -> tuple[Metric, ...]:
    return tuple(
        Metric(name=each.name, kind=each.kind, meaning=each.meaning, lines=tuple(each.lines))
        for each in families
    )


def _labelled(line: str, number: int) -> str:
    """A sample with the number of its worker among its labels."""
    name, brace, rest = line.partition("{")
    if brace and " " not in name:
        return f'{name}{{worker="{number}",{rest}'
    name, _, value = line.partition(" ")
    return f'{name}{{worker="{number}"}} {value}'
