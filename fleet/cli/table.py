"""Tables: aligned columns for pipes, coloured ones that fit for terminals.

On a narrow terminal the least important columns are dropped; what is left never wraps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fleet.cli.output import colours, is_terminal, safe, width, write

if TYPE_CHECKING:
    from rich.table import Table as RichTable

Tone = Literal["", "good", "warn", "bad", "dim", "strong"]
STYLES: dict[Tone, str] = {
    "": "",
    "good": "green",
    "warn": "yellow",
    "bad": "bold red",
    "dim": "dim",
    "strong": "bold",
}
GAP = 2


@dataclass(frozen=True)
class Cell:
    """One cell's text and its colour. The text alone must say it all: colour may be missing."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True)
class Column:
    """One column.

    `rank` 0 is never dropped; the highest rank goes first. With `least` the column may be cut to
    that width, with an ellipsis.
    """

    title: str
    rank: int = 0
    right: bool = False
    least: int | None = None


@dataclass(frozen=True)
class Table:
    """Columns and rows of cells."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]

    def widths(self) -> list[int]:
        """What each column needs."""
        return [
            max([len(column.title), *(len(row[at].text) for row in self.rows)])
            for at, column in enumerate(self.columns)
        ]


def cell(value: object, tone: Tone = "") -> Cell:
    """Make a cell of any value; None and an empty text show as a dash."""
    text = safe(str(value)) if value is not None else ""
    return Cell(text, tone) if text else Cell("-", "dim")


def fitting(table: Table, space: int) -> list[tuple[int, int]]:
    """Choose columns for a terminal.

    Args:
        table: What is to be shown.
        space: Columns that the terminal has.

    Returns:
        The chosen columns' positions, each with its width.
    """
    columns, full = table.columns, table.widths()
    least = [min(need, column.least or need) for need, column in zip(full, columns, strict=True)]
    kept = list(range(len(columns)))
    while _total(least[at] for at in kept) > space:
        droppable = [at for at in kept if columns[at].rank > 0]
        if not droppable:
            break
        kept.remove(max(droppable, key=lambda at: (columns[at].rank, at)))
    spare = max(0, space - _total(least[at] for at in kept))
    chosen = []
    for at in kept:
        more = min(spare, full[at] - least[at])
        spare -= more
        chosen.append((at, least[at] + more))
    return chosen


def _total(widths: Iterable[int]) -> int:
    parts = list(widths)
    return sum(parts) + GAP * (len(parts) - 1)


def plain_lines(table: Table) -> Iterable[str]:
    """The whole table as aligned lines, nothing dropped or cut."""
    needs = table.widths()
    heading = [Cell(column.title) for column in table.columns]
    for row in (heading, *table.rows):
        parts = [
            item.text.rjust(need) if column.right else item.text.ljust(need)
            for item, need, column in zip(row, needs, table.columns, strict=True)
        ]
        yield (" " * GAP).join(parts).rstrip()


def rich_table(table: Table, space: int) -> RichTable:
    """The table for a terminal of `space` columns."""
    from rich.table import Table as RichTable
    from rich.text import Text

    chosen = fitting(table, space)
    drawn = RichTable(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for at, need in chosen:
        column = table.columns[at]
        drawn.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=True,
            overflow="ellipsis",
            width=need,
        )
    for row in table.rows:
        drawn.add_row(*(Text(row[at].text, style=STYLES[row[at].tone]) for at, _ in chosen))
    return drawn


def write_table(table: Table) -> None:
    """Write the table to stdout as suits it."""
    if not is_terminal():
        for line in plain_lines(table):
            write(line)
        return
    from rich.console import Console

    space = width()
    Console(width=space + GAP, no_color=not colours(), highlight=False).print(
        rich_table(table, space), soft_wrap=False, crop=True
    )


def write_lines(lines: Iterable[Cell]) -> None:
    """Write coloured lines to stdout; on a terminal long ones wrap at words."""
    if not is_terminal():
        for line in lines:
            write(safe(line.text))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(no_color=not colours(), highlight=False)
    for line in lines:
        console.print(Text(safe(line.text), style=STYLES[line.tone]))
