"""A screen that is refreshed in place on a terminal, and simply written again into a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fleet.cli.output import colours, is_terminal, width, write
from fleet.cli.table import STYLES, Cell, Table, cell, plain_lines, rich_table

if TYPE_CHECKING:
    from rich.live import Live


class Screen:
    """Refreshes without flicker; Ctrl-C ends its block cleanly.

    What was shown last stays on the terminal afterwards.
    """

    def __init__(self) -> None:
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if is_terminal():
            from rich.console import Console
            from rich.live import Live

            console = Console(no_color=not colours(), highlight=False)
            self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if self._live is not None:
            self._live.stop()
        return kind is KeyboardInterrupt

    def table(self, table: Table, below: Iterable[Cell] = ()) -> None:
        """Show a table and lines below it instead of what was shown before."""
        lines = list(below)
        if self._live is None:
            for line in plain_lines(table):
                write(line)
            for cell in lines:
                write(cell.text)
            write("")
            sys.stdout.flush()
            return
        from rich.console import Group
        from rich.text import Text

        texts = [Text(line.text, style=STYLES[line.tone]) for line in lines]
        self._live.update(Group(rich_table(table, width()), Text(), *texts), refresh=True)

    def say(self, text: str) -> None:
        """Show a message instead of what was shown before."""
        self.table(Table((), ()), [cell(line) for line in text.splitlines()])
