"""How far long work on the database is, on stderr: bars on a terminal, else a line a table."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from fleet.cli.format import count
from fleet.cli.output import colours, note
from storage.archive import Moved
from storage.shape import Progress as Reshaped


class Tables:
    """Shows how tables get on, while its block lasts; to be told so from any thread."""

    def __init__(self) -> None:
        self._bars = _bars() if _for_people() else None
        self._tasks: dict[str, TaskID] = {}
        self._begun: dict[str, float] = {}

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def moved(self, progress: Moved) -> None:
        """Rows of a table have been moved."""
        seconds = time.monotonic() - self._begun.setdefault(progress.table, time.monotonic())
        speed = f"{count(progress.rows / seconds)} rows/s" if seconds and progress.rows else ""
        self._show(progress.table, progress.rows, progress.total, "rows", speed)
        if progress.done and progress.rows:
            self._line(progress.table, progress.rows, "rows", seconds)

    def reshaped(self, progress: Reshaped) -> None:
        """Hours of a table have got a new shape."""
        seconds = time.monotonic() - self._begun.setdefault(progress.table, time.monotonic())
        self._show(progress.table, progress.done, progress.total, "hours", "")
        if progress.done == progress.total:
            self._line(progress.table, progress.done, "hours of history", seconds)

    def _show(self, table: str, done: int, total: int | None, unit: str, speed: str) -> None:
        if self._bars is None:
            return
        if table not in self._tasks:
            self._tasks[table] = self._bars.add_task(table, visible=False, text="", speed="")
        estimate = None if total is None else max(total, done)
        self._bars.update(
            self._tasks[table],
            completed=done,
            total=estimate,
            visible=bool(done or total),
            text=f"{count(done)} {unit}",
            speed=speed,
        )

    def _line(self, table: str, done: int, unit: str, seconds: float) -> None:
        if self._bars is None:
            note(f"{table}: {count(done)} {unit}, {seconds:.1f} s")


def _for_people() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[text]}", justify="right"),
        TextColumn("{task.fields[speed]}", justify="right"),
        TimeRemainingColumn(),
        console=Console(stderr=True, no_color=not colours(), highlight=False),
        refresh_per_second=5,
        redirect_stdout=False,  # an archive may go there
    )
