"""A mapping whose values are read in the order of its keys: one change does not sort all anew."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=tuple[Any, ...])
V = TypeVar("V")
_FEW = 100  # one in so many: to put them in one by one is less work than to sort


class Ordered(Generic[K, V]):
    """Values by key. A change costs a search in the keys, reading all of them a copy."""

    def __init__(self) -> None:
        self._values: dict[K, V] = {}
        self._keys: list[K] = []  # sorted, without `_new`
        self._row: list[V] = []  # the values of those
        self._new: dict[K, None] = {}
        self._read: tuple[V, ...] | None = ()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: K) -> V | None:
        """The value of a key."""
        return self._values.get(key)

    def put(self, key: K, value: V | None) -> bool:
        """Set a value, or remove it (None). Whether that is a change; an equal one is kept."""
        known = self._values.get(key)
        if known == value:
            return False
        self._read = None
        if value is None:
            self._remove(key)
        elif known is None:
            self._values[key] = value
            self._new[key] = None
        else:
            self._values[key] = value
            if key not in self._new:
                self._row[bisect_left(self._keys, key)] = value
        return True

    @property
    def values(self) -> tuple[V, ...]:
        """All values in the order of their keys; the same tuple until the next change."""
        if self._read is None:
            if self._new:
                self._sort()
            self._read = tuple(self._row)
        return self._read

    @property
    def keys(self) -> Sequence[K]:
        """All keys in their order, until the next change."""
        if self._new:
            self._sort()
        return self._keys

    def _sort(self) -> None:
        if len(self._new) * _FEW < len(self._keys):
            for key in self._new:
                place = bisect_left(self._keys, key)
                self._keys.insert(place, key)
                self._row.insert(place, self._values[key])
        else:  # sorting what is sorted but for its end is one pass
            self._keys = sorted(self._keys + sorted(self._new))
            self._row = [self._values[key] for key in self._keys]
        self._new = {}

    def _remove(self, key: K) -> None:
        del self._values[key]
        if key in self._new:
            del self._new[key]
            return
        place = bisect_left(self._keys, key)
        del self._keys[place]
        del self._row[place]
