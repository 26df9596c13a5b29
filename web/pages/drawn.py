"""Rows of pages as they were drawn last, for as long as what they tell is the same."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

MOST_ROWS = 5_000  # some kilobytes each


class Drawn:
    """Shared by all who look: whose rows tell the same get the same text.

    Args:
        most: How many rows are kept; those that were looked at last.
    """

    def __init__(self, most: int = MOST_ROWS) -> None:
        self._most = most
        self._rows: OrderedDict[Hashable, tuple[tuple[object, ...], str]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, key: Hashable, told: tuple[object, ...], draw: Callable[[], str]) -> str:
        """A row, drawn anew only if it tells something else than before.

        Args:
            key: What it is about, and for whom it is drawn so: a zone of time, say.
            told: All that its text depends on; compared with what it was before.
            draw: Makes the text.
        """
        known = self._rows.get(key)
        if known is not None and known[0] == told:
            self._rows.move_to_end(key)
            return known[1]
        text = draw()
        self._rows[key] = (told, text)
        self._rows.move_to_end(key)
        if len(self._rows) > self._most:
            self._rows.popitem(last=False)
        return text
