"""Answers that are kept while nothing that they tell has changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

from web.rest.answer import Answer

MOST_KEPT = 256
MOST_BYTES = 32 * 1024 * 1024


class Entry(NamedTuple):
    """An answer, the word for its path, and what it is true of."""

    answer: Answer
    route: str
    subject: str
    version: Hashable


class Kept:
    """Those asked for last, within bounds of number and bytes.

    Args:
        most: How many.
        most_bytes: How long they may be together, in all their encodings.

    Attributes:
        bytes: How long they are together.
    """

    def __init__(self, most: int = MOST_KEPT, most_bytes: int = MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._entries: OrderedDict[Hashable, Entry] = OrderedDict()
        self._sizes: dict[Hashable, int] = {}
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: Hashable, versions: dict[str, Hashable]) -> Entry | None:
        """What was put there, if it still holds; what no longer holds is let go."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if versions[entry.subject] != entry.version:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry

    def put(self, key: Hashable, entry: Entry) -> None:
        """Keep an answer; those asked for longest ago go."""
        self._entries[key] = entry
        self._entries.move_to_end(key)
        self.grown(key)

    def grown(self, key: Hashable) -> None:
        """Count an answer anew: it has another encoding now."""
        entry = self._entries.get(key)
        if entry is None:
            return
        self.bytes += entry.answer.size - self._sizes.get(key, 0)
        self._sizes[key] = entry.answer.size
        while len(self._entries) > self._most or self.bytes > self._most_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: Hashable) -> None:
        self._entries.pop(key)
        self.bytes -= self._sizes.pop(key)
