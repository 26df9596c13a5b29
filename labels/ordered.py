"""A mapping whose values are read in the order of its keys: one change does not sort all anew."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=tuple[Any, ...])
V = TypeVar("V")


class Ordered(Generic[K, V]):
    """Values by key. A change costs a search; reading all costs one pass, once per change."""

    def __init__(self) -> None:
        self._values: dict[K, V] = {}
        self._keys: list[K] = []
        self._new: list[K] = []  # not in `_keys` yet
        self._read: tuple[V, ...] | None = ()

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: K) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[K]:
        return iter(self._values)

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
            del self._values[key]
            self._drop(key)
            return True
        if known is None:
            self._new.append(key)
        self._values[key] = value
        return True

    @property
    def values(self) -> tuple[V, ...]:
        """All values in the order of their keys; the same tuple until the next change."""
        if self._read is None:
            if self._new:
                # Sorting what is sorted but for its end is one pass.
                self._keys = sorted(self._keys + sorted(self._new))
                self._new = []
            self._read = tuple(map(self._values.__getitem__, self._keys))
        return self._read

    def _drop(self, key: K) -> None:
        place = bisect_left(self._keys, key)
        if place < len(self._keys) and self._keys[place] == key:
            del self._keys[place]
        else:
            self._new.remove(key)
